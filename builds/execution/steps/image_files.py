"""What an image is built from: the Dockerfile, typed or in the workspace, and the folder of the context."""

import itertools
import posixpath
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from builds.domain import failures
from builds.domain.steps.create_image import DOCKERFILE_BYTES, dockerfile_type
from builds.engine.context import DOCKERFILE_NAME, IGNORE_ENDING, Context, folder_context, inline_context
from builds.engine.errors import shown
from builds.engine.folder import FolderFiles
from builds.execution.context import RunContext
from builds.execution.failing import RunFailed

MOST_FOUND: Final = 50
NANOSECONDS: Final = 1_000_000_000


@dataclass
class ImageFiles:
    """`name` and text of the Dockerfile, and the directories that the engine asks for."""

    name: str
    dockerfile: str
    context: Context
    _said: deque[str] = field(default_factory=deque)

    def announced(self) -> Iterator[str]:
        """Return what is to be said of the transfer since the last call: it begins on a thread of its own."""
        while self._said:
            yield self._said.popleft()


def of(context: RunContext, config: Mapping[str, Any]) -> ImageFiles:
    """Return the files of the image step `config`. Raises `RunFailed` where one is not there, or lies outside."""
    if dockerfile_type(config) == "FILE_PATH":
        path = str(config["docker_file_path"])
        name, content = posixpath.basename(path), _read(context, path)
        beside = f"{path}{IGNORE_ENDING}"
        ignore = _read(context, beside) if context.inside(beside).is_file() else None
    else:
        name, content, ignore = DOCKERFILE_NAME, str(config["docker_file"]).encode(), None
        if not config.get("context_path") and not context.has_files:
            return ImageFiles(name, content.decode(), inline_context(content.decode()))
    said: deque[str] = deque()
    # All files get the time of the newest commit, so that it is the same again; those of an upload have their own.
    newest = max((code.time for code in context.code), default=None)
    files = FolderFiles(
        root=_context_folder(context, folder_of(context, config)),
        modified=int(newest.timestamp()) * NANOSECONDS if newest else None,
        limit_bytes=settings.CONTEXT_LIMIT_BYTES,
        on_begin=lambda count, size: said.append(f"Sending the build context: {count:,} files, {size:,} bytes"),
    )
    made = folder_context(content, files, name=name, ignore=ignore)
    return ImageFiles(name, content.decode(errors="replace"), made, said)


def folder_of(context: RunContext, config: Mapping[str, Any]) -> str:
    """Return the folder that the image step `config` builds from, relative to the workspace.

    That is the one it names, else that of a Dockerfile in the workspace, else that of the only code, else the whole.
    """
    if config.get("context_path"):
        return str(config["context_path"])
    if dockerfile_type(config) == "FILE_PATH":
        return posixpath.dirname(str(config["docker_file_path"])) or "."
    return (context.code[0].folder if len(context.code) == 1 else "") or "."


def _context_folder(context: RunContext, path: str) -> Path:
    folder = context.inside(path)
    if not folder.is_dir():
        raise RunFailed(failures.context_missing(path, _names(context, path, folders=True)))
    return folder


def _read(context: RunContext, path: str) -> bytes:
    file = context.inside(path)
    if not file.is_file():
        root = context.workspace.root
        found = (file.relative_to(root) for file in root.rglob("*[Dd]ockerfile*") if file.is_file())
        named = (str(path) for path in found if ".git" not in path.parts)  # which git keeps for itself
        like = [shown(name) for name in itertools.islice(named, MOST_FOUND)]
        raise RunFailed(failures.dockerfile_missing(path, like or _names(context, path, folders=False)))
    if file.stat().st_size > DOCKERFILE_BYTES:
        raise RunFailed(failures.definition_invalid(f"{path} has more than {DOCKERFILE_BYTES:,} bytes"))
    return file.read_bytes()


def _names(context: RunContext, path: str, *, folders: bool) -> list[str]:
    """Return what there is in the nearest folder above `path` that is there."""
    root = context.workspace.root
    above = posixpath.dirname(path.rstrip("/"))
    while above and not context.inside(above).is_dir():
        above = posixpath.dirname(above)
    found = sorted(context.inside(above).iterdir()) if context.inside(above).is_dir() else []
    wanted = [entry for entry in found if entry.is_dir() or not folders]
    return [shown(str(entry.relative_to(root.resolve()))) for entry in wanted if entry.name != ".git"]
