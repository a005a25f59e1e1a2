"""What is printed and not finished: stored beside the log by the attempt that holds the run, gone with its end."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from builds.contract.runs import Lines
from builds.domain.log.lines import LogLine, OpenLine
from builds.domain.states import EndReason
from builds.models import BuildRun, OpenLines
from builds.queries.log import LineWindow, open_now, read_window
from builds.services.runs.log import append_chunks
from builds.services.runs.transitions import End, Lease, end_attempt, end_lost, take

CANCELLED = End(EndReason.CANCELLED)
HALF = OpenLine("sha256:a", 1, 40, "half")


@pytest.fixture
def lease(run) -> Lease:
    lease = take(run.pk, claim=1, owner="one")
    assert append_chunks(lease, [], after=0, opened=(None, [HALF]))
    return lease


def lapse(run: BuildRun) -> None:
    BuildRun.objects.filter(pk=run.pk).update(lease_expires_at=Now() - timedelta(seconds=1))


def shown(run: BuildRun) -> list[str]:
    return [one.line.text for one in open_now(run.pk).lines]


def test_a_line_is_open_until_the_commit_that_stores_it(run, lease):
    assert (open_now(run.pk).line_count, shown(run)) == (0, ["half"])
    finished = [LogLine(b"half done\n", "sha256:a", 1)]
    assert append_chunks(lease, [(None, finished)], after=0, opened=(None, []))
    assert (open_now(run.pk).line_count, shown(run)) == (1, [])


def test_what_is_open_stays_where_only_lines_are_stored(run, lease):
    assert append_chunks(lease, [(None, [LogLine(b"other\n", None, 1)])], after=0)
    assert shown(run) == ["half"]


def test_a_stale_attempt_changes_nothing_of_what_is_open(run, lease):
    lapse(run)
    second = take(run.pk, claim=1, owner="two")
    assert shown(run) == []  # what the lost attempt had printed goes with it
    assert append_chunks(second, [], after=0, opened=(None, [OpenLine(None, 1, 50, "new")]))
    assert not append_chunks(lease, [], after=0, opened=(None, [HALF]))
    assert not append_chunks(lease, [(None, [LogLine(b"old\n", None, 1)])], after=0, opened=(None, []))
    assert shown(run) == ["new"]


def test_nothing_is_open_once_the_attempt_has_ended_the_run(run, lease):
    assert end_attempt(lease, CANCELLED)
    assert not append_chunks(lease, [], after=0, opened=(None, [HALF]))
    assert not OpenLines.objects.exists()


def test_nothing_is_open_once_a_lost_run_is_ended_for_its_attempt(run, lease):
    lapse(run)
    assert end_lost(run.pk, token=lease.token, end=CANCELLED)
    assert not OpenLines.objects.exists()


def test_a_window_of_the_log_tells_what_is_open(run, lease):
    run.refresh_from_db()
    told = Lines.tell(read_window(run, LineWindow()))
    assert list(told) == ["lines", "last", "total", "complete", "inks", "open"]
    assert told["open"] == [{"t": 40, "step": None, "vertex": "sha256:a", "stream": 1, "text": "half", "ink": ""}]
    end_attempt(lease, CANCELLED)
    run.refresh_from_db()
    assert Lines.tell(read_window(run, LineWindow()))["open"] == []
