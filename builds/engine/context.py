"""What a build is made from, as the engine asks for it over the build's session."""

from collections.abc import Mapping
from typing import Final

from builds.engine.session_files import Directory, TypedFiles

DOCKERFILE_NAME: Final = "Dockerfile"  # in its directory, which holds nothing else; errors of the engine repeat it
DOCKERFILES: Final = "dockerfile"  # BuildKit's names of the two directories
FILES: Final = "context"

Context = Mapping[str, Directory]


def inline_context(dockerfile_text: str) -> Context:
    """Return the directories of a build that has a typed Dockerfile and no files: what `COPY .` copies is empty."""
    return {DOCKERFILES: TypedFiles({DOCKERFILE_NAME: dockerfile_text.encode()}), FILES: TypedFiles()}
