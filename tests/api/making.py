"""Makes members, bodies and the parts of a run's life for the tests of the API, through the services."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from pytest_django import DjangoDbBlocker

from builds.domain.access import Role
from builds.domain.log.lines import LogLine
from builds.domain.states import EndReason
from builds.models import Account, BuildRun, BuildServer, Membership, Registry
from builds.services.builds.edit import BuildDraft, StepDraft
from builds.services.runs.log import append_chunks
from builds.services.runs.steps import prepare_attempt
from builds.services.runs.transitions import End, Lease, end_attempt, take

DIGEST = "sha256:" + "3" * 64


def words(text: str) -> list[str]:
    """Return the words of a text: how the contract lists its fields."""
    return text.split()


def make_member(name: str, account: Account, role: Role) -> User:
    user = User.objects.create_user(name)  # no password: hashing one takes longer than a test
    Membership.objects.create(account=account, user=user, role=role)
    return user


def make_installation() -> None:
    """Make a default registry and a default build server, as the first start makes them."""
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # the middleware for static files warns without
    Registry.objects.create(name="local", host="127.0.0.1:5000", is_default=True, plain_http=True)
    BuildServer.objects.create(name="default", url="unix:///var/run/docker.sock", is_default=True)


@contextmanager
def shared_installation(blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let all tests of a module share an installation, in a transaction that is undone behind the last one."""
    with blocker.unblock(), transaction.atomic():
        make_installation()
        yield
        transaction.set_rollback(True)


def build_add(**changes: Any) -> dict[str, Any]:
    """Return a valid body of POST /v1/build."""
    body = {
        "editType": "N",
        "buildName": "hello",
        "imageName": "hello",
        "autotagUseYn": "Y",
        "autotagPrefix": "v",
        "autotagSeqType": "SEQUENCE",
        "buildSteps": [image_step()],
    }
    return {**body, **changes}


def image_step(**config: Any) -> dict[str, Any]:
    """Return a valid CREATE_IMAGE step with an inline Dockerfile."""
    return {
        "stepType": "CREATE_IMAGE",
        "stepOrder": 1,
        "buildStepConfig": {"dockerFileType": "CONTENTS", "dockerFile": "FROM scratch\n", **config},
    }


def begin(run: BuildRun) -> Lease:
    """Let a worker take the run, as its claim allows."""
    lease = take(run.pk, claim=run.claim, owner="test-worker")
    assert lease is not None
    prepare_attempt(lease)
    return lease


def end(lease: Lease, reason: EndReason = EndReason.DONE) -> None:
    """End the run as its attempt."""
    done = reason is EndReason.DONE
    facts = End(
        reason, "" if done else "It failed.", image_digest=DIGEST if done else "", image_size=1234 if done else 0
    )
    assert end_attempt(lease, facts)


def say(
    lease: Lease, *lines: bytes, step: int | None = None, vertex: str | None = None, stream: int = 1, t: int = 0
) -> None:
    """Store lines of output as the run's next chunk."""
    stored = BuildRun.objects.get(pk=lease.run_id).chunk_count
    output = [LogLine(raw, vertex, stream, t) for raw in lines]
    assert append_chunks(lease, [(step, output)], after=stored)


def a_draft(name: str = "hello") -> BuildDraft:
    """Return a valid build as the service takes it."""
    step = StepDraft("CREATE_IMAGE", config={"docker_file_type": "CONTENTS", "docker_file": "FROM scratch\n"})
    return BuildDraft(image_name=name, tag_name="1", steps=(step,))
