"""What an engine says about a build that failed: which of its parts spoke, and which kind of failure that is.

Only the engine's own words are read. The user's command, which it repeats, is taken out of them first, and what names
of the user's could hold is matched at the end of the text only, where the engine writes the cause. Texts as captured
from 20.10.24, 26.1.5 and 28.5.2 (tests/engine/vectors).
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from builds.domain import failure_kinds as kinds
from builds.domain.dockerfile_vertices import ADDRESS, FETCHED, FRONTEND, keyword_of, text_of
from builds.domain.failure_kind import FailureKind
from builds.domain.progress import CANCELED

# The one part of the text that all engines share. It ends them: before it stands the user's own command, and after it
# "context canceled" for what was stopped, which has the code of its kill, not of its own.
EXIT_CODE: Final = re.compile(r"exit code: (\d+)$")
LEADS: Final = re.compile(
    r"^(?:rpc error: code = \w+ desc = |failed to solve(?: with frontend [\w.]+)?: |failed to create LLB definition: "
    r"|failed to read downloaded context: |failed to (?:load|compute) cache key: |error from sender: )+"
)
# 20.10 repeats the command as it is, later engines quoted as Go quotes a string.
OF_20_10: Final = "executor failed running ["
QUOTED: Final = re.compile(r"^process \"(?:[^\"\\]|\\.)*\" did not complete successfully: ", re.DOTALL)
OF_AN_IMAGE: Final = re.compile(
    r"failed to resolve source metadata for |failed to do request: \w+ \"https?://[^/]+/v2/"
)
PARSE_ERROR: Final = re.compile(r"^dockerfile parse error (?:on )?line (\d+)", re.IGNORECASE)


class Part(StrEnum):
    """The part of the engine that spoke."""

    PROGRAM = "program"  # runs the command of a RUN
    IMAGE = "image"  # fetches a base image, or another that the Dockerfile names
    FRONTEND = "frontend"  # fetches the image of `# syntax=`
    ADDRESS = "address"  # fetches an address of ADD
    FILES = "files"  # copies
    DOCKERFILE = "dockerfile"  # reads the Dockerfile
    ENGINE = "engine"  # everything else: the context, the export


NO_ANSWER: Final = (
    r"no such host|connection refused|connection reset|i/o timeout|network is unreachable|no route to host|x509: |tls: "
    r"|server misbehaving|deadline exceeded|temporary failure in name resolution|\bEOF$"
    r"|server gave HTTP response to HTTPS client|50[0-4] [A-Z]"
)
# The first that fits decides, so the more special ones stand first. Those of the server come before all others.
LACKS: Final = (
    (r"(?:no space left on device|disk quota exceeded)(?:: unknown)?$", kinds.BUILD_DISK_FULL),
    (r"(?:cannot allocate memory|resource temporarily unavailable)$", kinds.ENGINE_MEMORY),
    (r"(?:input/output error|read-only file system|too many open files(?: in system)?)$", kinds.ENGINE_STORAGE),
)
SERVER: Final = ((rf"{CANCELED}$", kinds.ENGINE_STOPPED_BUILD), *LACKS)
IMAGES: Final = (
    (r"no active session", kinds.SESSION_MISSING),
    (r"toomanyrequests|429 too many requests|pull rate limit", kinds.BASE_LIMIT),
    (r"pull access denied|repository does not exist|manifest unknown|name unknown", kinds.BASE_NOT_FOUND),
    (r"401 unauthorized|no basic auth|authentication required|403 forbidden|denied", kinds.BASE_DENIED),
    (r"no match for platform|no matching manifest for", kinds.PLATFORM_MISSING),
    (r"not found$", kinds.BASE_NOT_FOUND),
    (NO_ANSWER, kinds.BASE_UNREACHABLE),
)
ADDRESSES: Final = (
    (r"invalid response status \d+", kinds.ADDRESS_REFUSED),
    (NO_ANSWER, kinds.HOST_UNREACHABLE),
)
SIGNS: Final[Mapping[Part, Sequence[tuple[str, FailureKind]]]] = {
    Part.PROGRAM: (
        (r"^(?:no active session|secret \S+ not found|no ssh key .* forwarded)", kinds.SESSION_MISSING),
        (r"^unable to find (?:user|group)|^uids and gids must be in range", kinds.USER_MISSING),
        (r"^(?:failed to calculate checksum|failed to walk|lstat |\".*\" not found)", kinds.FILE_MISSING),  # of a mount
        (r"is not allowed$", kinds.NOT_ALLOWED),
        (r"\b(?:bridge|endpoint|sandbox|veth\w*|network|iptables|netns)\b", kinds.ENGINE_NETWORK),
        ("", kinds.ENGINE_RUNTIME),
    ),
    Part.IMAGE: IMAGES,
    Part.FRONTEND: ((r"not found$|denied|manifest unknown", kinds.FRONTEND_MISSING), *IMAGES),
    Part.ADDRESS: ADDRESSES,
    Part.FILES: (
        (
            r"can't find (?:uid|gid) for|unable to (?:find|convert) (?:user|group|uid|gid)|invalid user",
            kinds.USER_MISSING,
        ),
        (r"(?:not found|no such file or directory|not found in build context)$", kinds.FILE_MISSING),
        (r"^(?:failed to calculate checksum|failed to walk)", kinds.FILE_MISSING),
        *ADDRESSES,  # later engines fetch the address of an ADD under the name of the ADD
    ),
    Part.DOCKERFILE: (
        (r"is not allowed$", kinds.NOT_ALLOWED),
        (r"^target stage .* could not be found$", kinds.TARGET_MISSING),
        (r"^no active session", kinds.SESSION_MISSING),
        (
            r"^dockerfile (?:parse error|line greater)|^unknown instruction|^failed to parse|^invalid |^unsupported",
            kinds.DOCKERFILE_INVALID,
        ),
        (r"^(?:base name .* should not be blank|circular dependency|invalid reference)", kinds.DOCKERFILE_INVALID),
        (
            r"^(?:file with no instructions|no build stage in current context|the dockerfile .*empty)",
            kinds.DOCKERFILE_INVALID,
        ),
        (r"dockerfile: no such file or directory$", kinds.DOCKERFILE_INVALID),
    ),
    Part.ENGINE: (),
}


def exit_code_of(error_text: str) -> int | None:
    """Return the exit code of the RUN that failed, None where none is told."""
    found = EXIT_CODE.search(error_text)
    return int(found[1]) if found else None


def cause_of(error_text: str) -> str:
    """Return the engine's own words about the cause: without what leads to them and without the user's command."""
    text = LEADS.sub("", error_text).strip()
    if text.startswith(OF_20_10):
        return text.rpartition("]: ")[2]
    return QUOTED.sub("", text)


def part_of(error_text: str, vertex_name: str) -> Part:
    """Return which part of the engine spoke, by the vertex that failed; one without a vertex is of the Dockerfile."""
    keyword = keyword_of(vertex_name)
    if keyword == "RUN" or cause_of(error_text) != LEADS.sub("", error_text).strip():
        return Part.PROGRAM
    if not vertex_name:
        return Part.IMAGE if OF_AN_IMAGE.search(error_text) else Part.DOCKERFILE
    text = text_of(vertex_name)
    if FRONTEND.match(text):
        return Part.FRONTEND
    if FETCHED.fullmatch(text):
        return Part.ADDRESS if ADDRESS.match(text) else Part.IMAGE
    return Part.FILES if keyword in ("COPY", "ADD") else Part.ENGINE


def kind_of(error_text: str, vertex_name: str) -> FailureKind:
    """Return the kind of failure of a build that no program's exit ended; an unknown one is a `BUILD_FAILED`."""
    signs = (*SERVER, *SIGNS[part_of(error_text, vertex_name)])
    return _first_of(signs, cause_of(error_text)) or kinds.BUILD_FAILED


def pull_kind_of(error_text: str) -> FailureKind:
    """Return what a failed pull would be called for a base image; an unknown one is a `BUILD_FAILED`."""
    return _first_of(IMAGES, error_text) or kinds.BUILD_FAILED


def lack_kind_of(error_text: str) -> FailureKind | None:
    """Return what the build server lacks by the words of its engine, in whatever it was asked; None for nothing."""
    return _first_of(LACKS, error_text)


def _first_of(signs: Sequence[tuple[str, FailureKind]], text: str) -> FailureKind | None:
    return next((kind for sign, kind in signs if re.search(sign, text, re.IGNORECASE)), None)


def parse_error_line(error_text: str) -> int | None:
    """Return the line that BuildKit names in a parse error, or None.

    20.10 writes `dockerfile parse error line 1:`, newer engines `dockerfile parse error on line 2:`.
    """
    found = PARSE_ERROR.match(LEADS.sub("", error_text))
    return int(found[1]) if found else None
