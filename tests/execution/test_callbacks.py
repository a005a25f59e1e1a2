"""Senders on the real ledger with a real receiver: at least once, in order, signed, and never for ever."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import close_old_connections
from django.db.models.functions import Now
from standardwebhooks import Webhook

from builds import task_queue
from builds.engine.outbound import Limits
from builds.execution.callbacks import LOST, call_for_due, deliver
from builds.models import Account, BuildRun, CallbackDelivery
from builds.services import callbacks
from builds.services.accounts.webhook_secret import webhook_secret
from tests.support.people import make_build, make_world, operator_of
from tests.support.receiver import answering, closing, dripping, hanging, receiving
from tests.support.runs import press
from tests.support.waiting import free_port, wait_until

AT_ONCE = (0.0,) * 10
SHORT = Limits(connect_seconds=2, read_seconds=0.5, total_seconds=1)


@pytest.fixture
def caller(transactional_db):
    return operator_of(make_world())


@pytest.fixture(autouse=True)
def open_loopback(settings):
    settings.OUTBOUND_ALLOW = ("127.0.0.1",)


@pytest.fixture
def run_for(caller):
    """Make a run with a callback address whose acceptance is noted once for each address, and nothing else."""

    def make(url: str) -> BuildRun:
        run = press(make_build(caller, "FROM scratch\n"), caller)
        BuildRun.objects.filter(pk=run.pk).update(callback_url=url)
        callbacks.note_run(run.pk, what="accepted")
        return run

    return make


def deliveries(run: BuildRun) -> list[CallbackDelivery]:
    return list(CallbackDelivery.objects.filter(run=run).order_by("number"))


def statuses(delivery: CallbackDelivery) -> list[int | None]:
    return list(delivery.attempts.values_list("status", flat=True))


def lapse(delivery: CallbackDelivery) -> None:
    """Let the claim of a delivery be over, as 90 s after its sender was killed."""
    CallbackDelivery.objects.filter(pk=delivery.pk).update(claimed_until=Now() - timedelta(seconds=1))


def due_now(delivery: CallbackDelivery) -> None:
    CallbackDelivery.objects.filter(pk=delivery.pk).update(due_at=Now())


def test_the_fourth_attempt_is_taken_after_three_500_and_is_signed(run_for):
    with receiving(*[answering(500, b"no\x00pe")] * 3, answering(204)) as receiver:
        run = run_for(f"{receiver.url}?key=1")
        (delivery,) = deliveries(run)
        assert deliver(delivery.pk, waits=AT_ONCE) == 4
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempt_count, statuses(delivery)) == ("DELIVERED", 4, [500, 500, 500, 204])
    assert delivery.attempts.first().answer == "no�pe"
    assert {heard.headers["webhook-id"] for heard in receiver.heard} == {delivery.webhook_id}
    last = receiver.heard[-1]
    assert last.line == "POST /hook?key=1 HTTP/1.1"
    told = Webhook(webhook_secret(run.account_id)).verify(last.body, last.headers)
    assert (told["event"], told["target"]["buildRunSeq"]) == ("BUILD_RUN_STATE", run.pk)
    assert told["data"]["runState"] == "CREATED"
    assert (last.headers["user-id"], last.headers["user-role"]) == ("operator", "OPERATOR")
    assert last.headers["content-type"] == "application/json"


def test_later_events_wait_for_the_first_and_come_in_order(run_for):
    with receiving(answering(500), answering(200)) as receiver:
        run = run_for(receiver.url)
        callbacks.note_run(run.pk, what="running")
        callbacks.note_run(run.pk, what="ended")
        first, second, third = deliveries(run)
        assert deliver(third.pk, waits=(3600,)) == 1  # the head only, and it has to wait now
        assert deliver(second.pk, waits=(3600,)) == 0
        due_now(first)
        assert deliver(second.pk) == 3
    ids = [heard.headers["webhook-id"] for heard in receiver.heard]
    assert ids == [one.webhook_id for one in (first, first, second, third)]


def test_an_address_that_fails_does_not_hold_up_another_of_the_same_run(run_for):
    with receiving(answering(200)) as receiver:
        run = run_for(f"http://127.0.0.1:{free_port()}/|{receiver.url}")
        closed, open_ = deliveries(run)
        deliver(closed.pk, waits=(60,))
        assert deliver(open_.pk) == 1
    assert closed.attempts.get().error == "Nobody listens there; check host and port."
    assert [one.state for one in deliveries(run)] == ["WAITING", "DELIVERED"]


@pytest.mark.parametrize(("act", "words"), [(hanging, "said nothing in time"), (closing, "without an answer")])
def test_a_receiver_that_says_nothing_is_left_with_a_sentence(run_for, act, words):
    with receiving(act) as receiver:
        (delivery,) = deliveries(run_for(receiver.url))
        assert deliver(delivery.pk, waits=(60,), limits=SHORT) == 1
    assert words in delivery.attempts.get().error


def test_a_receiver_of_a_byte_now_and_then_is_cut_by_time(run_for):
    with receiving(dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ")) as receiver:
        (delivery,) = deliveries(run_for(receiver.url))
        deliver(delivery.pk, waits=(60,), limits=SHORT)
    attempt = delivery.attempts.get()
    assert (attempt.status, attempt.error) == (None, "It took longer than 1 seconds and was broken off.")


def test_a_redirect_is_a_failed_attempt_and_not_followed(run_for):
    with receiving() as elsewhere, receiving(answering(307, Location=elsewhere.url)) as receiver:
        (delivery,) = deliveries(run_for(receiver.url))
        deliver(delivery.pk, waits=(60,))
        assert elsewhere.connections == 0
    delivery.refresh_from_db()
    assert (delivery.state, statuses(delivery)) == ("WAITING", [307])


def test_a_private_address_off_the_list_is_tried_four_times_and_never_reached(run_for, settings, caplog):
    caplog.set_level("DEBUG")
    with receiving() as receiver:
        run = run_for(f"http://127.0.0.1:{receiver.port}/a?key=geheim")
        settings.OUTBOUND_ALLOW = ()
        (delivery,) = deliveries(run)
        assert deliver(delivery.pk, waits=AT_ONCE) == 4
        assert receiver.connections == 0
    delivery.refresh_from_db()
    assert delivery.state == "GIVEN_UP"
    errors = set(delivery.attempts.values_list("error", flat=True))
    assert len(errors) == 1
    assert "BUILDHUB_OUTBOUND_ALLOW" in str(errors)
    assert f"127.0.0.1:{receiver.port}/a: " in caplog.text
    assert "geheim" not in f"{errors} {caplog.text}"


@pytest.mark.parametrize(("acts", "attempts"), [([answering(410)], 1), ([answering(500)], 11)])
def test_it_is_given_up_at_gone_or_after_the_last_attempt_and_the_sequence_goes_on(run_for, acts, attempts):
    with receiving(*acts * attempts, answering(200)) as receiver:
        run = run_for(receiver.url)
        callbacks.note_run(run.pk, what="running")
        first, _second = deliveries(run)
        assert deliver(first.pk, waits=AT_ONCE) == attempts + 1
    assert [one.state for one in deliveries(run)] == ["GIVEN_UP", "DELIVERED"]


def test_retry_after_is_honoured(run_for):
    with receiving(answering(503, Retry_After="1800")) as receiver:
        (delivery,) = deliveries(run_for(receiver.url))
        deliver(delivery.pk, waits=AT_ONCE)
        delivery.refresh_from_db()
    assert delivery.due_at - delivery.attempts.get().end_time > timedelta(minutes=29)


def test_two_senders_never_send_the_same_head(run_for):
    with receiving(hanging) as receiver:
        (delivery,) = deliveries(run_for(receiver.url))
        sender = threading.Thread(target=_deliver_apart, args=(delivery.pk,))
        sender.start()
        receiver.until_heard(1)
        assert deliver(delivery.pk) == 0
        assert receiver.connections == 1
    sender.join(20)
    assert delivery.attempts.count() == 1


def _deliver_apart(delivery_id: int) -> None:
    try:
        deliver(delivery_id, waits=(60,))
    finally:
        close_old_connections()
        from django.db import connection  # noqa: PLC0415  the thread's own

        connection.close()


def test_a_third_sender_keeps_away_from_a_receiver_that_has_two(run_for):
    with receiving() as busy, receiving() as free:
        run = run_for("|".join([f"{busy.url}/1", f"{busy.url}/2", f"{busy.url}/3", free.url]))
        *_two, third, elsewhere = deliveries(run)
        CallbackDelivery.objects.filter(number__lte=2).update(claimed_until=Now() + timedelta(minutes=1))
        assert (deliver(third.pk), deliver(elsewhere.pk)) == (0, 1)
        assert (busy.connections, free.connections) == (0, 1)


def test_what_a_lost_sender_has_begun_is_shown_and_sent_again(run_for):
    with receiving() as receiver:
        (delivery,) = deliveries(run_for(receiver.url))
        callbacks.open_attempt(delivery)  # as a sender leaves it that was killed while it sent
        lapse(delivery)
        assert call_for_due() == 0  # the call of the press has not been heard yet
        forget_bells()
        assert call_for_due() == 1
        assert deliver(delivery.pk) == 1
    assert list(delivery.attempts.values_list("number", "status", "error")) == [(1, None, LOST), (2, 200, "")]


def test_the_sweeper_rings_for_heads_that_are_due_and_for_nothing_else(run_for):
    run = run_for("http://127.0.0.1:9/")
    callbacks.note_run(run.pk, what="running")
    first, _second = deliveries(run)
    CallbackDelivery.objects.filter(pk=first.pk).update(due_at=Now() + timedelta(hours=1))
    forget_bells()
    assert call_for_due() == 0
    due_now(first)
    assert call_for_due() == 1
    assert call_for_due() == 0


def test_a_delivered_one_is_sent_again_beside_the_lane(run_for, caller):
    with receiving(answering(200), answering(500)) as receiver:
        run = run_for(receiver.url)
        (first,) = deliveries(run)
        deliver(first.pk)
        callbacks.note_run(run.pk, what="running")
        again = callbacks.send_again(run_id=run.pk, number=1, caller=caller)
        assert (again.pk, again.state) == (first.pk, "WAITING")
        assert deliver(again.pk, waits=(3600,)) == 2  # itself, then the head of the sequence, which fails as well
    first, second = deliveries(run)
    assert (first.state, statuses(first), second.state) == ("DELIVERED", [200, 500], "WAITING")
    assert [attempt.asked_by for attempt in first.attempts.all()] == [None, caller.user]
    assert len({heard.headers["webhook-id"] for heard in receiver.heard[:2]}) == 1


def test_a_given_up_one_gets_one_more_attempt_when_it_is_sent_again(run_for, caller):
    with receiving(answering(410), answering(500), answering(200)) as receiver:
        (delivery,) = deliveries(run := run_for(receiver.url))
        deliver(delivery.pk)
        for state, count in (("GIVEN_UP", 2), ("DELIVERED", 3)):
            callbacks.send_again(run_id=run.pk, number=1, caller=caller)
            assert deliver(delivery.pk, waits=AT_ONCE) == 1
            delivery.refresh_from_db()
            assert (delivery.state, delivery.attempts.count()) == (state, count)


def test_a_new_secret_signs_the_next_attempt(run_for):
    with receiving(answering(500), answering(200)) as receiver:
        (delivery,) = deliveries(run := run_for(receiver.url))
        deliver(delivery.pk, waits=(0.0, 3600))
        old = webhook_secret(run.account_id)
    assert old.startswith("whsec_")
    assert old not in Account.objects.get().webhook_secret_encrypted
    assert json.loads(receiver.heard[0].body) == Webhook(old).verify(receiver.heard[0].body, receiver.heard[0].headers)


def forget_bells() -> None:
    """Let the senders' queue be empty, as after they have heard every call."""
    task_queue.OrmQ.objects.filter(key=task_queue.CALLBACKS).delete()
    wait_until(lambda: not task_queue.senders_have_calls())
