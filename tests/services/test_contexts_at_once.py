"""Uploads and presses at the same moment: what is counted and what is kept is decided one after another."""

import io

import pytest
from django.db import transaction

from builds.domain.error_codes import ErrorCode
from builds.models import UploadedContext
from builds.services.builds.contexts import store_context
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import start_run
from tests.services.together import side_by_side
from tests.support.archives import tar_of
from tests.support.people import make_build

pytestmark = pytest.mark.django_db(transaction=True)
TAR = tar_of(Dockerfile=b"FROM scratch\n")


def upload(build, caller):
    return store_context(build_id=build.pk, caller=caller, file=io.BytesIO(TAR))


def test_of_two_uploads_that_fit_one_by_one_only_one_is_stored(build, caller, settings):
    settings.CONTEXT_STORE_BYTES = len(TAR)
    other = make_build(caller, "FROM scratch\n", name="other")
    answers, faults = side_by_side(lambda: upload(build, caller), lambda: upload(other, caller))
    assert not faults
    assert ErrorCode.NOT_POSSIBLE in answers
    assert UploadedContext.objects.count() == 1


def test_a_context_that_a_press_has_named_does_not_give_way_before_the_press_is_done(build, caller, settings):
    old = upload(build, caller)
    upload(build, caller)
    settings.CONTEXT_STORE_BYTES = 2 * len(TAR)
    other = make_build(caller, "FROM scratch\n", name="other")
    with transaction.atomic():
        run = start_run(build_id=build.pk, caller=caller, ask=RunAsk(context_id=old.pk))
        answers, faults = side_by_side(lambda: upload(other, caller))
    assert (answers, faults) == ([ErrorCode.NOT_POSSIBLE], [])
    run.refresh_from_db()
    assert run.context == old
