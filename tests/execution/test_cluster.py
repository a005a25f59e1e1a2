"""A cluster of workers goes on whichever of its processes is killed, in whatever it was doing."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from builds.cluster import PACKET_BYTES, PacketQueue
from tests.support.runs import ended, press
from tests.support.waiting import wait_until

pytestmark = pytest.mark.faults
CONTEXT = multiprocessing.get_context("fork")


def children_of(pid: int) -> list[int]:
    """Return the child processes of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


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


@pytest.mark.parametrize("role", ["worker", "monitor", "pusher"])
def test_a_press_runs_after_any_process_of_the_idle_cluster_was_killed(workers, caller, build_of, role):
    (sentinel,) = children_of(workers.processes["builds"].pid)
    processes = wait_until(lambda: found if len(found := children_of(sentinel)) == workers.workers + 2 else None)
    victims = {"worker": processes[:-2], "monitor": processes[-2:-1], "pusher": processes[-1:]}[role]
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    run = ended(press(build_of("RUN true"), caller), timeout=45)
    assert (run.run_state, run.attempt) == ("DONE", 1)
