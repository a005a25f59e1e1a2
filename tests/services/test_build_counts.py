"""The counts of a build are kept with every change of its runs, and `recount` finds what is wrong with them."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now

from builds.domain.states import EndReason
from builds.management.commands.recount import WRONG
from builds.models import Build, BuildCounts, BuildRun, BuildTag
from builds.services.runs.cancel_and_remove import request_cancel
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import push_again, start_run
from builds.services.runs.transitions import End, end_attempt, take
from tests.services.together import side_by_side
from tests.support.people import make_build, make_world, operator_of

IMAGE = "sha256:" + "a" * 64


def wrong() -> list[int]:
    """Return the builds whose counts are not what their runs say."""
    with connection.cursor() as cursor:
        cursor.execute(WRONG)
        return [build_id for (build_id,) in cursor.fetchall()]


def counts(build: Build) -> tuple[int, ...]:
    kept = BuildCounts.objects.get(pk=build.pk)
    return kept.runs, kept.running, kept.done, kept.error, kept.tags


def taken(run: BuildRun):
    BuildRun.objects.filter(pk=run.pk).update(claim=1, claimed_at=Now(), claimed_host="here")
    lease = take(run.pk, claim=1, owner="worker")
    assert lease is not None
    return lease


def finish(run: BuildRun, reason: EndReason = EndReason.DONE, size: int = 100) -> None:
    is_done = reason is EndReason.DONE
    end = End(reason, "" if is_done else "no", image_digest=IMAGE if is_done else "", image_size=size if is_done else 0)
    assert end_attempt(taken(run), end)


def pressed(build: Build, caller, tag: str) -> BuildRun:
    return start_run(build_id=build.pk, caller=caller, ask=RunAsk(tag_name=tag))


@pytest.fixture
def build(caller) -> Build:
    return make_build(caller, "FROM scratch\n", auto_tag=False, tag_name="1", when_running="QUEUE")


def test_counts_follow_a_run_through_its_states(build, caller):
    first = pressed(build, caller, "1")
    assert (counts(build), wrong()) == ((1, 1, 0, 0, 0), [])
    finish(first)
    assert (counts(build), wrong()) == ((1, 0, 1, 0, 1), [])
    failed = pressed(build, caller, "2")
    finish(failed, EndReason.BUILD_FAILED)
    assert (counts(build), wrong()) == ((2, 0, 1, 1, 1), [])
    request_cancel(run_id=pressed(build, caller, "3").pk, caller=caller)
    assert (counts(build), wrong()) == ((3, 0, 1, 2, 1), [])


def test_averages_are_of_the_runs_that_are_done(build, caller):
    for tag, size in (("1", 100), ("2", 301)):
        finish(pressed(build, caller, tag), size=size)
    for run, seconds in zip(BuildRun.objects.order_by("pk"), (10, 21), strict=True):
        BuildRun.objects.filter(pk=run.pk).update(begin_time=Now() - timedelta(seconds=seconds), end_time=Now())
    kept = BuildCounts.objects.get(pk=build.pk)
    assert (kept.seconds, kept.size, wrong()) == (15, 200, [])


def test_a_tag_counts_once_until_the_last_run_that_has_it_is_removed(build, caller):
    first = pressed(build, caller, "1")
    finish(first)
    again = push_again(run_id=first.pk, caller=caller)
    finish(again)
    assert (counts(build), BuildTag.objects.get().images) == ((2, 0, 2, 0, 1), 2)
    for left, run in ((1, first), (0, again)):
        BuildRun.objects.filter(pk=run.pk).update(removed_at=Now())
        assert (counts(build)[-1], BuildTag.objects.count(), wrong()) == (left, left, [])
    assert counts(build) == (0, 0, 0, 0, 0)


def test_runs_that_build_nothing_are_not_counted(build, caller):
    run = pressed(build, caller, "1")
    taken(run)
    request_cancel(run_id=run.pk, caller=caller)
    assert (build.runs.count(), counts(build), wrong()) == (2, (1, 1, 0, 0, 0), [])


def test_a_row_that_is_deleted_counts_no_more(build, caller):
    finish(pressed(build, caller, "1"))
    BuildRun.objects.all().delete()
    assert (counts(build), BuildTag.objects.count()) == ((0, 0, 0, 0, 0), 0)


def test_recount_says_which_counts_were_wrong_and_mends_them(build, caller, capsys):
    finish(pressed(build, caller, "1"))
    call_command("recount")
    assert "All counts are right." in capsys.readouterr().out
    BuildCounts.objects.filter(pk=build.pk).update(done=7)
    BuildTag.objects.all().delete()
    assert wrong() == [build.pk]
    with pytest.raises(SystemExit) as exit_:
        call_command("recount")
    assert (exit_.value.code, f"The counts of builds {build.pk} were wrong" in capsys.readouterr().err) == (1, True)
    assert (counts(build), BuildTag.objects.count(), wrong()) == ((1, 0, 1, 0, 1), 1, [])


@pytest.mark.django_db(transaction=True)
def test_counts_hold_when_runs_end_and_are_pressed_at_the_same_moment():
    caller = operator_of(make_world())
    build = make_build(caller, "FROM scratch\n", auto_tag=False, tag_name="1", when_running="QUEUE")
    runs = [pressed(build, caller, str(number)) for number in range(6)]
    leases = [taken(run) for run in runs[:3]]
    Build.objects.filter(pk=build.pk).update(when_running="REPLACE")
    acts = [lambda lease=lease: end_attempt(lease, End(EndReason.BUILD_FAILED, "no")) for lease in leases]
    answers, faults = side_by_side(*acts, lambda: pressed(build, caller, "7"), lambda: pressed(build, caller, "8"))
    assert (len(answers), faults, wrong()) == (5, [], [])
    assert [answer for answer in answers if isinstance(answer, str)] == []  # nobody was refused
    assert counts(build)[0] == 8
