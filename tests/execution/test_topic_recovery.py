"""A topic's run that its worker host has lost: who settles it, where it goes on, and what is told while it cannot."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from builds.domain.run_events import EventKind
from builds.execution.recovery import settle_lost_run
from builds.execution.sweeper import Orphan, _kinds
from builds.models import BuildRun, BuildServer, RunEvent, WorkerHost
from builds.queries.waiting import waiting_of
from builds.services.dispatch import dispatch
from builds.services.runs.cancel_and_remove import request_cancel
from builds.services.runs.transitions import take
from tests.support.people import make_build, make_world, operator_of
from tests.support.runs import press


@pytest.fixture
def caller(db):
    return operator_of(make_world())


@pytest.fixture
def lost(caller, settings) -> BuildRun:
    """A run of a topic that the host `gone` had, which is silent."""
    settings.WORKER_HOST = "here"
    BuildServer.objects.create(name="arm", url="topic:arm").accounts.set(caller.account_ids)
    WorkerHost.objects.create(name="gone", workers=1, topics=["arm"], topics_only=True)
    run = press(make_build(caller, "FROM scratch\n", server_host="topic:arm"), caller)
    dispatch(run.server_id)
    run.refresh_from_db()
    assert take(run.pk, claim=run.claim, owner="gone/1")
    WorkerHost.objects.update(beat_at=Now() - timedelta(minutes=1))
    BuildRun.objects.update(lease_expires_at=Now() - timedelta(seconds=40), claimed_at=Now() - timedelta(minutes=1))
    run.refresh_from_db()
    return run


def found() -> list[int]:
    """Return the runs that this host's sweeper would settle."""
    rows, _act = _kinds()[Orphan.LOST]
    return list(rows.values_list("pk", flat=True))


def test_it_goes_on_at_another_host_of_the_topic(lost):
    WorkerHost.objects.create(name="here", workers=1, topics=["arm"])
    assert found() == [lost.pk]
    settle_lost_run(lost)
    lost.refresh_from_db()
    assert (lost.run_state, lost.claimed_host) == ("RUNNING", "here")
    assert RunEvent.objects.of(lost.pk, EventKind.ATTEMPT_LOST, attempt=1).exists()


def test_a_host_that_lives_settles_its_own(lost):
    WorkerHost.objects.filter(name="gone").update(beat_at=Now())
    assert found() == []


def test_without_another_host_it_waits_and_says_so(lost):
    settle_lost_run(lost)
    lost.refresh_from_db()
    assert (lost.run_state, lost.claimed_host) == ("RUNNING", "gone")
    waiting = waiting_of(lost)
    assert waiting.position is None
    assert waiting.reason == (
        "Its worker was lost. No live worker serves arm now; start one with this topic in BUILDHUB_TOPICS."
    )
    settle_lost_run(lost)
    assert RunEvent.objects.of(lost.pk, EventKind.NO_WORKER).count() == 1
    WorkerHost.objects.create(name="back", workers=1, topics=["arm"])
    assert waiting_of(lost).reason == "Its worker was lost; another one takes it over."


def test_a_cancel_is_not_called_confirmed_while_its_host_is_away(lost, caller):
    WorkerHost.objects.create(name="here", workers=1, topics=["arm"])
    cancel = request_cancel(run_id=lost.pk, caller=caller)
    lost.refresh_from_db()
    settle_lost_run(lost)
    lost.refresh_from_db()
    cancel.refresh_from_db()
    assert (lost.run_state, cancel.run_state) == ("RUNNING", "RUNNING")
    unconfirmed = RunEvent.objects.of(lost.pk, EventKind.UNCONFIRMED).get()
    assert unconfirmed.because == "worker host gone, which alone reaches the engine that it ran on, is silent"
