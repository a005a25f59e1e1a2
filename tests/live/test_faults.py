"""What goes wrong on the way: the bell's connection is cut, a reader does not read, the database is away."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from builds.live import outbox, topics
from builds.services.accounts.access import caller_for
from builds.services.runs.cancel_and_remove import request_cancel
from tests.live.browser import Watcher
from tests.live.world import World, finish, say, say_many
from tests.support.waiting import wait_until

Watch = Callable[..., Watcher]
BELLS = "FROM pg_stat_activity WHERE application_name = 'buildhub-bell' AND datname = current_database()"


def bells() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pid {BELLS} AND state = 'idle'")
        return [pid for (pid,) in cursor.fetchall()]


def cut_bell() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_terminate_backend(pid) {BELLS}")


@pytest.mark.faults
def test_nothing_is_lost_when_the_bell_is_cut_again_and_again(watch: Watch, world: World):
    lease = world.begin()
    watcher = watch(f"/ws/runs/{lease.run_id}")
    for cut in range(4):
        wait_until(bells, message="no connection listens")
        say_many(lease, 20, chunk=5)
        cut_bell()
        say_many(lease, 20, chunk=5)
        watcher.until(lambda: len(watcher.numbers) >= 40 * (cut + 1))  # noqa: B023  called at once
    finish(lease)
    assert watcher.rest() == 1000
    assert watcher.numbers == list(range(1, 161))


@pytest.mark.faults
def test_after_a_cut_the_bell_itself_is_heard_again(watch: Watch, world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(topics, "FALLBACK_SECONDS", 600.0)
    lease = world.begin()
    watcher = watch(f"/ws/runs/{lease.run_id}")
    watcher.next("steps")
    old = wait_until(bells)
    cut_bell()
    say(lease, "said while nobody listened")
    assert watcher.next("lines")["lines"][0]["n"] == 1
    wait_until(lambda: bells() and bells() != old)
    say(lease, "said again")
    assert watcher.next("lines")["lines"][0]["n"] == 2


@pytest.mark.faults
def test_all_runs_hears_after_a_cut_what_changed_meanwhile(watch: Watch, world: World):
    watcher = watch("/ws/builds")
    watcher.next("counts")
    wait_until(bells)
    cut_bell()
    run = world.press()
    assert watcher.next("run")["run"]["buildRunSeq"] == run.pk


@pytest.mark.faults
def test_a_lost_bell_is_made_up_for(watch: Watch, world: World, monkeypatch: pytest.MonkeyPatch):
    lease = world.begin()
    watcher = watch(f"/ws/runs/{lease.run_id}")
    watcher.next("steps")
    monkeypatch.setattr(topics.RunTopic, "lines_grew", lambda _: None)
    say(lease, "unheard")
    assert watcher.next("lines")["lines"][0]["text"] == "unheard"


@pytest.mark.faults
def test_a_reader_that_does_not_read_is_told_what_it_missed_and_holds_up_nobody(
    watch: Watch, world: World, server: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outbox, "MAX_FRAMES", 4)
    lease = world.begin()
    slow = watch(f"/ws/runs/{lease.run_id}", sock=narrow(server), max_queue=1)
    quick = watch(f"/ws/runs/{lease.run_id}")
    slow.next("steps")
    say(lease, "both are level")
    slow.next("lines")
    drained = threading.Thread(target=quick.rest)
    drained.start()
    say_many(lease, 12_000, chunk=200, width=1000)  # much more than all buffers between hold
    finish(lease)
    drained.join(timeout=30)
    assert quick.numbers == list(range(1, 12_002))
    assert slow.rest() == 1000
    assert covered(slow) == list(range(1, 12_002))
    assert slow.of("skipped")


def narrow(server: str) -> socket.socket:
    """Return a connected socket that takes in little."""
    host, port = server.split(":")
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    found.connect((host, int(port)))
    return found


def covered(watcher: Watcher) -> list[int]:
    """Return every line number that was sent or named as skipped, in the order of the frames."""
    numbers: list[int] = []
    for frame in watcher.frames:
        if frame["type"] == "lines":
            numbers += [line["n"] for line in frame["lines"]]
        elif frame["type"] == "skipped":
            numbers += range(numbers[-1] + 1, frame["to"] + 1)
    return numbers


def test_hundred_watchers_cost_as_many_reads_of_the_log_as_one(
    watch: Watch, world: World, monkeypatch: pytest.MonkeyPatch
):
    reads: list[Any] = []
    read = topics.reading.lines_after
    monkeypatch.setattr(topics.reading, "lines_after", lambda *where: (reads.append(where), read(*where))[1])
    lease, token = world.begin(), world.token(world.viewer)
    watchers = [watch(f"/ws/runs/{lease.run_id}", token=token) for _ in range(100)]
    say(lease, "all are here")
    for watcher in watchers:
        watcher.next("lines")
    reads.clear()
    say(lease, "one more")
    assert {watcher.next("lines")["lines"][0]["n"] for watcher in watchers} == {2}
    assert len(reads) < 20


def test_the_connections_end_with_the_last_socket(watch: Watch, world: World):
    run = world.press()
    watcher = watch(f"/ws/runs/{run.pk}")
    watcher.next("steps")
    wait_until(bells)
    request_cancel(run_id=run.pk, caller=caller_for(world.operator))
    assert watcher.rest() == 1000
    wait_until(lambda: not bells(), message="the bell is still connected")
