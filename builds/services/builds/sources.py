"""Repositories as the outside world: what a step's config and secrets make of them, what went wrong, and a try."""

import tempfile
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from builds.domain import failures, source_kinds
from builds.domain.access import Permission
from builds.domain.definition import Step
from builds.domain.errors import Busy, FieldError, Invalid
from builds.domain.failures import Failure
from builds.domain.git_words import git_refusal_of, telling_line
from builds.domain.log.masking import Masker
from builds.domain.states import StepType
from builds.domain.steps.kinds import validate_steps
from builds.domain.steps.places import Place, repository_url
from builds.engine.errors import EngineError, KeyUnusable
from builds.engine.git.client import Repository, opened
from builds.engine.git.errors import (
    CertificateUntrusted,
    GitFailed,
    GitStopped,
    PartFailed,
    RefMissing,
    RepositoryEmpty,
    SourceTooLarge,
)
from builds.engine.git.login import Login
from builds.engine.git.process import Work
from builds.engine.outbound import HostUnknown, OutboundFailed, OutboundRefused
from builds.models import Build, Caller
from builds.services.accounts.access import require, require_on
from builds.services.builds.known_hosts import keep_lines, known_lines
from builds.services.builds.steps import StepDraft, once_steps, secrets_of

__all__ = [
    "SourceReport",
    "failure_of",
    "keep_known_hosts",
    "may_pass_later",
    "place_of",
    "repository_of",
    "try_source",
]
TRY_SECONDS: Final = 15.0  # who presses Check waits for the answer
TRIES_AT_ONCE: Final = 4  # in one process
LATE: Final = f"it did not answer within {TRY_SECONDS:.0f} seconds"
MOST_BRANCHES: Final = 500

_tries: Final = threading.BoundedSemaphore(TRIES_AT_ONCE)


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What a try of a repository found; `ok` False: `message` says why. `branches` begin with the default one."""

    ok: bool
    message: str
    branches: tuple[str, ...] = ()


def repository_of(config: Mapping[str, Any], secrets: Mapping[str, str]) -> Repository:
    """Return the repository of a CODE_DOWN step from its stored config and its secrets in clear."""
    url = repository_url(place_of(config), str(config.get("protocol_type") or "https"))
    given = str(config.get("known_hosts") or "")
    known = given
    if not given and (place := Place.of(url)).scheme == "ssh":
        known = known_lines(place.alias)
    is_private = config.get("common_type") == "PRIVATE"
    login = Login(
        user=str(config.get("user_id") or ""),
        password=secrets.get("password", ""),
        private_key=secrets.get("private_key", ""),
    )
    return Repository(
        url=url,
        login=login if is_private else Login(),
        verify_tls=not config.get("http_ssl_verify_skip"),
        known_hosts=known,
        accepts_new_host=not known,
        submodules=bool(config.get("submodules")),
        lfs=bool(config.get("lfs")),
    )


def place_of(config: Mapping[str, Any]) -> str:
    """Return host and path of a step's repository, as people know it."""
    return str(config.get("repository_url") or "")


def keep_known_hosts(repository: Repository, lines: str) -> None:
    """Keep what ssh has learnt of a host that was new; done again, it changes nothing."""
    if repository.accepts_new_host and lines.strip():
        keep_lines(Place.of(repository.url).alias, lines.strip())


def may_pass_later(error: BaseException) -> bool:
    """Say whether the same may pass a little later: the network or the server failed, not the login or the address."""
    failed = error.__cause__ if isinstance(error, PartFailed) and error.__cause__ else error
    if isinstance(failed, GitFailed):
        return git_refusal_of(failed.answered).again
    return failed.again if isinstance(failed, HostUnknown) else isinstance(failed, OutboundFailed)


def failure_of(error: EngineError, config: Mapping[str, Any]) -> Failure:
    """Return why the code of a step's repository could not be fetched."""
    place, has_login = place_of(config), config.get("common_type") == "PRIVATE"
    match error:
        case RefMissing():
            return failures.ref_missing(place, error.ref, error.branches)
        case SourceTooLarge():
            return failures.source_too_large(place, error.found, error.limit)
        case PartFailed():
            kind = source_kinds.SOURCE_SUBMODULE if error.part == "submodule" else source_kinds.SOURCE_LFS
            if git_refusal_of(error.answered).kind is source_kinds.WORKER_DISK_FULL:  # which is nobody's part
                kind = source_kinds.WORKER_DISK_FULL
            return failures.source_failed(kind, place, telling_line(error.answered))
        case GitFailed():
            kind = git_refusal_of(error.answered).kind
            if kind is source_kinds.SOURCE_LOGIN_MISSING and has_login:
                kind = source_kinds.SOURCE_DENIED
            elif kind is source_kinds.SOURCE_DENIED and not has_login:
                kind = source_kinds.SOURCE_LOGIN_MISSING
            return failures.source_failed(kind, place, telling_line(error.answered))
    return failures.source_failed(KINDS.get(type(error), source_kinds.SOURCE_FAILED), place, error.answered)


KINDS: Final = {
    CertificateUntrusted: source_kinds.SOURCE_CERTIFICATE,
    KeyUnusable: source_kinds.SOURCE_KEY_UNUSABLE,
    HostUnknown: source_kinds.SOURCE_HOST_UNKNOWN,
    OutboundFailed: source_kinds.SOURCE_UNREACHABLE,
    OutboundRefused: source_kinds.SOURCE_REFUSED,
    RepositoryEmpty: source_kinds.SOURCE_EMPTY,
}


def try_source(
    config: Mapping[str, Any],
    *,
    caller: Caller,
    account_id: int,
    step: tuple[Build, int | None] | None = None,
    errors: Iterable[FieldError] = (),
) -> SourceReport:
    """Reach a repository as a run would, and list its branches; nothing is stored but a new host's key.

    `config` is that of a CODE_DOWN step, secrets within it. `step` names a stored one (build, buildStepSeq) whose
    secrets are used for blank ones, as long as they are for the same address. `errors` are those of the fields beside
    the config, told with its own. Raises `Invalid`, `NoRight` and `Busy`.
    """
    build, seq = step or (None, None)
    if build is None:
        require(caller, Permission.EDIT_BUILD, account_id)
    else:
        require_on(caller, Permission.EDIT_BUILD, build)
    stored = list(build.steps.all()) if build else []
    drafted = once_steps(stored, [StepDraft(StepType.CODE_DOWN, config=dict(config), pk=seq)], None)[0]
    image = Step(StepType.CREATE_IMAGE, 2, config={"docker_file": "FROM scratch"})
    found = validate_steps([drafted, image])
    wrong = [FieldError(error.field.rpartition("buildStepConfig.")[2], error.message) for error in found]
    if wrong := [*errors, *wrong]:
        raise Invalid(wrong)
    if not _tries.acquire(blocking=False):
        raise Busy("Other repositories are being tried at this moment; try again in a few seconds.")
    try:
        return _tried(drafted.config, secrets_of(drafted))
    finally:
        _tries.release()


def _tried(config: Mapping[str, Any], secrets: Mapping[str, str]) -> SourceReport:
    stopping = threading.Event()
    timer = threading.Timer(TRY_SECONDS, stopping.set)
    timer.daemon = True
    timer.start()
    ref = str(config.get("branch_name") or "")
    try:
        with tempfile.TemporaryDirectory(prefix="buildhub-") as folder:
            home = Path(folder)
            work = Work(
                home,
                home,
                settings.OUTBOUND_ALLOW,
                settings.REPOSITORY_LIMIT_BYTES,
                stopping,
                lambda line, is_step: None,
            )
            repository = repository_of(config, secrets)
            with opened(repository, work) as git:
                branches = git.branches()
                if ref and not git.has(ref):
                    raise RefMissing(ref, branches)
                default = git.default_branch()
                keep_known_hosts(repository, git.known_hosts)
    except GitStopped:
        failure = failures.source_failed(source_kinds.SOURCE_UNREACHABLE, place_of(config), LATE)
        return SourceReport(ok=False, message=failure.sentence)
    except EngineError as error:
        sentence = failure_of(error, config).sentence  # a server may print the login that it was given
        return SourceReport(ok=False, message=Masker(secrets.values()).mask_text(sentence))
    finally:
        timer.cancel()
    if not branches:
        return SourceReport(ok=True, message=f"{place_of(config)} answers, and has no commit yet.")
    count = "1 branch" if len(branches) == 1 else f"{len(branches)} branches"
    which = f"the default one is {default}" if default else "none by default"
    message = f"{place_of(config)} answers: {count}, {which}."
    return SourceReport(ok=True, message=message, branches=tuple(branches[:MOST_BRANCHES]))
