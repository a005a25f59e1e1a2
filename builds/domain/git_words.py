"""What git, ssh and our LFS program say when code could not be fetched: which failure it is, and if it may pass later.

Texts as captured from git 2.39 and OpenSSH 9.2 with LC_ALL=C.UTF-8 (tests/engine/test_git*.py).
"""

import re
from collections.abc import Sequence
from functools import partial
from typing import Final

from builds.domain import source_kinds as kinds
from builds.domain.refusals import Refusal, Sign, first_of, sign

_line = partial(sign, flags=re.MULTILINE)  # `^` begins each line of the text
SUBMODULE: Final = r"into submodule path|no url found for submodule|in submodule path|is not a valid submodule"
# The first that fits decides: what git itself concludes comes last in its text, and says less.
SIGNS: Final[Sequence[Sign]] = (
    _line(r"no space left on device|disk quota exceeded", kinds.WORKER_DISK_FULL),
    _line(SUBMODULE, kinds.SOURCE_SUBMODULE),
    _line(r"^lfs: .*(?:does not answer|broke off| answers (?:429|5\d\d))", kinds.SOURCE_LFS, again=True),
    _line(r"^lfs: ", kinds.SOURCE_LFS),
    _line(r"remote host identification has changed", kinds.SOURCE_HOST_KEY_CHANGED),
    _line(r"host key is known for|host key verification failed", kinds.SOURCE_HOST_KEY_UNKNOWN),
    _line(r"^fatal: could not read (?:username|password)", kinds.SOURCE_LOGIN_MISSING),
    _line(r"authentication failed|permission denied \(|too many authentication", kinds.SOURCE_DENIED),
    _line(r"returned error: 40[13]|access denied|http basic: ", kinds.SOURCE_DENIED),
    _line(r"certificate|ssl_|tls |gnutls", kinds.SOURCE_CERTIFICATE),
    _line(r"^buildhub goes by ssh|transport '\w+' not allowed|unable to find remote helper", kinds.SOURCE_REFUSED),
    _line(r"could not resolve host", kinds.SOURCE_HOST_UNKNOWN),
    _line(r"returned error: 404|repository .*not found|does not appear to be a git repo", kinds.SOURCE_MISSING),
    _line(r"no such repository|project .*not found", kinds.SOURCE_MISSING),
    _line(r"returned error: (?:408|429|5\d\d)", kinds.SOURCE_UNREACHABLE, again=True),
    _line(r"refused|timed out|no route|unreachable|too slow|couldn't connect", kinds.SOURCE_UNREACHABLE, again=True),
    _line(r"connection (?:reset|closed)|hung up|early eof|rpc failed|disconnect", kinds.SOURCE_UNREACHABLE, again=True),
    _line(r"empty reply|transfer closed|recv failure|closed by", kinds.SOURCE_UNREACHABLE, again=True),
)
ANY: Final = tuple(pattern for pattern, _ in SIGNS)
UNKNOWN: Final = Refusal(kinds.SOURCE_FAILED)
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


def git_refusal_of(said: str) -> Refusal:
    """Return what the last lines of git's error output mean."""
    return first_of(SIGNS, said, UNKNOWN)


def telling_line(said: str) -> str:
    """Return the line of git's error output that tells most, without its lead and full stop."""
    lines = [line for line in said.splitlines() if line.strip() and not EMPTY.match(line)]
    kind = git_refusal_of(said)
    those_of_kind = [pattern for pattern, refusal in SIGNS if refusal == kind]
    fitting = (line for signs in (those_of_kind, ANY) for line in lines if any(each.search(line) for each in signs))
    best = next(fitting, lines[-1] if lines else said)
    return LEADS.sub("", " ".join(best.split()))[:LONGEST].rstrip(".")
