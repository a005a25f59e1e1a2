"""What goes into the ledger, and when: with the fact, as it was then, numbered without gaps."""

import json
import threading

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from builds.domain.access import Role
from builds.domain.errors import NoRight, NotFound, NotPossible
from builds.domain.states import EndReason
from builds.models import BuildRun, CallbackDelivery
from builds.services import callbacks
from builds.services.accounts.access import caller_for
from builds.services.accounts.webhook_secret import rotate_webhook_secret, webhook_secret
from builds.services.runs.cancel_and_remove import request_build_removal, request_cancel
from builds.services.runs.parameters import RunAsk
from builds.services.runs.removals import finish
from builds.services.runs.start import start_run
from builds.services.runs.steps import close_step, open_step, prepare_attempt
from builds.services.runs.transitions import End, end_attempt, end_cancel, end_waiting, take
from tests.support.people import make_build, make_person, make_world, operator_of

DONE = End(EndReason.DONE, image_digest="sha256:" + "a" * 64, image_size=1)
URL = "https://hooks.example/a?key=1"


def told(run: BuildRun) -> list[tuple[str, str]]:
    """Return of each delivery of a run what happened and which state it tells."""
    rows = CallbackDelivery.objects.filter(run=run).order_by("number")
    return [(row.what, json.loads(row.body)["data"]["runState"]) for row in rows]


@pytest.fixture
def run(build, caller) -> BuildRun:
    pressed = start_run(build_id=build.pk, caller=caller, ask=RunAsk(callback_url=URL))
    BuildRun.objects.filter(pk=pressed.pk).update(claim=1, claimed_at=Now(), claimed_host="here")
    return pressed


def test_a_run_tells_its_acceptance_its_begin_each_step_and_its_end(run):
    lease = take(run.pk, claim=1, owner="worker")
    for step in prepare_attempt(lease):
        open_step(lease, step)
        close_step(lease, step)
    end_attempt(lease, DONE)
    running = [("running", "RUNNING"), ("step", "RUNNING"), ("step", "RUNNING")]
    assert told(run) == [("accepted", "CREATED"), *running, ("ended", "DONE")]
    rows = CallbackDelivery.objects.filter(run=run).order_by("number")
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]
    assert {row.url for row in rows} == {URL}
    assert (rows[0].requested_by.username, rows[0].user_role, rows[0].event) == (
        "operator",
        "OPERATOR",
        "BUILD_RUN_STATE",
    )


def test_the_body_is_the_run_as_it_was_at_the_event(run):
    before = CallbackDelivery.objects.get(run=run).body
    end_attempt(take(run.pk, claim=1, owner="worker"), DONE)
    body = json.loads(CallbackDelivery.objects.get(run=run, number=1).body)
    assert json.dumps(body, separators=(",", ":")) == before
    assert list(body) == ["event", "target", "data"]
    assert body["target"] == {"accountSeq": run.account_id, "buildSeq": run.build_id, "buildRunSeq": run.pk}
    assert body["data"]["possibleActions"] == ["VIEW", "LOG", "CANCEL"]
    assert body["data"]["callbackUrl"] == URL


def test_a_further_attempt_tells_its_begin_again(run):
    take(run.pk, claim=1, owner="one")
    BuildRun.objects.filter(pk=run.pk).update(lease_expires_at="2000-01-01T00:00:00Z")
    take(run.pk, claim=1, owner="two")
    assert [what for what, _state in told(run)] == ["accepted", "running", "running"]


def test_each_address_gets_a_delivery_of_its_own_and_one_named_twice_only_one(build, caller):
    ask = RunAsk(callback_url="https://a.example/|https://b.example/|https://a.example/|")
    run = start_run(build_id=build.pk, caller=caller, ask=ask)
    rows = CallbackDelivery.objects.filter(run=run).order_by("number")
    assert [(row.number, row.url) for row in rows] == [(1, "https://a.example/"), (2, "https://b.example/")]
    assert len({row.webhook_id for row in rows}) == 2


def test_a_run_without_an_address_writes_nothing(build, caller):
    run = start_run(build_id=build.pk, caller=caller)
    end_waiting(run.pk, End(EndReason.QUEUE_LIMIT, "It waited too long."))
    assert not CallbackDelivery.objects.exists()


def test_a_cancel_run_tells_its_own_life(run, caller):
    take(run.pk, claim=1, owner="worker")
    cancel = request_cancel(run_id=run.pk, caller=caller, callback_url=URL)
    end_cancel(cancel.pk, End(EndReason.NOT_CONFIRMED, "The engine does not answer."))
    assert told(cancel) == [("accepted", "CREATED"), ("running", "RUNNING"), ("ended", "ERROR")]


def test_a_fact_that_is_rolled_back_is_not_told(run):
    with transaction.atomic():
        take(run.pk, claim=1, owner="worker")
        transaction.set_rollback(True)
    assert [what for what, _state in told(run)] == ["accepted"]


def test_a_removed_build_is_told_with_its_build(build, account):
    admin = caller_for(make_person("admin", Role.ADMIN, account))
    removal = request_build_removal(build_id=build.pk, caller=admin, callback_url=URL)
    lease = take(removal.pk, claim=removal.claim, owner="worker")
    assert finish(removal, lease, End(EndReason.DONE))
    last = CallbackDelivery.objects.get(event="BUILD_STATE")
    body = json.loads(last.body)
    assert (last.what, last.run, last.number, last.user_role) == ("removed", None, 1, "ADMIN")
    assert body["target"] == {"accountSeq": build.account_id, "buildSeq": build.pk, "buildRunSeq": None}
    assert (body["data"]["buildSeq"], len(body["data"]["buildSteps"])) == (build.pk, 1)
    assert told(removal) == [("accepted", "CREATED"), ("running", "RUNNING"), ("ended", "DONE")]


def test_sending_again_needs_the_right_and_is_no_look_into_other_accounts(run, account):
    viewer = caller_for(make_person("viewer", Role.VIEWER, account))
    stranger = caller_for(make_person("stranger", None, None))
    with pytest.raises(NoRight):
        callbacks.send_again(run_id=run.pk, number=1, caller=viewer)
    with pytest.raises(NotFound):
        callbacks.send_again(run_id=run.pk, number=1, caller=stranger)


def test_sending_again_what_is_being_sent_is_refused(run, caller):
    with pytest.raises(NotFound, match="no callback 7"):
        callbacks.send_again(run_id=run.pk, number=7, caller=caller)
    CallbackDelivery.objects.filter(run=run).update(claimed_until="2100-01-01T00:00:00Z")
    with pytest.raises(NotPossible, match="being sent"):
        callbacks.send_again(run_id=run.pk, number=1, caller=caller)


def test_the_webhook_secret_is_made_once_and_replaced_by_an_account_admin_only(account, caller):
    first = webhook_secret(account.pk)
    assert webhook_secret(account.pk) == first
    with pytest.raises(NoRight):
        rotate_webhook_secret(account_id=account.pk, caller=caller)
    admin = caller_for(make_person("admin", Role.ADMIN, account))
    second = rotate_webhook_secret(account_id=account.pk, caller=admin)
    assert second != first
    assert webhook_secret(account.pk) == second
    account.refresh_from_db()
    assert second not in account.webhook_secret_encrypted


def test_two_that_note_at_once_leave_no_gap_and_no_double(transactional_db):
    caller = operator_of(make_world())
    build = make_build(caller, "FROM scratch\n")
    run = start_run(build_id=build.pk, caller=caller, ask=RunAsk(callback_url="https://a.example/|https://b.example/"))
    barrier = threading.Barrier(4)

    def note() -> None:
        barrier.wait(10)
        try:
            for _ in range(5):
                callbacks.note_run(run.pk, what="step")
        finally:
            connection.close()

    threads = [threading.Thread(target=note) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    numbers = list(CallbackDelivery.objects.filter(run=run).order_by("pk").values_list("number", flat=True))
    assert numbers == list(range(1, 43))
