"""/ws/runs/{seq}: every line once, in order, with the run and its steps as they change."""

import hashlib
import threading
from collections.abc import Callable

from django.db import connections

from builds.domain.states import EndReason
from builds.services.accounts.access import caller_for
from builds.services.runs.cancel_and_remove import request_cancel
from builds.services.runs.steps import open_step, show_vertices
from builds.services.runs.transitions import End, end_cancel
from tests.live.browser import Watcher
from tests.live.world import World, finish, image_step, say, say_many

Watch = Callable[..., Watcher]


def test_a_late_viewer_gets_everything_from_line_1(watch: Watch, world: World):
    lease = world.begin()
    say_many(lease, 1203)
    watcher = watch(f"/ws/runs/{lease.run_id}")
    watcher.until(lambda: len(watcher.numbers) >= 1203)
    say(lease, "live")
    watcher.until(lambda: "live" in watcher.texts)
    assert watcher.numbers == list(range(1, 1205))
    assert max(len(frame["lines"]) for frame in watcher.of("lines")) <= 500


def test_the_ink_in_which_lines_begin_stands_beside_them(watch: Watch, world: World):
    lease = world.begin()
    say(lease, "\x1b[1;31mred", "still red\x1b[m", "plain")
    lines = watch(f"/ws/runs/{lease.run_id}").next("lines")
    assert [list(line) for line in lines["lines"]] == [["n", "t", "step", "vertex", "stream", "text"]] * 3
    assert lines["inks"] == {"2": "1;31"}
    say(lease, "no colour")
    assert watch(f"/ws/runs/{lease.run_id}?after=3").next("lines")["inks"] == {}


def test_the_run_is_the_first_frame_and_its_actions_are_those_of_the_reader(watch: Watch, world: World):
    lease = world.begin()
    operator = watch(f"/ws/runs/{lease.run_id}").next()
    viewer = watch(f"/ws/runs/{lease.run_id}", token=world.token(world.viewer)).next()
    assert operator["run"]["buildRunSeq"] == lease.run_id
    assert operator["run"]["runState"] == "RUNNING"
    assert operator["run"]["possibleActions"] == ["VIEW", "LOG", "CANCEL"]
    assert viewer["run"]["possibleActions"] == ["VIEW", "LOG"]


def test_a_viewer_who_comes_back_gets_what_follows_its_last_line(watch: Watch, world: World):
    lease = world.begin()
    say_many(lease, 250)
    watcher = watch(f"/ws/runs/{lease.run_id}?after=120")
    say_many(lease, 50)
    finish(lease)
    assert watcher.rest() == 1000
    assert watcher.numbers == list(range(121, 301))


def test_a_viewer_ahead_of_the_log_waits_for_its_line(watch: Watch, world: World):
    lease = world.begin()
    say_many(lease, 3)
    watcher = watch(f"/ws/runs/{lease.run_id}?after=5")
    watcher.next("steps")
    say(lease, "4", "5", "6", "7")
    watcher.next("lines")
    assert watcher.texts == ["6", "7"]


def test_two_viewers_get_the_same(watch: Watch, world: World):
    lease = world.begin()
    say_many(lease, 30)
    watchers = [watch(f"/ws/runs/{lease.run_id}") for _ in range(2)]
    say_many(lease, 500, chunk=7)
    finish(lease)
    assert [watcher.rest() for watcher in watchers] == [1000, 1000]
    assert watchers[0].numbers == watchers[1].numbers == list(range(1, 531))
    assert watchers[0].texts == watchers[1].texts


def test_lines_stored_while_viewers_connect_come_once(watch: Watch, world: World):
    lease = world.begin()
    stop = threading.Event()
    said: list[int] = []

    def print_on() -> None:
        while not stop.is_set():
            say(lease, f"line {len(said) + 1}")
            said.append(1)
        connections.close_all()

    printer = threading.Thread(target=print_on)
    printer.start()
    watchers: list[Watcher] = []
    for _ in range(15):
        watcher = watch(f"/ws/runs/{lease.run_id}")
        watcher.next("lines")
        watchers.append(watcher)
    stop.set()
    printer.join(timeout=20)
    finish(lease)
    assert {watcher.rest() for watcher in watchers} == {1000}
    assert all(watcher.numbers == list(range(1, len(said) + 1)) for watcher in watchers)


def test_the_end_comes_once_after_the_last_line_and_seals_the_log(watch: Watch, world: World):
    lease = world.begin()
    watcher = watch(f"/ws/runs/{lease.run_id}")
    say(lease, "first", "grün")
    finish(lease)
    assert watcher.rest() == 1000
    data = "first\ngrün\n".encode()
    sealed = {"type": "end", "lineCount": 2, "byteCount": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert watcher.of("end") == [sealed]
    assert watcher.frames[-1] == sealed
    assert watcher.run["runState"] == "DONE"


def test_an_ended_run_is_sent_whole_and_closed(watch: Watch, world: World):
    lease = world.begin()
    say_many(lease, 3)
    finish(lease)
    watcher = watch(f"/ws/runs/{lease.run_id}?after=1")
    assert watcher.rest() == 1000
    assert watcher.numbers == [2, 3]
    assert len(watcher.of("end")) == 1


def test_a_run_without_a_line_ends_with_the_hash_of_nothing(watch: Watch, world: World):
    run = world.press()
    watcher = watch(f"/ws/runs/{run.pk}")
    watcher.next("run")
    request_cancel(run_id=run.pk, caller=caller_for(world.operator))
    assert watcher.rest() == 1000
    assert watcher.run["endReason"] == "CANCELLED"
    assert watcher.of("end")[0]["sha256"] == hashlib.sha256(b"").hexdigest()


def test_steps_and_instructions_are_sent_as_they_move(watch: Watch, world: World):
    lease = world.begin()
    watcher = watch(f"/ws/runs/{lease.run_id}")
    watcher.next("steps")
    step = image_step(lease)
    open_step(lease, step)
    vertex = {"vertex": "sha256:1", "name": "[1/1] RUN true", "state": "RUNNING", "cached": False}
    show_vertices(lease, step.pk, [vertex])
    watcher.until(lambda: bool(watcher.steps()[step.pk]["instructions"]))
    assert watcher.steps()[step.pk]["stepState"] == "RUNNING"
    assert watcher.steps()[step.pk]["instructions"] == [{"step": step.pk, **vertex}]


def test_a_step_that_has_not_moved_is_not_sent_again(watch: Watch, world: World):
    lease = world.begin()
    watcher = watch(f"/ws/runs/{lease.run_id}")
    first = watcher.next("steps")
    step = image_step(lease)
    open_step(lease, step)
    second = watcher.next("steps")
    assert len(first["steps"]) == 2
    assert [moved["buildStepRunSeq"] for moved in second["steps"]] == [step.pk]


def test_asking_for_a_cancel_is_shown_at_once(watch: Watch, world: World):
    lease = world.begin()
    watcher = watch(f"/ws/runs/{lease.run_id}")
    watcher.next("steps")
    request_cancel(run_id=lease.run_id, caller=caller_for(world.operator))
    watcher.until(lambda: bool(watcher.run["cancelRequestedAt"]))
    assert watcher.run["possibleActions"] == ["VIEW", "LOG"]


def test_a_cancel_that_cannot_be_confirmed_gives_the_button_back(watch: Watch, world: World):
    lease = world.begin()
    cancel = request_cancel(run_id=lease.run_id, caller=caller_for(world.operator))
    watcher = watch(f"/ws/runs/{lease.run_id}")
    assert watcher.next("run")["run"]["possibleActions"] == ["VIEW", "LOG"]
    end_cancel(cancel.pk, End(EndReason.NOT_CONFIRMED, "The engine does not answer."))
    assert watcher.next("run")["run"]["possibleActions"] == ["VIEW", "LOG", "CANCEL"]


def test_lines_of_another_run_do_not_come(watch: Watch, world: World):
    lease = world.begin()
    say(lease, "theirs")
    finish(lease)
    other = world.begin()
    watcher = watch(f"/ws/runs/{other.run_id}")
    say(other, "ours")
    finish(other)
    watcher.rest()
    assert watcher.texts == ["ours"]


def test_what_is_not_finished_is_sent_as_it_grows_and_goes_behind_its_line(watch: Watch, world: World):
    lease = world.begin()
    step = image_step(lease)
    watcher = watch(f"/ws/runs/{lease.run_id}")
    assert watcher.next("open")["lines"] == []  # also where there is nothing: a page may have been rendered before
    say(lease, step=step, unfinished="half")
    told = {"t": 7, "step": step.pk, "vertex": None, "stream": 1, "text": "half", "ink": ""}
    assert watcher.next("open")["lines"] == [told]
    say(lease, step=step, unfinished="half a")
    assert watcher.next("open")["lines"] == [{**told, "text": "half a"}]
    say(lease, "half a line", step=step, unfinished="")
    assert watcher.next("open") == {"type": "open", "lines": [], "last": 1}
    assert watcher.texts == ["half a line"]


def test_what_stays_open_is_told_again_behind_later_lines_and_that_nothing_is_open_once(watch: Watch, world: World):
    lease = world.begin()
    watcher = watch(f"/ws/runs/{lease.run_id}")
    assert watcher.next("open")["last"] == 0
    say(lease, "one", unfinished="half")
    assert watcher.next("open")["last"] == 1
    say(lease, "two", unfinished="half")
    told = watcher.next("open")
    assert (told["last"], [line["text"] for line in told["lines"]]) == (2, ["half"])
    say(lease, "half", unfinished="")
    assert watcher.next("open") == {"type": "open", "lines": [], "last": 3}
    say(lease, "four")
    finish(lease)
    watcher.rest()
    assert watcher.frames[-2]["type"] != "open"
    assert len(watcher.of("open")) == 4


def test_a_late_viewer_gets_what_is_not_finished_behind_all_lines(watch: Watch, world: World):
    lease = world.begin()
    say_many(lease, 1203)
    say(lease, unfinished="half")
    watcher = watch(f"/ws/runs/{lease.run_id}")
    assert [line["text"] for line in watcher.next("open")["lines"]] == ["half"]
    assert watcher.numbers == list(range(1, 1204))


def test_a_line_is_never_both_open_and_finished(watch: Watch, world: World):
    lease = world.begin()
    watchers = [watch(f"/ws/runs/{lease.run_id}") for _ in range(2)]
    for n in range(40):
        say(lease, unfinished=f"line {n}.")
        say(lease, f"line {n}.", unfinished=f"line {n + 1}")
    finish(lease)
    for watcher in watchers:
        assert watcher.rest() == 1000
        assert watcher.texts == [f"line {n}." for n in range(40)]
        assert not both(watcher)
        assert watcher.of("open")[-1]["lines"] == []
        assert watcher.frames[-1]["type"] == "end"


def both(watcher: Watcher) -> list[str]:
    """Return what is told as open although a line that begins with it has been sent."""
    sent: list[str] = []
    found: list[str] = []
    for frame in watcher.frames:
        if frame["type"] == "lines":
            sent += [line["text"] for line in frame["lines"]]
        elif frame["type"] == "open":
            found += [line["text"] for line in frame["lines"] if line["text"] in sent]
    return found
