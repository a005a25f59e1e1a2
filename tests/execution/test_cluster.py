"""A cluster of workers goes on whichever of its processes is killed, in whatever it was doing."""

import multiprocessing
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db.models.functions import Now

from builds.cluster import PACKET_BYTES, PacketQueue
from builds.execution.pulse import Questions
from builds.models import BuildRun, WorkerCluster, WorkerHost
from builds.queries.clusters import silent_clusters
from tests.support.runs import children_of, ended, press
from tests.support.waiting import wait_until

pytestmark = pytest.mark.faults
CONTEXT = multiprocessing.get_context("fork")


def reads(pid: int) -> bool:
    """Say whether a process sleeps in a read of a socket."""
    return Path(f"/proc/{pid}/wchan").read_text() in {"__skb_wait_for_more_packets", "unix_stream_read_generic"}


@pytest.fixture
def new_queue():
    """Make queues, whose sockets are closed behind the test."""
    made: list[PacketQueue] = []

    def make(**options) -> PacketQueue:
        made.append(PacketQueue(**options))
        return made[-1]

    yield make
    for queue in made:
        queue._reading.close()
        queue._writing.close()


def echo(tasks: PacketQueue, results: PacketQueue) -> None:
    while True:
        results.put(tasks.get())


def test_every_item_arrives_once_although_a_waiting_reader_is_killed_before_each(new_queue):
    tasks, results = new_queue(), new_queue()
    readers = [CONTEXT.Process(target=echo, args=(tasks, results), daemon=True) for _ in range(3)]
    for reader in readers:
        reader.start()
    got = []
    for number in range(100):
        victim = readers.pop(0)
        wait_until(lambda pid=victim.pid: reads(pid), message="the reader does not wait")
        os.kill(victim.pid, signal.SIGKILL)
        victim.join()
        readers.append(CONTEXT.Process(target=echo, args=(tasks, results), daemon=True))
        readers[-1].start()
        tasks.put(number)
        got.append(results.get())
    for reader in readers:
        reader.kill()
        reader.join()
    assert got == list(range(100))
    assert tasks.empty()
    assert results.empty()


def test_an_item_that_the_kernel_would_cut_is_refused(new_queue):
    queue = new_queue()
    longest = "x" * (PACKET_BYTES - 100)
    queue.put(longest)
    assert queue.get() == longest
    with pytest.raises(ValueError, match="longer than a packet"):
        queue.put("x" * PACKET_BYTES)


def test_a_bounded_queue_makes_its_writer_wait(new_queue):
    queue = new_queue(maxsize=1)
    writer = CONTEXT.Process(target=lambda: [queue.put(number) for number in range(200)], daemon=True)
    writer.start()
    wait_until(lambda: not queue.empty() and Path(f"/proc/{writer.pid}/wchan").read_text() == "sock_alloc_send_pskb")
    assert [queue.get() for _ in range(200)] == list(range(200))
    writer.join()


def fresh_cluster(workers, name: str) -> list[int]:
    """Start a cluster anew; return its workers, monitor and pusher, in the order in which a sentinel starts them."""
    workers.kill(name)
    workers.start_cluster(name)
    main = workers.processes[name].pid
    count = settings.CLUSTER_WORKERS[name] + 2
    return wait_until(lambda: [*found] if len(found := children_of(main)) == count else None, timeout=30)


@pytest.mark.parametrize("role", ["worker", "monitor", "pusher"])
def test_a_press_runs_after_any_process_of_the_idle_cluster_was_killed(workers, caller, build_of, role):
    *workers_, monitor, pusher = fresh_cluster(workers, "builds")
    for victim in {"worker": workers_, "monitor": [monitor], "pusher": [pusher]}[role]:
        os.kill(victim, signal.SIGKILL)
    run = ended(press(build_of("RUN true"), caller), timeout=45)
    assert (run.run_state, run.attempt) == ("DONE", 1)


def ready_checks(client) -> tuple[int, dict[str, str]]:
    answer = client.get("/readyz")
    return answer.status_code, answer.json()["checks"]


def test_clusters_that_pick_nothing_up_are_told_by_readyz_and_ended(workers, client):
    pushers = [fresh_cluster(workers, cluster)[-1] for cluster in settings.CLUSTER_WORKERS]
    mains = {cluster: workers.processes[cluster] for cluster in settings.CLUSTER_WORKERS}
    heard = {main.pid for main in mains.values()}
    wait_until(lambda: set(WorkerCluster.objects.values_list("process_group", flat=True)) == heard, timeout=30)
    assert ready_checks(client) == (200, dict.fromkeys(("database", "queue", "sweeper", "callbacks"), "ok"))
    for pusher in pushers:
        os.kill(pusher, signal.SIGSTOP)  # nothing here looks for stopped processes, as the supervisor does
    for cluster, check in (("builds", "queue"), ("service", "callbacks")):
        said = f"no {cluster} worker picks up what is handed over, asked at "
        wait_until(lambda check=check, said=said: ready_checks(client)[1][check].startswith(said), timeout=60)
        assert ready_checks(client)[0] == 503
    for cluster, main in mains.items():
        assert main.wait(90) == -signal.SIGKILL
        workers.start_cluster(cluster)
    wait_until(lambda: ready_checks(client)[0] == 200, timeout=30, message=lambda: str(ready_checks(client)))


def test_workers_that_all_have_a_run_are_not_taken_for_silent(workers, caller, build_of, client):
    held = [press(build_of("RUN sleep 40", name=f"long-{number}"), caller) for number in range(workers.workers)]
    wait_until(lambda: all_running(held), timeout=30)
    host = WorkerHost.objects.get(name=workers.host)
    WorkerCluster.objects.filter(host=host, name="builds").update(asked_at=Now() - timedelta(seconds=60))
    assert not silent_clusters().exists()
    assert ready_checks(client)[0] == 200
    BuildRun.objects.filter(pk=held[0].pk).update(lease_expires_at=Now() - timedelta(seconds=1))
    assert [cluster.name for cluster in silent_clusters()] == ["builds"]


def all_running(runs: list[BuildRun]) -> bool:
    return {run.run_state for run in BuildRun.objects.filter(pk__in=[run.pk for run in runs])} == {"RUNNING"}


def test_a_host_whose_row_was_taken_away_since_its_beat_asks_nothing(db, settings):
    settings.WORKER_HOST = "nowhere"
    Questions().ask()
    assert not WorkerCluster.objects.exists()


def test_a_cluster_whose_row_was_taken_away_has_one_again_at_the_next_look(db, settings):
    settings.WORKER_HOST = "somewhere"
    WorkerHost.objects.create(name="somewhere")
    questions = Questions()
    questions.ask()
    WorkerCluster.objects.all().delete()
    questions.ask()
    assert {cluster.name for cluster in WorkerCluster.objects.all()} == set(settings.CLUSTER_WORKERS)
