"""A fresh world without any worker: runs stay where the services put them."""

import pytest

from builds.models import Account, Build, Caller
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
