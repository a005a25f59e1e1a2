"""What went wrong, whose problem it is, and what to do: every end of a run but DONE is one `Failure`.

Kinds have stable ids, on which pages, statistics and tests hang; texts may change. Only real signals are read
(exit code, the engine's and the registry's own words); what is not known is not guessed.
Sources: build-api.md section 5 "States", engine.md sections 1, 4, 5 and 12.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from builds.domain import failure_kinds as kinds
from builds.domain.dockerfile import find_instruction, parse_error_line
from builds.domain.failure_kinds import KINDS, FailureKind, Whose
from builds.domain.known_errors import BUILD_SIGNS, PUSH_SIGNS, explain_exit, hint, kind_of
from builds.domain.masking import Masker

__all__ = [
    "KINDS",
    "Failure",
    "FailureKind",
    "Whose",
    "build_failed",
    "cancelled",
    "definition_invalid",
    "engine_connection_lost",
    "engine_disk_full",
    "engine_refused",
    "engine_stalled",
    "engine_unreachable",
    "engine_unsupported",
    "hint",
    "image_gone",
    "internal",
    "manifest_lost",
    "not_confirmed",
    "pull_failed",
    "push_failed",
    "queue_limit",
    "time_limit",
    "worker_lost",
]

# The one part of the text that all engines share. It ends them: before it stands the user's own command, and after it
# "context canceled" for what was stopped, which has the code of its kill, not of its own.
EXIT_CODE: Final = re.compile(r"exit code: (\d+)$")
SERVER_PATH: Final = re.compile(
    r"/\S*/buildkit-mount\d+(?=/)"
)  # where the engine mounts the context, of no use to people
VERTEX_MARK: Final = re.compile(r"^\[[^\]]*\]\s*")
LEADS: Final = re.compile(r"^(?:failed to solve(?: with frontend [\w.]+)?: |failed to create LLB definition: )+")
LONGEST_INSTRUCTION: Final = 300  # characters
LONGEST: Final = 2000  # characters of an engine's or registry's own text that are kept


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that went wrong in one run; `message` and `remedy` are sentences for people."""

    kind: FailureKind
    message: str
    remedy: str
    exit_code: int | None = None
    instruction: str | None = None
    dockerfile_line: int | None = None

    @property
    def sentence(self) -> str:
        """Message and remedy in one line, for endMessage, callbacks and pages."""
        return " ".join(f"{self.message} {self.remedy}".split())

    def masked(self, masker: Masker) -> "Failure":
        """Return it without the secrets that `masker` hides."""
        return replace(
            self,
            message=masker.mask_text(self.message),
            remedy=masker.mask_text(self.remedy),
            instruction=None if self.instruction is None else masker.mask_text(self.instruction),
        )

    def as_facts(self) -> dict[str, Any]:
        """Return it as JSON-able facts, as stored with the run; `from_facts` reads them back."""
        return {
            "id": self.kind.id,
            "whose": self.kind.whose.value,
            "message": self.message,
            "remedy": self.remedy,
            "exit_code": self.exit_code,
            "instruction": self.instruction,
            "dockerfile_line": self.dockerfile_line,
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> "Failure":
        """Read back what `as_facts` gave; an id that this version does not know counts as internal."""
        return cls(
            kind=KINDS.get(facts["id"], kinds.INTERNAL),
            message=facts["message"],
            remedy=facts["remedy"],
            exit_code=facts.get("exit_code"),
            instruction=facts.get("instruction"),
            dockerfile_line=facts.get("dockerfile_line"),
        )


def build_failed(
    error_text: str,
    *,
    exit_code: int | None = None,
    instruction: str | None = None,
    dockerfile: str = "",
    tail: str = "",
) -> Failure:
    """Return why the image build failed.

    `error_text`: the engine's error; `exit_code`: if known apart from it; `instruction`: name of the vertex that
    failed (`[2/3] RUN exit 7`); `dockerfile`: its text, for the line; `tail`: last lines that the step printed,
    looked through for known errors.
    """
    error_text = error_text[:LONGEST]
    code = exit_code if exit_code is not None else _exit_code(error_text)
    line = _failed_line(error_text, instruction, dockerfile)
    shown = _shown(instruction) if instruction else None
    if code is not None:
        return _exited(code, shown, line, hint(f"{error_text}\n{tail}"))
    kind = kind_of(error_text, BUILD_SIGNS) or kinds.BUILD_FAILED
    at = f" at line {line}" if line else ""
    message = f"{kind.message}{f' ({shown})' if shown else ''}{at}: {_clean(LEADS.sub('', error_text))}."
    return Failure(kind, message, hint(error_text) or kind.remedy, None, shown, line)


def push_failed(error_text: str, *, registry: str, repository: str) -> Failure:
    """Return why pushing to `repository` of `registry` failed, from the engine's or the registry's own words."""
    kind = kind_of(error_text, PUSH_SIGNS) or kinds.REGISTRY_FAILED
    return _made(kind, detail=_clean(error_text), registry=registry, repository=repository)


def manifest_lost(*, registry: str, reference: str) -> Failure:
    """Return that the registry accepted the push of `reference` and does not have it afterwards."""
    return _made(kinds.REGISTRY_MANIFEST_LOST, registry=registry, reference=reference)


def pull_failed(error_text: str, *, registry: str, server: str) -> Failure:
    """Return why `server` could not fetch an image from `registry`, from the engine's own words."""
    return _made(kinds.REGISTRY_PULL_FAILED, detail=_clean(error_text), registry=registry, server=server)


def image_gone(build_no: int, server: str) -> Failure:
    """Return that the image of run `build_no`, which was to be pushed again, is neither on `server` nor stored."""
    return _made(kinds.IMAGE_GONE, build_no=build_no, server=server)


def engine_unreachable(server: str, detail: str = "") -> Failure:
    """Return that the engine of `server` did not answer, with what the connection said."""
    return _made(kinds.ENGINE_UNREACHABLE, server=server, detail=_clean(detail))


def engine_unsupported(server: str, found: str) -> Failure:
    """Return that what answers at the address of `server` cannot build for us; `found` names it."""
    return _made(kinds.ENGINE_UNSUPPORTED, server=server, found=_clean(found))


def engine_connection_lost(server: str, detail: str = "") -> Failure:
    """Return that the connection to the engine of `server` broke in the middle of the work."""
    return _made(kinds.ENGINE_CONNECTION_LOST, server=server, detail=_clean(detail))


def engine_refused(server: str, detail: str = "") -> Failure:
    """Return that the engine of `server` answered with a refusal, with its own words."""
    return _made(kinds.ENGINE_REFUSED, server=server, detail=_clean(detail))


def engine_stalled(server: str, attempts: int) -> Failure:
    """Return that BuildKit of `server` fell into its endless loop in every attempt."""
    return _made(kinds.ENGINE_STALLED, server=server, attempts=_attempts(attempts))


def engine_disk_full(server: str) -> Failure:
    """Return that the disk of `server` is full."""
    return _made(kinds.ENGINE_DISK_FULL, server=server)


def worker_lost(attempts: int) -> Failure:
    """Return that the worker of the last of `attempts` attempts went silent."""
    return _made(kinds.WORKER_LOST, attempts=_attempts(attempts))


def time_limit(seconds: int) -> Failure:
    """Return that the run took longer than its limit of `seconds`."""
    return _made(kinds.TIME_LIMIT, seconds=seconds)


def queue_limit(seconds: int) -> Failure:
    """Return that the run waited longer than its limit of `seconds`."""
    return _made(kinds.QUEUE_LIMIT, seconds=seconds)


def cancelled(by: str = "") -> Failure:
    """Return that the run was cancelled, by whom if known."""
    return _made(kinds.CANCELLED, by=f" by {by}" if by else "")


def not_confirmed(server: str, detail: str = "") -> Failure:
    """Return that a cancel could not be confirmed on `server` in its time (the end of a CANCEL run)."""
    return _made(kinds.NOT_CONFIRMED, server=server, detail=_clean(detail))


def definition_invalid(detail: str) -> Failure:
    """Return that the run's own copy of the definition cannot be executed; `detail` names the field and why."""
    return _made(kinds.DEFINITION_INVALID, detail=_clean(detail))


def internal(reference: str) -> Failure:
    """Return that BuildHub itself failed; `reference` finds the trace in its log."""
    return _made(kinds.INTERNAL, reference=_clean(reference))


def _attempts(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"


def _made(kind: FailureKind, **words: object) -> Failure:
    return Failure(kind, kind.message.format(**words), kind.remedy.format(**words))


def _exited(code: int, instruction: str | None, line: int | None, known: str | None) -> Failure:
    kind = kinds.BUILD_OUT_OF_MEMORY if code == 137 else kinds.BUILD_EXITED
    meaning = explain_exit(code)
    what = instruction or "An instruction of the Dockerfile"
    at = f", line {line} of the Dockerfile," if line else ""
    message = f"{what}{at} ended with exit code {code}{f' ({meaning})' if meaning else ''}."
    return Failure(kind, message, known or kind.remedy, code, instruction, line)


def _exit_code(text: str) -> int | None:
    found = EXIT_CODE.search(text)
    return int(found[1]) if found else None


def _failed_line(error_text: str, instruction: str | None, dockerfile: str) -> int | None:
    if line := parse_error_line(error_text):
        return line
    found = find_instruction(dockerfile, instruction) if instruction and dockerfile else None
    return found.line_start if found else None


def _shown(instruction: str) -> str:
    """Return an instruction as people know it from their Dockerfile, cut where it gets long."""
    text = " ".join(VERTEX_MARK.sub("", instruction).replace("\0", "\u2400").split())
    return text if len(text) <= LONGEST_INSTRUCTION else f"{text[:LONGEST_INSTRUCTION]} …"


def _clean(text: str) -> str:
    """Return an engine's or registry's own words in one line that a text column can hold."""
    words = SERVER_PATH.sub("", text[:LONGEST]).replace("\0", "\u2400").split()
    return " ".join(words).rstrip(".") or "no reason was given"
