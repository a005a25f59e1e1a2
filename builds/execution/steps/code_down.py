"""CODE_DOWN: the code of one commit of a git repository, into its folder of the workspace."""

import re
import shutil
import time
from pathlib import Path
from typing import Final

from django.conf import settings
from tenacity import wait_exponential_jitter

from builds.credentials import decrypt_fields
from builds.domain import failures
from builds.engine.errors import EngineError
from builds.engine.git.client import Commit, Repository, opened
from builds.engine.git.errors import GitStopped
from builds.engine.git.process import Work
from builds.engine.outbound import OutboundStopped
from builds.execution.context import Code, RunContext
from builds.execution.failing import RunFailed
from builds.execution.retry import retrying
from builds.models import RunStep
from builds.services.builds.sources import failure_of, keep_known_hosts, may_pass_later, place_of, repository_of
from builds.services.runs.steps import FoundCommit, keep_commit

TRIES: Final = 3
SHORT: Final = 12  # digits of a commit's number
# What a failure's own sentence says better, what is advice to somebody at a terminal, and how the server prepares.
NOT_SAID: Final = re.compile(
    r"(?:fatal|error|hint|warning): |remote: (?:enumerating|counting|compressing|total)\b|from |@@@|\* "
    r"|please make sure|and the repository exists",
    re.IGNORECASE,
)
SAID_EACH_SECONDS: Final = 3.0


def run(context: RunContext, step: RunStep) -> None:
    """Fetch the code and keep which commit it is. Raises `RunFailed` with whose problem it is."""
    name = str(step.config.get("code_save_dir") or "")
    folder = context.inside(name)
    if context.works_on_server:
        is_taken = context.volume.exists(name)
    else:
        is_taken = folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))
    if is_taken:
        others = "the code of another step" if context.code else "files of the uploaded context or an earlier step"
        raise RunFailed(failures.definition_invalid(f"codeSaveDir {name} is taken by {others}"))
    ref = str(step.config.get("branch_name") or "")
    context.recorder.say(f"Fetching {place_of(step.config)}{f', {ref}' if ref else ''}")
    try:
        commit = _fetched(context, step, folder)
    except (GitStopped, OutboundStopped):
        context.stop.check()
        raise
    except EngineError as error:
        raise RunFailed(failure_of(error, step.config)) from error
    named = f"{commit.branch} is " if commit.branch else ""
    context.recorder.say(
        f"{named}commit {commit.id[:SHORT]} of {commit.time:%Y-%m-%d} by {commit.author}: {commit.subject}"
    )
    if not context.code:  # the run's commit is that of its first repository
        found = FoundCommit(commit.id, commit.branch, commit.author, commit.subject)
        context.patiently(keep_commit, context.lease, found)
    context.code.append(Code(name, commit.time))
    context.share(name)


def _fetched(context: RunContext, step: RunStep, folder: Path) -> Commit:
    secrets = context.patiently(decrypt_fields, step.secrets_encrypted)
    repository = context.patiently(repository_of, step.config, secrets)
    work = Work(
        folder=context.workspace.root,
        private=context.workspace.private,
        allowed=settings.OUTBOUND_ALLOW,
        limit_bytes=settings.REPOSITORY_LIMIT_BYTES + (context.uploaded_bytes or 0),
        stopping=context.stop.event,
        said=Progress(context),
    )
    fetch = retrying(
        context,
        may_pass_later,
        tries=TRIES,
        wait=wait_exponential_jitter(initial=1, max=10),
        words=_unfetched,
    )
    ref = str(step.config.get("branch_name") or "")
    commit, known_hosts = fetch(_fetch_once, repository, work, ref, folder)
    context.patiently(keep_known_hosts, repository, known_hosts)
    return commit


def _fetch_once(repository: Repository, work: Work, ref: str, folder: Path) -> tuple[Commit, str]:
    shutil.rmtree(folder, ignore_errors=True)  # what a try before this one has left
    with opened(repository, work) as git:
        return git.fetch(ref, folder), git.known_hosts


def _unfetched(error: BaseException | None) -> str:
    said = error.answered.splitlines()[0] if isinstance(error, EngineError) else error
    return f"The code could not be fetched ({said})"


class Progress:
    """Says what git says that a reader can use: of a progress its end, and how far it is once in a while."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._next_at = time.monotonic() + SAID_EACH_SECONDS

    def __call__(self, line: str, is_step: bool) -> None:  # noqa: FBT001 - as Work.said is called
        """Take one line."""
        now = time.monotonic()
        if now < self._next_at if is_step else NOT_SAID.match(line):
            return
        self._next_at = now + SAID_EACH_SECONDS
        self._context.recorder.say(line)
