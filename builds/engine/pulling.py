"""Pull one image by its digest, in one try, and say in plain terms why it failed."""

import re
from collections.abc import Callable
from typing import Any, Final

import requests
from docker.auth import encode_header

from builds.engine import pushing
from builds.engine.client import EngineClient, asking
from builds.engine.errors import (
    ConnectionLost,
    EngineError,
    EngineRefused,
    EngineUnreachable,
    PullFailed,
    PullStopped,
)
from builds.engine.json_lines import json_lines
from builds.engine.types import PushUpdate, RegistryLogin
from builds.engine.watch import Watch

ASKED: Final = "pull the image"
# The last form is that of containerd's image store.
MISSING: Final = re.compile(
    r"manifest unknown|manifest for .* not found|repository .*not found|name unknown|failed to resolve .*: not found$",
    re.I,
)
ENDED: Final = re.compile(r"Status: (?:Downloaded newer image|Image is up to date) for ")


class PullStream:
    """What the stream of one pull has told so far."""

    def __init__(self, on_update: Callable[[PushUpdate], None]) -> None:
        self.error = ""
        self.is_done = False
        self._on_update = on_update

    def take(self, record: dict[str, Any]) -> None:
        """Take one record: progress of a layer, the last word, or the error that ends the pull."""
        if "errorDetail" in record or "error" in record:
            self.error = (record.get("errorDetail") or {}).get("message") or str(record.get("error"))
        elif ENDED.match(record.get("status", "")):
            self.is_done = True
        elif record.get("id"):
            self._on_update(pushing.update_of(record))


def run_pull(
    client: EngineClient, stream: PullStream, watch: Watch, *, name: tuple[str, str], login: RegistryLogin | None
) -> None:
    """Pull `name` (repository, digest) on `client`; errors as of `Engine.pull`."""
    try:
        with _post(client, name, login) as response:
            for record in json_lines(response, ASKED):
                watch.heard()
                stream.take(record)
    except EngineUnreachable:
        if not client.wire.is_cut:
            raise
    except EngineRefused as error:
        raise failure(error.answered) from None
    _settle(stream, watch)


def failure(message: str) -> PullFailed:
    """Return the failure that the engine's or registry's `message` means."""
    return PullFailed(message, missing=MISSING.search(message) is not None)


def _settle(stream: PullStream, watch: Watch) -> None:
    if stream.is_done and not stream.error:
        return
    if watch.stop_asked:
        raise PullStopped
    if stream.error:
        raise failure(stream.error)
    raise _broken_off(watch)


def _broken_off(watch: Watch) -> EngineError:
    if watch.engine_gone:
        return EngineUnreachable(ASKED, "The engine has stopped answering in the middle of the pull.")
    return ConnectionLost(ASKED, "The engine's answer broke off with neither an image nor an error.")


def _post(client: EngineClient, name: tuple[str, str], login: RegistryLogin | None) -> requests.Response:
    """Start the pull; the login goes in the header, as with a push."""
    repository, digest = name
    account = {"username": login.username, "password": login.password} if login else {}
    with asking(ASKED):
        return client.ask(
            "POST",
            "/images/create",
            params={"fromImage": repository, "tag": digest},
            headers={"X-Registry-Auth": encode_header(account).decode()},
            stream=True,
            timeout=(client.timeout, None),
        )
