"""People, builds and runs for the tests of the API, on the real database; no worker lives here."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from builds.domain.access import Role, Scope
from builds.models import Account, ApiToken, Build, BuildRun
from builds.services.accounts.access import caller_for
from builds.services.accounts.tokens import issue_token
from builds.services.runs.start import start_run
from tests.api.making import begin, build_add, end, make_installation, make_member


@pytest.fixture(autouse=True)
def installation(db: None) -> None:
    """A default registry and a default build server, as the first start makes them."""
    make_installation()


@pytest.fixture
def account() -> Account:
    return Account.objects.create(name="ours")


@pytest.fixture
def other_account() -> Account:
    return Account.objects.create(name="theirs")


@pytest.fixture
def viewer(account: Account) -> User:
    return make_member("viewer", account, Role.VIEWER)


@pytest.fixture
def operator(account: Account) -> User:
    return make_member("operator", account, Role.OPERATOR)


@pytest.fixture
def admin(account: Account) -> User:
    return make_member("account-admin", account, Role.ADMIN)


@pytest.fixture
def stranger(other_account: Account) -> User:
    return make_member("stranger", other_account, Role.ADMIN)


@pytest.fixture
def nobody() -> User:
    return User.objects.create_user("nobody")


@pytest.fixture
def superuser() -> User:
    return User.objects.create_superuser("root")


@pytest.fixture
def api() -> APIClient:
    """A client that has not signed in."""
    return APIClient(raise_request_exception=False)


@pytest.fixture
def as_() -> Callable[..., APIClient]:
    """Return a client that carries a token of a user."""

    def client(user: User, *, scopes: list[Scope] | None = None, account: Account | None = None) -> APIClient:
        membership = user.memberships.first()
        home = account or (membership.account if membership else Account.objects.first())
        word = issue_token(owner=user, account=None, name="test", scopes=scopes or list(Scope))
        ApiToken.objects.filter(owner=user, account=None).update(
            account=home
        )  # as one who has lost a membership has it
        found = APIClient(raise_request_exception=False)
        found.credentials(HTTP_AUTHORIZATION=f"Bearer {word}")
        return found

    return client


@pytest.fixture
def make_build(operator: User, as_: Callable[..., APIClient]) -> Callable[..., Build]:
    """Make builds through the API, each with an image name of its own."""

    def make(**changes: Any) -> Build:
        body = build_add(**{"imageName": f"image-{Build.objects.count() + 1}", **changes})
        answer = as_(operator).post("/v1/build", body, format="json")
        assert answer.status_code == 200, answer.content
        return Build.objects.get(pk=answer.json()["buildSeq"])

    return make


@pytest.fixture
def build(make_build: Callable[..., Build]) -> Build:
    return make_build(buildName="hello", imageName="hello", registryName="ops")


@pytest.fixture
def run(build: Build, operator: User) -> BuildRun:
    """A run that waits: no worker host lives."""
    return start_run(build_id=build.pk, caller=caller_for(operator))


@pytest.fixture
def running_run(run: BuildRun) -> BuildRun:
    begin(run)
    run.refresh_from_db()
    return run


@pytest.fixture
def done_run(run: BuildRun) -> BuildRun:
    end(begin(run))
    run.refresh_from_db()
    return run
