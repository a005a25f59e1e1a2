"""Senders as processes: a receiver that hangs holds up nothing else, and a sender that is killed loses nothing."""

import pytest

from builds import task_queue
from builds.execution.callbacks import LOST, SENDERS, SENDERS_AT_ONE_RECEIVER, call_for_due
from builds.models import BuildRun, CallbackDelivery
from builds.services import callbacks
from builds.services.runs.cancel_and_remove import request_remove
from builds.services.runs.parameters import RunAsk
from tests.support.people import make_build, make_world, operator_of
from tests.support.plugin import SERVICES
from tests.support.receiver import answering, hanging, receiving
from tests.support.runs import ended, press
from tests.support.waiting import wait_until
from tests.support.workers import Workers

OPEN = {"BUILDHUB_OUTBOUND_ALLOW": "127.0.0.1"}


@pytest.fixture(autouse=True)
def open_loopback(settings):
    settings.OUTBOUND_ALLOW = ("127.0.0.1",)


@pytest.fixture
def senders(transactional_db):
    """The service cluster alone."""
    workers = Workers("unix:///nowhere.sock", log=SERVICES.home / "senders.log", extra=OPEN)
    workers.start_cluster("service")
    yield workers
    workers.leave()


def lapse(run: BuildRun) -> None:
    """Let claims be over, as 90 s after their senders were killed."""
    CallbackDelivery.objects.filter(run=run).exclude(claimed_until=None).update(claimed_until="2000-01-01T00:00:00Z")


@pytest.mark.faults
def test_what_a_killed_sender_carried_is_delivered_later(senders):
    caller = operator_of(make_world())
    with receiving(hanging, answering(200)) as receiver:
        run = press(make_build(caller, "FROM scratch\n"), caller, RunAsk(callback_url=receiver.url))
        callbacks.note_run(run.pk, what="running")
        receiver.until_heard(1)
        senders.kill("service")  # SIGKILL to all its processes
        senders.start_cluster("service")
        wait_until(lambda: not task_queue.senders_have_calls(), timeout=30)
        lapse(run)
        assert call_for_due() == 1
        receiver.until_heard(3, timeout=30)
    first, second = CallbackDelivery.objects.filter(run=run).order_by("number")
    wait_until(lambda: not CallbackDelivery.objects.filter(state="WAITING").exists())
    assert [heard.headers["webhook-id"] for heard in receiver.heard] == [
        first.webhook_id,
        first.webhook_id,
        second.webhook_id,
    ]
    assert list(first.attempts.values_list("status", "error")) == [(None, LOST), (200, "")]


def test_receivers_that_hang_hold_up_neither_a_build_nor_a_removal(engine_url, caller, build_of):
    workers = Workers(engine_url, log=SERVICES.home / "senders.log", extra=OPEN)
    workers.start()
    try:
        with receiving(hanging) as receiver, receiving(hanging) as other:
            ask = RunAsk(
                callback_url="|".join(f"{one.url}/{number}" for one in (receiver, other) for number in range(4))
            )
            run = ended(press(build_of("RUN echo unhurried > /r", name="unhurried"), caller, ask))
            assert run.run_state == "DONE"
            removal = ended(request_remove(run_id=run.pk, caller=caller))
            assert removal.run_state == "DONE"
            wait_until(lambda: len(receiver.heard) + len(other.heard) == SENDERS, timeout=30)
            assert {len(receiver.heard), len(other.heard)} == {
                SENDERS_AT_ONE_RECEIVER,
                SENDERS - SENDERS_AT_ONE_RECEIVER,
            }
            assert not receiver.ended.is_set()
            assert not CallbackDelivery.objects.filter(run=run).exclude(state="WAITING").exists()
    finally:
        workers.leave()


def test_the_sweeper_brings_back_what_waits_for_its_next_attempt(senders):
    senders.start_one("sweeper", "sweep")
    caller = operator_of(make_world())
    with receiving(answering(500), answering(200)) as receiver:
        run = press(make_build(caller, "FROM scratch\n"), caller, RunAsk(callback_url=receiver.url))
        receiver.until_heard(2)
        wait_until(lambda: CallbackDelivery.objects.filter(run=run, state="DELIVERED").exists())
        delivery = CallbackDelivery.objects.get(run=run)
        assert list(delivery.attempts.values_list("status", flat=True)) == [500, 200]
