"""Errors that are recognised by the words of engines, registries and common tools, and what helps.

Texts as captured in engine.md (20.10.24 and 26.1.5); those of package tools as they print them.
"""

import re
from collections.abc import Sequence
from typing import Final

from builds.domain import failure_kinds as kinds
from builds.domain.failure_kinds import FailureKind

Signs = Sequence[tuple[re.Pattern[str], FailureKind]]

LOOKED_AT: Final = 20_000  # characters at the end of a text: the error is there, and the work stays bounded

EXITS: Final = {
    126: "the command was found and cannot be executed: not executable, or made for another processor",
    127: "command not found",
    134: "it aborted itself, SIGABRT",
    137: "killed, probably out of memory",
    139: "it crashed with a memory access error, SIGSEGV",
    143: "it was asked to end, SIGTERM",
}


def _sign(words: str) -> re.Pattern[str]:
    return re.compile(words, re.IGNORECASE)


NO_ANSWER: Final = (
    "no such host|connection refused|i/o timeout|network is unreachable|no route to host|x509|tls: |server misbehaving"
    "|deadline exceeded|temporary failure in name resolution|server gave HTTP response to HTTPS client"
)

# The first that fits decides, so the more special ones stand first.
BUILD_SIGNS: Final[Signs] = (
    (_sign(r"context canceled\s*$"), kinds.ENGINE_STOPPED_BUILD),
    (_sign(r"no space left on device"), kinds.BUILD_DISK_FULL),
    (_sign(r"dockerfile parse error|unknown instruction|failed to parse stage name"), kinds.DOCKERFILE_INVALID),
    (_sign(r"dockerfile: no such file|no build stage in current context"), kinds.DOCKERFILE_INVALID),
    (_sign(r"file with no instructions"), kinds.DOCKERFILE_INVALID),
    (_sign(r"target stage .* could not be found"), kinds.TARGET_MISSING),
    (_sign(r"no active session|secret \S+: not found"), kinds.SESSION_MISSING),
    (_sign(r"401 unauthorized|no basic auth|authentication required|403 forbidden"), kinds.BASE_DENIED),
    (_sign(r"pull access denied|manifest unknown|repository does not exist"), kinds.BASE_NOT_FOUND),
    (_sign(r"failed to compute cache key|failed to calculate checksum"), kinds.FILE_MISSING),
    (_sign(r"copy failed|not found in build context"), kinds.FILE_MISSING),
    (
        _sign(r"(failed to resolve source metadata|failed to load cache key|LLB definition).*: not found"),
        kinds.BASE_NOT_FOUND,
    ),
    (_sign(rf"/v2/.*({NO_ANSWER})"), kinds.BASE_UNREACHABLE),
    (_sign(NO_ANSWER), kinds.HOST_UNREACHABLE),
)

PUSH_SIGNS: Final[Signs] = (
    (_sign(r"no basic auth credentials|unauthorized|authentication required|\b401\b"), kinds.REGISTRY_UNAUTHORIZED),
    (_sign(r"denied|forbidden|\b403\b"), kinds.REGISTRY_DENIED),
    (_sign(r"no such host|server misbehaving|name resolution|name or service not known"), kinds.REGISTRY_UNKNOWN_HOST),
    (_sign(r"x509|certificate|gave HTTP response to HTTPS client"), kinds.REGISTRY_CERTIFICATE),
    (
        _sign(r"connection refused|i/o timeout|timed out|deadline exceeded|unreachable|no route to host"),
        kinds.REGISTRY_UNREACHABLE,
    ),
    (_sign(r"connection reset|broken pipe|\bEOF\b"), kinds.REGISTRY_UNREACHABLE),
)

HINTS: Final = tuple(
    (_sign(words), remedy)
    for words, remedy in (
        (
            r"no space left on device",
            "The disk is full: let the build server's administrator remove unused images and cache.",
        ),
        (r"toomanyrequests|pull rate limit", "The registry limits anonymous pulls: store it with a login, or wait."),
        (
            r"pull access denied|manifest unknown",
            "The image is not there or is private: check its name and tag, or store a login.",
        ),
        (
            r"no such host|could not resolve host|temporary failure in name resolution|EAI_AGAIN",
            "A host name could not be resolved: check its spelling and the build server's network and name server.",
        ),
        (
            r"x509|certificate verify failed|self[- ]signed certificate|unable to get local issuer",
            "A TLS certificate is not trusted: add the CA to the image or to the engine.",
        ),
        (
            r"failed to compute cache key.*not found|failed to calculate checksum.*not found|copy failed.*no such file",
            "A file to copy is missing: check its path in the build context and .dockerignore.",
        ),
        (r"unknown instruction", "This line does not begin with an instruction of Dockerfiles: check its spelling."),
        (r"exec format error", "The program is made for another processor: check the platform of the base image."),
        (
            r"npm err! code E404|npm error code E404",
            "npm does not know this package or version: check package.json and the registry it uses.",
        ),
        (
            r"npm err! code ERESOLVE|npm error code ERESOLVE",
            "npm cannot satisfy all versions: commit a lock file and use npm ci.",
        ),
        (
            r"E: unable to locate package",
            "apt does not know this package: run apt-get update in the same RUN, and check its name.",
        ),
        (
            r"E: failed to fetch .*(404|not found)",
            "apt's lists are old: run apt-get update and apt-get install in one RUN.",
        ),
        (
            r"no matching distribution found|could not find a version that satisfies",
            "pip does not find this version: check the requirement, the Python version and the index it uses.",
        ),
        (
            r"JavaScript heap out of memory|OutOfMemoryError|cannot allocate memory|MemoryError",
            "The program ran out of memory: give it less to do at once, or the build server more memory.",
        ),
        (
            r"permission denied",
            "A file may not be read, written or executed: check USER, chmod and owner in the Dockerfile.",
        ),
    )
)


def hint(text: str) -> str | None:
    """Return what helps against the first known error in `text` (an engine's error or a step's last lines), or None."""
    end = text[-LOOKED_AT:]
    return next((remedy for sign, remedy in HINTS if sign.search(end)), None)


def explain_exit(code: int) -> str | None:
    """Return what an exit code means by convention of shells and kernels, or None when it is the program's own."""
    if code in EXITS:
        return EXITS[code]
    return f"ended by signal {code - 128}" if 128 < code <= 192 else None


def kind_of(text: str, signs: Signs) -> FailureKind | None:
    """Return the kind whose sign is found first in the order of `signs`, or None."""
    return next((kind for sign, kind in signs if sign.search(text)), None)
