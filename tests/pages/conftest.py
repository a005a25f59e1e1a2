"""People, builds and pages on the real database; no worker lives here."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from builds.domain.access import Role
from builds.models import Account, Build, Caller
from builds.services.accounts.access import caller_for
from tests.pages.making import DOCKERFILE
from tests.pages.reading import Page, read
from tests.support.people import make_build, make_person, make_world


@pytest.fixture(autouse=True)
def static_files(settings: Any) -> None:
    """The hashed names of static files exist only after collectstatic; their own names do here."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # the middleware for static files warns without


@pytest.fixture
def account(db: None) -> Account:
    return make_world(registry="registry.example:5000")


@pytest.fixture
def admin(account: Account) -> Caller:
    return caller_for(make_person("admin", Role.ADMIN, account))


@pytest.fixture
def root(account: Account) -> Caller:
    return caller_for(make_person("root", Role.INSTANCE_ADMIN, account))


@pytest.fixture
def operator(account: Account) -> Caller:
    return caller_for(make_person("operator", Role.OPERATOR, account))


@pytest.fixture
def viewer(account: Account) -> Caller:
    return caller_for(make_person("viewer", Role.VIEWER, account))


@pytest.fixture
def stranger(account: Account) -> Caller:
    return caller_for(make_person("stranger", Role.ADMIN, Account.objects.create(name="theirs")))


@pytest.fixture
def build(operator: Caller) -> Build:
    return make_build(
        operator, DOCKERFILE, auto_tag=True, auto_tag_prefix="v", auto_tag_sequence="SEQUENCE", tag_name=""
    )


@pytest.fixture
def as_() -> Callable[[Caller], Client]:
    """Sign a person in."""

    def signed_in(caller: Caller) -> Client:
        client = Client()
        client.force_login(caller.user)
        return client

    return signed_in


@pytest.fixture
def page(as_: Callable[[Caller], Client]) -> Callable[..., Page]:
    """Read a page as a person."""

    def get(path: str, caller: Caller, *, status: int = 200, **headers: str) -> Page:
        return read(as_(caller).get(path, headers=headers), status)

    return get
