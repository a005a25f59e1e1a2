"""What a round of the sweeper asks of the database, and that it finds every kind of orphan by it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from builds.domain.states import RunState, RunType
from builds.execution import sweeper
from builds.execution.pulse import Questions
from builds.models import BuildRun, CallbackDelivery, WorkerCluster, WorkerHost
from builds.services import callbacks
from tests.support.people import make_build, make_world, operator_of
from tests.support.runs import press

MOST = 3  # beat, clusters, kinds of orphans; BEGIN, COMMIT and savepoints are not counted
LONG_AGO = Now() - timedelta(minutes=2)
BY_NOBODY = {"claimed_at": LONG_AGO, "claimed_host": "gone", "claim": 1}


@pytest.fixture
def run(db) -> BuildRun:
    caller = operator_of(make_world())
    return press(make_build(caller, "FROM scratch\n"), caller)


def a_round(questions: Questions) -> list[str]:
    """Beat, ask and sweep; return what was said to the database."""
    with CaptureQueriesContext(connection) as said:
        sweeper.beat()
        questions.ask()
        sweeper.sweep()
    return [query["sql"] for query in said.captured_queries if "SAVEPOINT" not in query["sql"]]


def test_a_round_that_finds_nothing_asks_little(db):
    questions = Questions()
    assert len(a_round(questions)) > MOST  # the first one makes its rows and asks the clusters
    WorkerCluster.objects.update(asked_at=None, heard_at=Now())
    said = a_round(questions)
    assert len(said) <= MOST, "\n".join(sql[:120] for sql in said)


def test_a_run_whose_doorbell_was_not_heard_is_claimed(run):
    WorkerHost.objects.create(name="host", workers=1)
    sweeper.sweep()
    run.refresh_from_db()
    assert run.claimed_host == "host"


def test_a_claim_that_nobody_follows_up_is_taken_back(run):
    BuildRun.objects.filter(pk=run.pk).update(**BY_NOBODY)
    sweeper.sweep()
    run.refresh_from_db()
    assert (run.claimed_at, run.claim) == (None, 2)


def test_a_run_with_a_silent_lease_is_settled_unless_that_is_left_for_later(run, monkeypatch):
    settled = []
    monkeypatch.setattr(sweeper, "settle_lost_run", settled.append)
    BuildRun.objects.filter(pk=run.pk).update(**BY_NOBODY, run_state=RunState.RUNNING, lease_expires_at=LONG_AGO)
    sweeper.sweep(settle=False)
    assert settled == []
    sweeper.sweep()
    assert settled == [run]


def test_a_removal_that_nobody_has_begun_is_called_again(run):
    BuildRun.objects.filter(pk=run.pk).update(**BY_NOBODY, run_type=RunType.REMOVE, updated_at=LONG_AGO)
    sweeper.sweep()
    assert OrmQ.objects.filter(key="service").count() == 1


@pytest.mark.parametrize(("seconds", "state"), [(3600, RunState.CREATED), (60, RunState.ERROR)])
def test_a_run_ends_that_has_waited_longer_than_its_build_allows(run, seconds, state):
    definition = replace(run.definition, queue_limit_seconds=seconds)
    BuildRun.objects.filter(pk=run.pk).update(created_at=Now() - timedelta(seconds=75), definition=definition)
    sweeper.sweep()
    run.refresh_from_db()
    assert run.run_state == state


def test_a_sender_is_called_for_a_callback_that_is_due(run):
    BuildRun.objects.filter(pk=run.pk).update(callback_url="http://127.0.0.1:9/")
    callbacks.note_run(run.pk, what="accepted")
    OrmQ.objects.all().delete()
    sweeper.sweep()
    assert OrmQ.objects.filter(key="callbacks").count() == CallbackDelivery.objects.count() == 1
