"""The files of the project, as the checks of this folder read them."""

import ast
import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IGNORED = [
    ".git",
    *(line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if line and line[0] not in "#!"),
]


def project_files(root: Path = ROOT) -> list[Path]:
    """Return the project's own files: all but what .gitignore names, so that a file is checked before its commit."""
    return sorted(root / path for path in _walk(root))


def python_files(*, under: str = ".") -> list[Path]:
    """Return the modules written by hand; migrations and protobuf's output are made by tools."""
    folder = ROOT / under
    return [
        path
        for path in project_files()
        if path.suffix == ".py"
        and path.is_relative_to(folder)
        and "migrations" not in path.parts
        and not path.name.endswith("_pb2.py")
    ]


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        here = os.path.relpath(folder, root)
        folders[:] = [name for name in folders if not _is_ignored(here, name)]
        yield from (os.path.join(here, name) for name in names if not _is_ignored(here, name))  # noqa: PTH118  on words


def _is_ignored(folder: str, name: str) -> bool:
    path = os.path.normpath(os.path.join(folder, name))  # noqa: PTH118  on words, not on the disk
    return any(fnmatch(name, pattern) or path == pattern for pattern in IGNORED)
