"""A fresh world without any worker: runs stay where the services put them."""

import pytest
from django.db.models.functions import Now

from builds.models import Account, Build, BuildRun, Caller
from builds.services.runs.start import start_run
from tests.support.people import make_build, make_world, operator_of


@pytest.fixture
def account(db: None) -> Account:
    return make_world()


@pytest.fixture
def caller(account: Account) -> Caller:
    return operator_of(account)


@pytest.fixture
def build(caller: Caller) -> Build:
    return make_build(caller, "FROM scratch\n")


@pytest.fixture
def run(build: Build, caller: Caller) -> BuildRun:
    """A run that is claimed for a worker, which has not taken it yet."""
    pressed = start_run(build_id=build.pk, caller=caller)
    BuildRun.objects.filter(pk=pressed.pk).update(claim=1, claimed_at=Now(), claimed_host="here")
    return pressed
