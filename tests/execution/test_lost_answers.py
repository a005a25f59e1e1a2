"""Sessions that end in the middle of a transaction, and commits that were done but never answered: nothing twice."""

import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from builds.domain.access import Role
from builds.execution.executor import execute_build
from builds.execution.remover import execute_removal
from builds.models import BuildRun, CallbackDelivery, RunEvent, WorkerHost
from builds.services.accounts.access import caller_for
from builds.services.runs.cancel_and_remove import request_build_removal
from builds.services.runs.parameters import RunAsk
from builds.services.runs.transitions import seal
from tests.support.people import make_person
from tests.support.runs import press, texts

LOST = "server closed the connection unexpectedly"
RECEIVER = "http://8.8.8.8:9/told"  # no sender runs here, nobody sends
ONCE = {"accepted": 1, "claimed": 1, "running": 1, "step": 2, "pushed": 1, "ended": 1}


@pytest.fixture
def run(caller, build_of) -> BuildRun:
    """A claimed run that tells its states."""
    WorkerHost.objects.create(name="here", workers=1)
    run = press(build_of(f"RUN : {uuid.uuid4().hex}; seq 1 300"), caller, RunAsk(callback_url=RECEIVER))
    run.refresh_from_db()
    return run


@contextmanager
def every_first_commit(*, is_done: bool) -> Iterator[list[int]]:
    """Cut the line at every other commit of each thread: once it is done, or before."""
    real, counted, lost = BaseDatabaseWrapper._commit, threading.local(), []

    def commit(wrapper: BaseDatabaseWrapper) -> None:
        counted.number = getattr(counted, "number", 0) + 1
        if is_done or counted.number % 2 == 0:
            real(wrapper)
        if counted.number % 2 == 1:
            lost.append(counted.number)
            wrapper.connection.close()
            raise OperationalError(LOST)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseWrapper, "_commit", commit)
        yield lost


@contextmanager
def ever_rarer_statements(first: int) -> Iterator[list[str]]:
    """Cut the line before a statement of this thread, after `first`, `first` + 2, `first` + 4 … statements."""
    cut: list[str] = []
    left = first

    def execute(run, sql, params, many, context):
        nonlocal left
        left -= 1
        if left == 0:
            cut.append(sql)
            left = first + 2 * len(cut)
            connection.connection.close()
        return run(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield cut


def assert_done_once(run: BuildRun) -> None:
    """The run is DONE in its first attempt, and nothing of it is there twice."""
    run.refresh_from_db()
    assert (run.run_state, run.attempt, run.end_message) == ("DONE", 1, "")
    events = Counter(RunEvent.objects.filter(run=run).values_list("what", flat=True))
    assert {what: events[what] for what in ONCE} == {**ONCE, "accepted": events["accepted"]}
    told = Counter(CallbackDelivery.objects.filter(run=run).values_list("what", flat=True))
    assert told == {"accepted": 1, "running": 1, "step": 2, "ended": 1}
    assert [text for text in texts(run) if text.isdigit()] == [str(number) for number in range(1, 301)]
    assert seal(run.pk) == (run.byte_count, run.log_sha256)


@pytest.mark.parametrize("is_done", [True, False], ids=["done", "not done"])
def test_each_commit_without_an_answer_is_made_once(run, is_done):
    with every_first_commit(is_done=is_done) as lost:
        execute_build(run.pk, run.claim)
    assert len(lost) >= 9  # take, prepare, two steps opened and closed, image kept, pushed, ended; and the log
    assert_done_once(run)


@pytest.mark.parametrize("first", [1, 2, 6])
def test_a_session_that_is_gone_before_any_statement_costs_nothing(run, first):
    with ever_rarer_statements(first) as cut:
        execute_build(run.pk, run.claim)
    assert len(cut) >= 5
    assert_done_once(run)


@pytest.mark.parametrize("is_done", [True, False], ids=["done", "not done"])
def test_a_removal_whose_commits_are_not_answered_removes_and_tells_once(run, is_done):
    execute_build(run.pk, run.claim)
    admin = caller_for(make_person("admin", Role.ADMIN, run.account))
    removal = request_build_removal(build_id=run.build_id, caller=admin, callback_url=RECEIVER)
    with every_first_commit(is_done=is_done):
        execute_removal(removal.pk, removal.claim)
    removal.refresh_from_db()
    run.refresh_from_db()
    assert (removal.run_state, removal.end_message) == ("DONE", f"{run.image.tagged} was removed from the registry.")
    assert run.removed_at is not None
    told = CallbackDelivery.objects.filter(build_id=run.build_id).exclude(run=run).values_list("what", flat=True)
    assert Counter(told) == {"accepted": 1, "running": 1, "step": 1, "ended": 1, "removed": 1}
