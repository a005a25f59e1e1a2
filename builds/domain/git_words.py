"""What git, ssh and our LFS program say when code could not be fetched: which failure it is, and if it may pass later.

Texts as captured from git 2.39 and OpenSSH 9.2 with LC_ALL=C.UTF-8 (tests/engine/test_git*.py).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from builds.domain import source_kinds as kinds
from builds.domain.failure_kind import FailureKind


@dataclass(frozen=True, slots=True)
class GitRefusal:
    """What a text means: `kind`, and whether to try the same `again`."""

    kind: FailureKind
    again: bool = False


def _sign(words: str, kind: FailureKind, *, again: bool = False) -> tuple[re.Pattern[str], GitRefusal]:
    return re.compile(words, re.IGNORECASE | re.MULTILINE), GitRefusal(kind, again)


SUBMODULE: Final = r"into submodule path|no url found for submodule|in submodule path|is not a valid submodule"
# The first that fits decides: what git itself concludes comes last in its text, and says less.
SIGNS: Final[Sequence[tuple[re.Pattern[str], GitRefusal]]] = (
    _sign(r"no space left on device|disk quota exceeded", kinds.WORKER_DISK_FULL),
    _sign(SUBMODULE, kinds.SOURCE_SUBMODULE),
    _sign(r"^lfs: .*(?:does not answer|broke off| answers (?:429|5\d\d))", kinds.SOURCE_LFS, again=True),
    _sign(r"^lfs: ", kinds.SOURCE_LFS),
    _sign(r"remote host identification has changed", kinds.SOURCE_HOST_KEY_CHANGED),
    _sign(r"host key is known for|host key verification failed", kinds.SOURCE_HOST_KEY_UNKNOWN),
    _sign(r"^fatal: could not read (?:username|password)", kinds.SOURCE_LOGIN_MISSING),
    _sign(r"authentication failed|permission denied \(|too many authentication", kinds.SOURCE_DENIED),
    _sign(r"returned error: 40[13]|access denied|http basic: ", kinds.SOURCE_DENIED),
    _sign(r"certificate|ssl_|tls |gnutls", kinds.SOURCE_CERTIFICATE),
    _sign(r"^buildhub goes by ssh|transport '\w+' not allowed|unable to find remote helper", kinds.SOURCE_REFUSED),
    _sign(r"could not resolve host", kinds.SOURCE_HOST_UNKNOWN),
    _sign(r"returned error: 404|repository .*not found|does not appear to be a git repo", kinds.SOURCE_MISSING),
    _sign(r"no such repository|project .*not found", kinds.SOURCE_MISSING),
    _sign(r"returned error: (?:408|429|5\d\d)", kinds.SOURCE_UNREACHABLE, again=True),
    _sign(r"refused|timed out|no route|unreachable|too slow|couldn't connect", kinds.SOURCE_UNREACHABLE, again=True),
    _sign(r"connection (?:reset|closed)|hung up|early eof|rpc failed|disconnect", kinds.SOURCE_UNREACHABLE, again=True),
    _sign(r"empty reply|transfer closed|recv failure|closed by", kinds.SOURCE_UNREACHABLE, again=True),
)
ANY: Final = tuple(sign for sign, _ in SIGNS)
UNKNOWN: Final = GitRefusal(kinds.SOURCE_FAILED)
LEADS: Final = re.compile(r"^(?:fatal|error|remote|ssh|lfs): ", re.IGNORECASE)
# They repeat what another line says better, or are advice to somebody at a terminal.
EMPTY: Final = re.compile(
    r"^(?:fatal: could not read from remote repository|please make sure you have the correct|and the repository exists"
    r"|@|warning: |fatal: the remote end hung up|cloning into|from |remote: (?:counting|compressing|enumerating|total)"
    r"|submodule |fatal: clone of |failed to clone |fatal: failed to recurse|error: unable to read askpass|hint:"
    r"|fatal: fsck error|fatal: index-pack failed|fatal: fetch-pack: invalid)",
    re.IGNORECASE,
)
LONGEST: Final = 500


def git_refusal_of(said: str) -> GitRefusal:
    """Return what the last lines of git's error output mean."""
    return next((refusal for sign, refusal in SIGNS if sign.search(said)), UNKNOWN)


def telling_line(said: str) -> str:
    """Return the line of git's error output that tells most, without its lead and full stop."""
    lines = [line for line in said.splitlines() if line.strip() and not EMPTY.match(line)]
    kind = git_refusal_of(said)
    those_of_kind = [sign for sign, refusal in SIGNS if refusal == kind]
    fitting = (line for signs in (those_of_kind, ANY) for line in lines if any(sign.search(line) for sign in signs))
    best = next(fitting, lines[-1] if lines else said)
    return LEADS.sub("", " ".join(best.split()))[:LONGEST].rstrip(".")
