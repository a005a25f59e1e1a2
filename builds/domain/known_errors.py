"""What a program printed last, and what its exit code means: guesses, shown as such, never a cause.

Texts of package tools as they print them.
"""

import re
from typing import Final

LOOKED_AT: Final = 20_000  # characters at the end of a text: the error is there, and the work stays bounded

KILLED: Final = 137
EXITS: Final = {
    126: "the command was found and cannot be executed: not executable, or made for another processor",
    127: "command not found",
    134: "it aborted itself, SIGABRT",
    KILLED: "killed, probably out of memory",
    139: "it crashed with a memory access error, SIGSEGV",
    143: "it was asked to end, SIGTERM",
}


HINTS: Final = tuple(
    (re.compile(words, re.IGNORECASE), likely)
    for words, likely in (
        (
            r"no space left on device|disk quota exceeded",
            "the disk was full: let the build server's administrator remove unused images and cache",
        ),
        (
            r"toomanyrequests|pull rate limit|429 too many requests",
            "a server limits requests: wait, or give the program a login there",
        ),
        (
            r"no such host|could not resolve host|temporary failure (?:in name|resolv)|EAI_AGAIN|bad address",
            "a host name could not be resolved: check its spelling and the build server's name server",
        ),
        (
            r"x509|certificate verify failed|self[- ]signed certificate|unable to get local issuer",
            "a TLS certificate is not trusted: add the CA to the image",
        ),
        (
            r"(?:runc run failed|container_linux\.go).*exec: .*(?:no such file|not found|is a directory)",
            "the program is not in this image: check its path, and that the base image has a shell",
        ),
        (r"exec format error", "the program is made for another processor: check the platform of the base image"),
        (
            r"npm err! code E404|npm error code E404",
            "npm does not know this package or version: check package.json and the registry it uses",
        ),
        (
            r"npm err! code ERESOLVE|npm error code ERESOLVE",
            "npm cannot satisfy all versions: commit a lock file and use npm ci",
        ),
        (
            r"E: unable to locate package",
            "apt does not know this package: run apt-get update in the same RUN, and check its name",
        ),
        (
            r"E: failed to fetch .*(404|not found)",
            "apt's lists are old: run apt-get update and apt-get install in one RUN",
        ),
        (
            r"no matching distribution found|could not find a version that satisfies",
            "pip does not find this version: check the requirement, the Python version and the index it uses",
        ),
        (
            r"JavaScript heap out of memory|OutOfMemoryError|cannot allocate memory|MemoryError",
            "the program ran out of memory: give it less to do at once, or the build server more memory",
        ),
        (
            r"runc run failed: unable to start container process|OCI runtime (?:create|exec) failed",
            "the engine could not start the instruction: let the build server's administrator look at its runtime",
        ),
        (
            r"permission denied",
            "a file may not be read, written or executed: check USER, chmod and owner in the Dockerfile",
        ),
    )
)
# The last word of a shell: dash `sh: 1: curl: not found`, bash `sh: line 1: curl: command not found`, busybox without
# the number.
NOT_FOUND: Final = re.compile(r"(?:^|[\s:])(?P<name>[\w.+/-]+): (?:command )?not found$")


def hint(printed: str) -> str | None:
    """Return what the first known error in a program's last lines looks like, or None; a guess."""
    end = printed[-LOOKED_AT:]
    return next((f"Looks like {likely}." for sign, likely in HINTS if sign.search(end)), None)


def missing_command(printed: str, instruction: str) -> str | None:
    """Return the command that the shell did not find (exit code 127); None where `instruction` does not name it."""
    lines = printed[-LOOKED_AT:].split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    found = NOT_FOUND.search(last)
    if found is None or found["name"] not in re.split(r"[\s;&|()`\"']+", instruction):
        return None
    return found["name"]


def explain_exit(code: int) -> str | None:
    """Return what an exit code means by convention of shells and kernels, or None when it is the program's own."""
    if code in EXITS:
        return EXITS[code]
    return f"ended by signal {code - 128}" if 128 < code <= 192 else None
