"""What went wrong, whose problem it is, and what to do: every end of a run but DONE is one `Failure`.

Kinds have stable ids, on which pages, statistics and tests hang; texts may change. Only real signals are read
(exit code, the engine's and the registry's own words); what is not known is not guessed. In which
words engines and registries answer: docs/engine-notes.md, "What differs".
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from builds.domain import failure_kinds as kinds
from builds.domain import registry_kinds, source_kinds
from builds.domain.dockerfile import instruction_lines
from builds.domain.dockerfile_vertices import Found, find_instruction, keyword_of, text_of
from builds.domain.engine_words import cause_of, exit_code_of, kind_of, lack_kind_of, parse_error_line
from builds.domain.failure_kind import FailureKind, Whose
from builds.domain.failure_kinds import KINDS
from builds.domain.known_errors import explain_exit, hint, missing_command
from builds.domain.log.lines import shown_text
from builds.domain.log.masking import Masker
from builds.domain.quoting import clean, cut, short
from builds.domain.registry_words import refusal_of

__all__ = [
    "KINDS",
    "Failure",
    "FailureKind",
    "Whose",
    "build_failed",
    "cancelled",
    "context_lost",
    "context_missing",
    "context_refused",
    "context_too_large",
    "context_unreadable",
    "definition_invalid",
    "dockerfile_missing",
    "engine_connection_lost",
    "engine_refused",
    "engine_stalled",
    "engine_unreachable",
    "engine_unsupported",
    "hint",
    "image_gone",
    "internal",
    "made",
    "manifest_lost",
    "not_confirmed",
    "path_leaves",
    "pull_failed",
    "push_failed",
    "queue_limit",
    "ref_missing",
    "server_lacks",
    "source_failed",
    "source_too_large",
    "time_limit",
    "worker_disk_full",
    "worker_lost",
]

NOT_FOUND: Final = 127  # a shell's code for a command that is not there
LONGEST_INSTRUCTION: Final = 2000  # characters
# What the engine quotes of the Dockerfile: "name", (name) or the last word.
QUOTED_WORD: Final = re.compile(r"\"([^\"]+)\"|\((\S+)\)|: (\S+)$")
LEAST_QUOTED: Final = 3  # characters: less is anywhere
MOST_NAMED: Final = 12  # branches or files in a sentence


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that went wrong in one run; `message` and `remedy` are sentences for people.

    `looks_like` is a guess from what the user's program printed last, shown as a guess.
    """

    kind: FailureKind
    message: str
    remedy: str
    exit_code: int | None = None
    instruction: str | None = None
    dockerfile_line: int | None = None
    looks_like: str | None = None

    @property
    def sentence(self) -> str:
        """Message, remedy and guess in one line, for endMessage, callbacks and pages."""
        return " ".join(f"{self.message} {self.remedy} {self.looks_like or ''}".split())

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
            "looks_like": self.looks_like,
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
            looks_like=facts.get("looks_like"),
        )


def build_failed(
    error_text: str,
    *,
    instruction: str | None = None,
    dockerfile: str = "",
    tail: str = "",
    without_login: Collection[str] = (),
) -> Failure:
    """Return why the image build failed.

    `error_text`: the engine's error; `instruction`: name of the vertex that failed (`[2/3] RUN exit 7`); `dockerfile`:
    its text, for the line; `tail`: last lines that the step printed, in which known errors are guessed;
    `without_login`: registry hosts for which the engine asked for a login in vain.
    """
    found = find_instruction(dockerfile, instruction) if instruction else None
    place = _Place.of(instruction, found)
    if (code := exit_code_of(error_text)) is not None:
        return _exited(code, place, tail)
    kind = kind_of(error_text, instruction or "")
    if kind is kinds.BASE_DENIED and any(host in f"{instruction} {error_text}" for host in without_login):
        kind = kinds.BASE_LOGIN_MISSING
    return _refused(error_text, kind, place, dockerfile)


def push_failed(error_text: str, *, registry: str, repository: str) -> Failure:
    """Return why pushing to `repository` of `registry` failed, from the engine's or the registry's own words."""
    kind = refusal_of(error_text).kind
    return made(kind, detail=clean(error_text), registry=registry, repository=repository)


def manifest_lost(*, registry: str, reference: str) -> Failure:
    """Return that the registry accepted the push of `reference` and does not have it afterwards."""
    return made(registry_kinds.REGISTRY_MANIFEST_LOST, registry=registry, reference=reference)


def pull_failed(error_text: str, *, registry: str, server: str) -> Failure:
    """Return why `server` could not fetch an image from `registry`, from the engine's own words."""
    return server_lacks(error_text) or made(
        registry_kinds.REGISTRY_PULL_FAILED, detail=clean(error_text), registry=registry, server=server
    )


def image_gone(build_no: int, server: str) -> Failure:
    """Return that the image of run `build_no`, which was to be pushed again, is neither on `server` nor stored."""
    return made(kinds.IMAGE_GONE, build_no=build_no, server=server)


def engine_unreachable(server: str, detail: str = "") -> Failure:
    """Return that the engine of `server` did not answer, with what the connection said."""
    return made(kinds.ENGINE_UNREACHABLE, server=server, detail=clean(detail))


def engine_unsupported(server: str, found: str) -> Failure:
    """Return that what answers at the address of `server` cannot build for us; `found` names it."""
    return made(kinds.ENGINE_UNSUPPORTED, server=server, found=clean(found))


def engine_connection_lost(server: str, detail: str = "") -> Failure:
    """Return that the connection to the engine of `server` broke in the middle of the work."""
    return made(kinds.ENGINE_CONNECTION_LOST, server=server, detail=clean(detail))


def engine_refused(server: str, detail: str = "") -> Failure:
    """Return that the engine of `server` answered with a refusal, with its own words."""
    return server_lacks(detail) or made(kinds.ENGINE_REFUSED, server=server, detail=clean(detail))


def server_lacks(detail: str) -> Failure | None:
    """Return that the build server's disk or memory was the reason of a refusal, None where its words tell another."""
    kind = lack_kind_of(detail)
    return Failure(kind, f"{kind.message}: {clean(detail)}.", kind.remedy) if kind else None


def engine_stalled(server: str, attempts: int) -> Failure:
    """Return that BuildKit of `server` fell into its endless loop in every attempt."""
    return made(kinds.ENGINE_STALLED, server=server, attempts=_attempts(attempts))


def worker_lost(attempts: int) -> Failure:
    """Return that the worker of the last of `attempts` attempts went silent."""
    return made(kinds.WORKER_LOST, attempts=_attempts(attempts))


def time_limit(seconds: int) -> Failure:
    """Return that the run took longer than its limit of `seconds`."""
    return made(kinds.TIME_LIMIT, seconds=seconds)


def queue_limit(seconds: int) -> Failure:
    """Return that the run waited longer than its limit of `seconds`."""
    return made(kinds.QUEUE_LIMIT, seconds=seconds)


def source_failed(kind: FailureKind, place: str, detail: str = "") -> Failure:
    """Return that the code of `place` (host and path of a repository) could not be fetched, with whose words tell."""
    return made(kind, place=place, detail=clean(detail))


def ref_missing(place: str, ref: str, branches: Sequence[str]) -> Failure:
    """Return that the repository has no branch, tag or commit `ref`; `branches` are those that it has."""
    found = f"Its branches: {_some(branches)}." if branches else "It has no branches."
    return made(source_kinds.SOURCE_REF_MISSING, place=place, ref=clean(ref), branches=found)


def source_too_large(place: str, found: int, limit: int) -> Failure:
    """Return that the code takes `found` bytes of the worker's disk and only `limit` are allowed."""
    return made(source_kinds.SOURCE_TOO_LARGE, place=place, found=_bytes(found), limit=_bytes(limit))


def worker_disk_full() -> Failure:
    """Return that the disk of the worker is full."""
    return made(source_kinds.WORKER_DISK_FULL)


def dockerfile_missing(path: str, found: Sequence[str]) -> Failure:
    """Return that there is no Dockerfile `path`; `found` are the files that could be meant."""
    return made(source_kinds.DOCKERFILE_MISSING, path=clean(path), found=_there_is(found))


def context_missing(path: str, found: Sequence[str]) -> Failure:
    """Return that there is no folder `path` to build from; `found` are those that are there."""
    return made(source_kinds.CONTEXT_MISSING, path=clean(path), found=_there_is(found))


def context_refused(number: int, sentence: str) -> Failure:
    """Return that the uploaded context `number` is not unpacked; `sentence` names the entry and what to do."""
    return made(source_kinds.CONTEXT_REFUSED, number=number, detail=clean(sentence))


def context_lost(number: int, found: int, expected: int) -> Failure:
    """Return that what is stored of the uploaded context `number` is not what was received."""
    return made(source_kinds.CONTEXT_LOST, number=number, found=_bytes(found), expected=_bytes(expected))


def path_leaves(path: str) -> Failure:
    """Return that `path` leads out of the workspace."""
    return made(source_kinds.PATH_LEAVES, path=clean(path))


def context_too_large(found: int, limit: int, largest: Sequence[tuple[str, int]]) -> Failure:
    """Return that the build context has too many bytes; `largest` names what is largest at its top."""
    named = ", ".join(f"{clean(name)} ({_bytes(size)})" for name, size in largest)
    return made(source_kinds.CONTEXT_TOO_LARGE, found=_bytes(found), limit=_bytes(limit), largest=named)


def context_unreadable(detail: str) -> Failure:
    """Return that a file of the build context cannot be read or sent."""
    return made(source_kinds.CONTEXT_UNREADABLE, detail=f"{clean(detail)}.")


def cancelled(by: str = "") -> Failure:
    """Return that the run was cancelled, by whom if known."""
    return made(kinds.CANCELLED, by=f" by {by}" if by else "")


def not_confirmed(server: str, detail: str = "") -> Failure:
    """Return that a cancel could not be confirmed on `server` in its time (the end of a CANCEL run)."""
    return made(kinds.NOT_CONFIRMED, server=server, detail=clean(detail))


def definition_invalid(detail: str) -> Failure:
    """Return that the run's own copy of the definition cannot be executed; `detail` names the field and why."""
    return made(kinds.DEFINITION_INVALID, detail=clean(detail))


def internal(reference: str) -> Failure:
    """Return that BuildHub itself failed; `reference` finds the trace in its log."""
    return made(kinds.INTERNAL, reference=clean(reference))


def _some(names: Sequence[str]) -> str:
    """Return the first of `names`, and how many there are more."""
    shown = ", ".join(clean(name) for name in names[:MOST_NAMED])
    return f"{shown} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else shown


def _there_is(found: Sequence[str]) -> str:
    return f"There is: {_some(found)}." if found else "The workspace is empty there."


def _bytes(count: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{count / 1024**2:,.1f} MiB" if count >= 1024**2 else f"{count:,} bytes"


def _attempts(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"


def made(kind: FailureKind, **words: object) -> Failure:
    """Return a failure of a kind whose sentences have these words in their braces."""
    return Failure(kind, kind.message.format(**words), kind.remedy.format(**words))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the Dockerfile it happened: instruction and line as people know them, None for what is not known."""

    instruction: str | None = None
    line: int | None = None
    by_onbuild: bool = False

    @classmethod
    def of(cls, vertex_name: str | None, found: Found | None) -> "_Place":
        """Return the place of a vertex: of what is fetched, the instruction that asks for it."""
        asked = found.instruction.text if found else ""
        shown = vertex_name if vertex_name and keyword_of(vertex_name) else asked
        line = found.instruction.line_start if found else None
        as_known = cut(" ".join(shown_text(text_of(shown)).split()), LONGEST_INSTRUCTION)
        return cls(as_known or None, line, found.by_onbuild if found else False)

    @property
    def at(self) -> str:
        """Where it is, to follow a name or a sentence."""
        if self.by_onbuild:
            return f", from ONBUILD of the base image in line {self.line} of the Dockerfile"
        return f", line {self.line} of the Dockerfile" if self.line else ""


def _exited(code: int, place: _Place, tail: str) -> Failure:
    """Return the end of a program: only its exit code is a fact, what it printed is a guess."""
    command = missing_command(tail, place.instruction or "") if code == NOT_FOUND else None
    if command:
        kind, at = kinds.COMMAND_MISSING, f" (line {place.line})" if place.line and not place.by_onbuild else place.at
        message = f"{command} is not in this image{at}: the instruction ended with exit code 127."
        return Failure(kind, message, kind.remedy, code, place.instruction, place.line)
    kind = kinds.BUILD_OUT_OF_MEMORY if code == 137 else kinds.BUILD_EXITED
    meaning = explain_exit(code)
    what = short(place.instruction) if place.instruction else "An instruction of the Dockerfile"
    at = f"{place.at}," if place.at else ""
    message = f"{what}{at} ended with exit code {code}{f' ({meaning})' if meaning else ''}."
    return Failure(kind, message, kind.remedy, code, place.instruction, place.line, hint(tail))


def _refused(error_text: str, kind: FailureKind, place: _Place, dockerfile: str) -> Failure:
    """Return what the engine itself says, at the place that it names."""
    line = place.line
    if place.instruction is None:
        line = parse_error_line(error_text) or _line_that_names(cause_of(error_text), dockerfile)
        if line is not None and kind is kinds.DOCKERFILE_INVALID:
            # A wrong instruction inside of a here-document: the engine does not know it, and reads on in its body.
            around = (each for each in instruction_lines(dockerfile) if each.line_start < line <= each.line_end)
            if begins := next((each.line_start for each in around if "<<" in each.text), None):
                kind, line = kinds.HERE_DOCUMENT_UNKNOWN, begins
    at = place.at or (f", line {line} of the Dockerfile" if line else "")
    what = f" ({short(place.instruction)}{at})" if place.instruction else f" ({at.removeprefix(', ')})" if at else ""
    message = f"{kind.message}{what}: {clean(cause_of(error_text))}."
    return Failure(kind, message, kind.remedy, None, place.instruction, line)


def _line_that_names(cause: str, dockerfile: str) -> int | None:
    """Return the line of the only instruction that holds what the engine quotes, or None."""
    quoted = QUOTED_WORD.search(cause)
    word = next(filter(None, quoted.groups()), "") if quoted else ""
    is_telling = len(word) >= LEAST_QUOTED
    lines = [each.line_start for each in instruction_lines(dockerfile) if is_telling and word in each.text]
    return lines[0] if len(lines) == 1 else None
