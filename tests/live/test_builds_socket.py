"""/ws/builds: every run that the reader may see when it changes, and how many there are."""

from collections.abc import Callable
from io import BytesIO

from builds.services.accounts.access import caller_for
from builds.services.builds.contexts import store_context
from builds.services.runs.cancel_and_remove import request_cancel
from tests.live.browser import Watcher
from tests.live.world import World, finish
from tests.support.archives import tar_of
from tests.support.people import make_build

Watch = Callable[..., Watcher]


def states(watcher: Watcher) -> list[tuple[int, str]]:
    return [(frame["run"]["buildRunSeq"], frame["run"]["runState"]) for frame in watcher.of("run")]


def test_counts_come_first_and_runs_under_way_behind_them(watch: Watch, world: World):
    lease = world.begin()
    watcher = watch("/ws/builds")
    assert watcher.next() == {"type": "counts", "running": 1, "waiting": 0, "failed24h": 0, "done24h": 0}
    assert watcher.next()["run"]["buildRunSeq"] == lease.run_id


def test_a_run_is_sent_at_every_change(watch: Watch, world: World):
    watcher = watch("/ws/builds")
    watcher.next("counts")
    lease = world.begin()
    watcher.until(lambda: (lease.run_id, "RUNNING") in states(watcher))
    finish(lease)
    watcher.until(lambda: (lease.run_id, "DONE") in states(watcher))
    assert watcher.run["possibleActions"] == ["VIEW", "BUILD", "LOG", "REMOVE"]


def test_counts_follow_the_runs(watch: Watch, world: World):
    watcher = watch("/ws/builds")
    run = world.press()
    watcher.until(lambda: bool(watcher.of("counts")) and watcher.of("counts")[-1]["waiting"] == 1)
    request_cancel(run_id=run.pk, caller=caller_for(world.operator))
    watcher.until(lambda: watcher.of("counts")[-1]["waiting"] == 0)
    assert watcher.of("counts")[-1]["failed24h"] == 0  # a cancelled run has not failed


def test_a_cancel_run_is_a_run_too(watch: Watch, world: World):
    run = world.press()
    watcher = watch("/ws/builds")
    cancel = request_cancel(run_id=run.pk, caller=caller_for(world.operator))
    watcher.until(lambda: {(run.pk, "ERROR"), (cancel.pk, "DONE")} <= set(states(watcher)))
    assert {number for number, _state in states(watcher)} == {run.pk, cancel.pk}


def test_the_actions_are_those_of_the_reader(watch: Watch, world: World):
    lease = world.begin()
    viewer = watch("/ws/builds", token=world.token(world.viewer))
    assert viewer.next("run")["run"]["buildRunSeq"] == lease.run_id
    assert viewer.run["possibleActions"] == ["VIEW", "LOG"]


def test_a_build_that_was_given_files_is_told_to_who_may_see_it(watch: Watch, world: World):
    watcher, stranger = watch("/ws/builds"), watch("/ws/builds", token=world.token(world.stranger))
    told = {"type": "build", "buildSeq": world.build.pk}
    assert watcher.next("build") == told  # it was created a moment ago
    stranger.next("counts")
    store_context(build_id=world.build.pk, caller=caller_for(world.operator), file=BytesIO(tar_of(note=b"x")))
    assert watcher.next("build") == told
    own = make_build(caller_for(world.stranger), "FROM scratch")
    assert stranger.next("build") == {"type": "build", "buildSeq": own.pk}
