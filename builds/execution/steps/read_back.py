"""Before an image is built: what the build may ask for, from the build server's volume to this machine's disk."""

import posixpath
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings

from builds.domain.steps.create_image import DOCKERFILE_BYTES, dockerfile_type
from builds.engine.context import IGNORE_ENDING
from builds.engine.errors import PatternInvalid
from builds.engine.folder import IGNORE_FILE
from builds.engine.packing import NotIgnored, Room
from builds.execution.context import RunContext
from builds.execution.steps import image_files

MOST: Final = DOCKERFILE_BYTES + 1  # one more than is allowed, which is then said


def run(context: RunContext, config: Mapping[str, Any]) -> None:
    """Read the image step's Dockerfile and folder, without what its ignore file leaves out, where steps work there.

    Where one of the two is missing, the names are read that a sentence about it is made of. Raises `RunFailed`,
    `ContextTooLarge` and what the engine floor raises.
    """
    if not context.works_on_server:
        return
    context.workspace.clear()  # what an image build that is done again has read
    root, volume = context.workspace.root, context.volume
    dockerfile = str(config.get("docker_file_path") or "") if dockerfile_type(config) == "FILE_PATH" else ""
    folder = image_files.folder_of(context, config)
    own_ignore = f"{dockerfile}{IGNORE_ENDING}" if dockerfile else ""
    single = {path: volume.read_file(path, most=MOST) for path in (dockerfile, own_ignore) if path}
    ignored = single.get(own_ignore) or volume.read_file(posixpath.join(folder, IGNORE_FILE), most=MOST) or b""
    try:
        wanted = NotIgnored(ignored.decode(errors="surrogateescape"))
    except PatternInvalid:  # which the engine says when it reads them itself
        wanted = NotIgnored("")
    context.recorder.say("Reading the files for the image from the workspace")
    is_there = volume.read(folder, root / folder, wanted, room=Room(settings.CONTEXT_LIMIT_BYTES))
    for path, content in single.items():
        place = context.inside(path)  # what was read may have links
        if content is not None and not place.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    if not is_there or (dockerfile and single[dockerfile] is None):
        read_names(context, dockerfile or folder)


def read_names(context: RunContext, path: str) -> None:
    """Read what tells somebody where `path` is meant to be: all folders, files as deep as it, and what is like one."""
    depth = posixpath.normpath(path).count("/")

    def is_telling(found: str, is_folder: bool) -> bool:  # noqa: FBT001  as `Wanted` is called
        return is_folder or found.count("/") <= depth or "ockerfile" in posixpath.basename(found)

    context.workspace.clear()
    context.volume.read("", context.workspace.root, is_telling, room=None)
