"""What can go wrong with a repository. Errors carry git's own words, which hold no login."""

# ruff: noqa: N818 - the names say what happened, as those of the engine's errors do

from collections.abc import Sequence
from typing import Literal

from builds.engine.errors import EngineError


class GitFailed(EngineError):
    """A program of git ended with `code`; `lines` are the last of its error output."""

    def __init__(self, asked: str, lines: Sequence[str], code: int) -> None:
        super().__init__(asked, "\n".join(lines) or f"it ended with exit code {code} and said nothing")


class GitStopped(EngineError):
    """A program of git was killed by us, and has gone."""

    def __init__(self) -> None:
        super().__init__("stop git", "stopped before it had finished")


class SourceTooLarge(EngineError):
    """What git writes takes `found` bytes, more than `limit`."""

    def __init__(self, found: int, limit: int) -> None:
        super().__init__("fetch the code", f"it takes more than {limit:,} bytes")
        self.found = found
        self.limit = limit


class CertificateUntrusted(EngineError):
    """The certificate of the server cannot be trusted; `answered` says why."""

    def __init__(self, answered: str) -> None:
        super().__init__("trust the git server", answered)


class PartFailed(EngineError):
    """The commit is there, but its submodules or its files in LFS (`part`) are not; `answered` says why."""

    def __init__(self, part: Literal["submodule", "lfs"], answered: str) -> None:
        super().__init__(f"fetch {part}", answered)
        self.part = part


class RefMissing(EngineError):
    """The repository has no branch, tag or commit `ref`; `branches` are those that it has."""

    def __init__(self, ref: str, branches: Sequence[str]) -> None:
        super().__init__(f"find {ref}", "there is no such branch, tag or commit")
        self.ref = ref
        self.branches = branches


class RepositoryEmpty(EngineError):
    """The repository has no commit yet."""

    def __init__(self) -> None:
        super().__init__("find the default branch", "the repository has no commit yet")
