"""A fresh world without any worker, an administrator's client, and the parts of a run's life."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from builds.domain.access import Scope
from builds.models import Account, Build, BuildRun, CallbackDelivery, Caller, KnownHost, WorkerCluster, WorkerHost
from builds.services.accounts.tokens import issue_token
from tests.api.making import begin, say
from tests.support.people import make_build, make_world, operator_of
from tests.support.runs import press


@pytest.fixture
def account(db: None, settings: Any) -> Account:
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # the middleware for static files warns without
    settings.STORAGES = {  # addresses without fingerprints: no collectstatic for these tests
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    return make_world()


@pytest.fixture
def administrator(account: Account) -> User:
    return User.objects.create_superuser("administrator")


@pytest.fixture
def caller(account: Account) -> Caller:
    return operator_of(account)


@pytest.fixture
def build(caller: Caller) -> Build:
    return make_build(caller, "FROM scratch\n")


@pytest.fixture
def run(build: Build, caller: Caller) -> BuildRun:
    """A run that waits: no worker host lives."""
    return press(build, caller)


@pytest.fixture
def running_run(run: BuildRun) -> BuildRun:
    lease = begin(run)
    say(lease, b"said\n", step=run.steps.get(order=1).pk)
    run.refresh_from_db()
    return run


@pytest.fixture
def full_world(running_run: BuildRun, administrator: User, account: Account) -> BuildRun:
    """At least one row in each table."""
    issue_token(owner=administrator, account=account, name="robot", scopes=[Scope.READ])
    host = WorkerHost.objects.create(name="host-one", workers=2)
    WorkerCluster.objects.create(host=host, name="builds")
    KnownHost.objects.create(host="git.example", lines="git.example ssh-ed25519 AAAA")
    facts = {"kind": "tar", "file_count": 1, "byte_count": 10240, "sha256": "0" * 64}
    running_run.build.contexts.create(account=account, uploaded_by=administrator, **facts)
    delivery = CallbackDelivery.objects.create(
        account=account,
        build=running_run.build,
        run=running_run,
        number=1,
        event="BUILD_RUN_STATE",
        what="accepted",
        url="https://receiver.example/",
        webhook_id="msg_one",
        body="{}",
    )
    now = timezone.now()
    delivery.attempts.create(number=1, begin_time=now, end_time=now, status=503, answer="<b>busy</b>")
    return running_run


@pytest.fixture
def client_of() -> Any:
    """Sign a user in."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def admin(administrator: User, client_of: Any) -> Client:
    return client_of(administrator)
