"""Each accepted ask writes its delivery in the same transaction; a refused one writes none."""

import pytest

from builds.domain.access import Role
from builds.domain.errors import NotPossible
from builds.models import CallbackDelivery
from builds.services.accounts.access import caller_for
from builds.services.runs.cancel_and_remove import request_build_removal, request_cancel
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import start_run
from builds.services.runs.transitions import End, end_waiting
from tests.support.people import make_person

HOOK = "https://example.com/hook?secret=1"


def told(run) -> list[str]:
    return list(CallbackDelivery.objects.filter(run=run).order_by("number").values_list("what", flat=True))


def test_a_press_tells_that_it_was_accepted_to_each_address(build, caller):
    run = start_run(build_id=build.pk, caller=caller, ask=RunAsk(callback_url=f"{HOOK}|https://example.org/"))
    rows = CallbackDelivery.objects.filter(run=run).order_by("number")
    assert [(row.number, row.what, row.url) for row in rows] == [
        (1, "accepted", HOOK),
        (2, "accepted", "https://example.org/"),
    ]


def test_a_refused_press_tells_nobody(build, caller):
    start_run(build_id=build.pk, caller=caller)
    with pytest.raises(NotPossible):
        start_run(build_id=build.pk, caller=caller, ask=RunAsk(callback_url=HOOK))
    assert not CallbackDelivery.objects.exists()


def test_what_cannot_be_executed_tells_acceptance_and_end(build, caller):
    build.steps.update(config={"docker_file": "FROM scratch", "context_path": "from-nowhere"})
    run = start_run(build_id=build.pk, caller=caller, ask=RunAsk(callback_url=HOOK))
    assert told(run) == ["accepted", "ended"]


def test_cancel_and_removal_of_a_build_tell_of_their_own_runs(build, caller, account):
    run = start_run(build_id=build.pk, caller=caller)
    cancel = request_cancel(run_id=run.pk, caller=caller, callback_url=HOOK)
    assert told(cancel) == ["accepted", "running", "ended"]
    end_waiting(run.pk, End("BUILD_FAILED", "no"))
    admin = caller_for(make_person("admin", Role.ADMIN, account))
    removal = request_build_removal(build_id=build.pk, caller=admin, callback_url=HOOK)
    assert told(removal) == ["accepted"]
