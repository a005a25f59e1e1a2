"""Patterns of files in a folder: `*`, `?` and `[...]` within a part of a path, `**` for any number of folders."""

import posixpath
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

ACROSS: Final = "**"


class PathPattern:
    """One pattern; `fixed` is the folder that it names before its first wildcard, empty where that is the top."""

    def __init__(self, text: str) -> None:
        self._parts = [part for part in text.split("/") if part not in ("", ".")]
        plain = next((at for at, part in enumerate(self._parts) if set(part) & {*"*?["}), len(self._parts))
        self.is_plain = plain == len(self._parts)
        self.path = "/".join(self._parts)
        self.fixed = posixpath.dirname(self.path) if self.is_plain else "/".join(self._parts[:plain])

    def matches(self, path: str) -> bool:
        """Say whether a file is meant."""
        return len(self._parts) in self._after(path)

    def may_hold(self, folder: str) -> bool:
        """Say whether a file that is meant may be below a folder."""
        return any(at < len(self._parts) for at in self._after(folder))

    def _after(self, path: str) -> set[int]:
        """Return how many parts of the pattern a path may stand for; part by part, so that none takes long."""
        reached = self._skipped({0})
        for name in path.split("/"):
            stays = {at for at in reached if at < len(self._parts) and self._parts[at] == ACROSS}
            goes = {at + 1 for at in reached - stays if at < len(self._parts) and fnmatchcase(name, self._parts[at])}
            reached = self._skipped(stays | goes)
        return reached

    def _skipped(self, reached: Iterable[int]) -> set[int]:
        """Add what lies behind each `**`, which may stand for no folder at all."""
        found = set(reached)
        for at in sorted(found):
            while at < len(self._parts) and self._parts[at] == ACROSS:
                at += 1  # noqa: PLW2901  the next part
                found.add(at)
        return found


def read_patterns(texts: str) -> list[PathPattern]:
    """Return the patterns of a text with commas between them."""
    return [PathPattern(text.strip()) for text in texts.split(",") if text.strip()]
