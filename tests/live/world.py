"""People, a build, its runs and their output for the tests of sockets: by the services, on the real database."""

from dataclasses import dataclass

from django.contrib.auth.models import User

from builds.domain.access import Role, Scope
from builds.domain.log.lines import OpenLine
from builds.domain.log.splitting import LineSplitter
from builds.domain.states import EndReason
from builds.models import Account, Build, BuildRun, BuildServer, Membership, Registry, RunStep
from builds.services.accounts.access import caller_for
from builds.services.accounts.tokens import issue_token
from builds.services.builds.edit import BuildDraft, StepDraft, create_build
from builds.services.runs.log import append_chunks
from builds.services.runs.start import start_run
from builds.services.runs.steps import prepare_attempt
from builds.services.runs.transitions import End, Lease, end_attempt, take

DIGEST = "sha256:" + "3" * 64
DOCKERFILE = {"docker_file_type": "CONTENTS", "docker_file": "FROM scratch\n"}


@dataclass(frozen=True)
class World:
    """An account with two members, a stranger, and a build."""

    account: Account
    operator: User
    viewer: User
    stranger: User
    build: Build

    def token(self, user: User, scopes: list[Scope] | None = None) -> str:
        account = user.memberships.get().account
        return issue_token(owner=user, account=account, name="test", scopes=scopes or [Scope.READ, Scope.RUN])

    def press(self) -> BuildRun:
        return start_run(build_id=self.build.pk, caller=caller_for(self.operator))

    def begin(self) -> Lease:
        """Press Build and take the run as a worker does."""
        lease = take(self.press().pk, claim=0, owner="test")
        assert lease is not None
        return lease


def make_world() -> World:
    Registry.objects.create(name="local", host="127.0.0.1:5000", is_default=True, plain_http=True)
    BuildServer.objects.create(name="default", url="unix:///var/run/docker.sock", is_default=True)
    ours, theirs = Account.objects.create(name="ours"), Account.objects.create(name="theirs")
    operator = member("operator", ours, Role.OPERATOR)
    step = StepDraft("CREATE_IMAGE", config=DOCKERFILE)
    draft = BuildDraft(
        image_name="hello", auto_tag=True, auto_tag_prefix="v", auto_tag_sequence="SEQUENCE", steps=(step,)
    )
    return World(
        account=ours,
        operator=operator,
        viewer=member("viewer", ours, Role.VIEWER),
        stranger=member("stranger", theirs, Role.ADMIN),
        build=create_build(caller=caller_for(operator), draft=draft),
    )


def member(name: str, account: Account, role: Role) -> User:
    user = User.objects.create_user(name)
    Membership.objects.create(account=account, user=user, role=role)
    return user


def say(lease: Lease, *texts: str, step: RunStep | None = None, unfinished: str | None = None) -> None:
    """Print lines, as one chunk, and what is not finished behind them (None: as it was, empty: nothing)."""
    lines = LineSplitter().feed(None, 1, "".join(f"{text}\n" for text in texts).encode())
    stored = BuildRun.objects.values_list("chunk_count", flat=True).get(pk=lease.run_id)
    step_id = step.pk if step else None
    opened = [OpenLine(None, 1, 7, unfinished)] if unfinished else []
    chunks = [(step_id, lines)] if lines else []
    assert append_chunks(lease, chunks, after=stored, opened=None if unfinished is None else (step_id, opened))


def say_many(lease: Lease, count: int, *, chunk: int = 100, width: int = 0) -> None:
    """Print `count` lines, `chunk` in each chunk, each of at least `width` characters."""
    for first in range(0, count, chunk):
        say(lease, *(f"line {first + index + 1}".ljust(width, ".") for index in range(min(chunk, count - first))))


def finish(lease: Lease) -> None:
    ended = end_attempt(lease, End(EndReason.DONE, image_digest=DIGEST, image_size=1))
    assert ended


def image_step(lease: Lease) -> RunStep:
    return prepare_attempt(lease)[-1]
