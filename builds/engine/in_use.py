"""What an engine still executes for builds that we have stopped.

BuildKit lists no builds, and an id that is cancelled is answered alike whether it is known or not. But its cache says
what it is used for: the file system of a RUN is in use, under a description with the command, as long as the process
lives. Docker 26.1.5 can leave one behind whose cancel came while it was being started: no further cancel, nor the end
of the connection, ends it (7 of 40 cancels within 0.25 s of an instruction's start; none on 20.10.24 and 28.5.2).
"""

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from builds.domain.dockerfile_vertices import text_of
from builds.engine.client import EngineClient, asking
from builds.engine.supported import api_number

ASKED: Final = "look at what still runs"
# Before 1.42 /system/df adds up every image, which takes minutes on a large server; asked in 1.42, 26.1.5 hangs up.
ASKED_IN: Final = "1.44"
FLAGS: Final = re.compile(r"^(?:--\S+\s+)*")


def still_running(client: EngineClient, instructions: Iterable[str]) -> list[str]:
    """Return those of `instructions` (names of vertices) whose process the engine still has.

    An engine before API 1.44 cannot be asked and counts as having none. Raises as `EngineClient.ask` under `asking`.
    """
    wanted = {name: command for name in instructions if (command := command_of(name))}
    if not wanted:
        return []
    with asking(ASKED):
        newest = str(client.version(api_version=False).get("ApiVersion", ""))
        if api_number(newest) < api_number(ASKED_IN):
            return []
        version = max(client.spoken, ASKED_IN, key=api_number)
        response = client.ask("GET", "/system/df", params={"type": "build-cache"}, version=version)
        cache: list[dict[str, Any]] = response.json().get("BuildCache") or []
    in_use = [_plain(str(part.get("Description", ""))) for part in cache if part.get("InUse")]
    return [name for name, command in wanted.items() if any(text.endswith(command) for text in in_use)]


def command_of(instruction: str) -> str:
    """Return the command of a RUN as the engine describes its process; nothing for another instruction."""
    word, _, rest = text_of(instruction).partition(" ")
    if word.upper() != "RUN":
        return ""
    command = FLAGS.sub("", rest.strip())
    try:
        parts = json.loads(command)
    except ValueError:
        parts = None
    return _plain(" ".join(map(str, parts)) if isinstance(parts, list) else command)


def _plain(text: str) -> str:
    return " ".join(text.split())
