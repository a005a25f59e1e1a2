"""What a build is made from, as the engine asks for it over the build's session."""

from collections.abc import Mapping
from typing import Final

from builds.engine.session_files import Directory, TypedFiles

DOCKERFILE_NAME: Final = "Dockerfile"  # in its directory, which holds nothing else; errors of the engine repeat it
DOCKERFILES: Final = "dockerfile"  # BuildKit's names of the two directories
FILES: Final = "context"
IGNORE_ENDING: Final = ".dockerignore"  # behind a Dockerfile's name: patterns of this Dockerfile alone

Context = Mapping[str, Directory]


def inline_context(dockerfile_text: str) -> Context:
    """Return the directories of a build that has a typed Dockerfile and no files: what `COPY .` copies is empty."""
    return folder_context(dockerfile_text.encode(), TypedFiles())


def folder_context(
    dockerfile: bytes, files: Directory, *, name: str = DOCKERFILE_NAME, ignore: bytes | None = None
) -> Context:
    """Return the directories of a build of `files` by a Dockerfile that need not be among them.

    `name` is the Dockerfile's, without folders, and `BuildRequest.dockerfile` has to be the same. `ignore` is the text
    of its own ignore file, which takes the place of the `.dockerignore` among `files`; the engine reads both itself.
    """
    dockerfiles = {name: dockerfile}
    if ignore is not None:
        dockerfiles[f"{name}{IGNORE_ENDING}"] = ignore
    return {DOCKERFILES: TypedFiles(dockerfiles), FILES: files}
