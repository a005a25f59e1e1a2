"""Push one image to its registry, in one try, and say in plain terms why it failed."""

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

import requests
from docker.auth import encode_header

from builds.engine.client import EngineClient, asking
from builds.engine.errors import (
    ConnectionLost,
    EngineError,
    EngineRefused,
    EngineUnreachable,
    PushFailed,
    PushStopped,
)
from builds.engine.json_lines import json_lines
from builds.engine.types import PushUpdate, RegistryLogin
from builds.engine.watch import Watch

ASKED: Final = "push the image"
# The last word of a push. Engines with the containerd image store tell the digest here only (28.5.2); the older store
# adds an `aux` record (20.10.24 and later).
DIGEST: Final = re.compile(r"\S+: digest: (sha256:[0-9a-f]{64}) size: \d+")

# A layer's upload that the engine of the older store begins anew by itself, up to five times.
RETRYING: Final = "Retrying in "


class PushStream:
    """What the stream of one push has told so far."""

    def __init__(self, on_update: Callable[[PushUpdate], None]) -> None:
        self.digest = ""
        self.error = ""
        self.retried = False
        self._on_update = on_update

    def take(self, record: dict[str, Any]) -> None:
        """Take one record: progress of a layer, the digest, or the error that ends the push."""
        self.retried |= record.get("status", "").startswith(RETRYING)
        if "errorDetail" in record or "error" in record:
            self.error = (record.get("errorDetail") or {}).get("message") or str(record.get("error"))
        elif aux := record.get("aux"):
            self.digest = aux.get("Digest", "")
        elif record.get("id"):
            self._on_update(update_of(record))
        elif told := DIGEST.fullmatch(record.get("status", "")):
            self.digest = told[1]


def run_push(
    client: EngineClient, stream: PushStream, watch: Watch, *, name: tuple[str, str], login: RegistryLogin | None
) -> str:
    """Push `name` (repository, tag) on `client` and return the manifest's digest; errors as of `Engine.push`."""
    try:
        with _post(client, name, login) as response:
            for record in json_lines(response, ASKED):
                watch.heard()
                stream.take(record)
    except EngineUnreachable:
        if not client.wire.is_cut:
            raise
    except EngineRefused as error:
        raise PushFailed(error.answered) from None
    return _settle(stream, watch)


def _settle(stream: PushStream, watch: Watch) -> str:
    if stream.digest and not stream.error:
        return stream.digest
    if watch.stop_asked:
        raise PushStopped
    if stream.error:
        raise PushFailed(stream.error, retried=stream.retried)
    raise _broken_off(watch)


def _broken_off(watch: Watch) -> EngineError:
    if watch.engine_gone:
        return EngineUnreachable(ASKED, "The engine has stopped answering in the middle of the push.")
    return ConnectionLost(ASKED, "The engine's answer broke off with neither a digest nor an error.")


def _post(client: EngineClient, name: tuple[str, str], login: RegistryLogin | None) -> requests.Response:
    """Start the push. The login header is always sent: without one the engine answers 400."""
    repository, tag = name
    account = {"username": login.username, "password": login.password} if login else {}
    with asking(ASKED):
        return client.ask(
            "POST",
            f"/images/{quote(repository, safe='/:')}/push",
            params={"tag": tag},
            headers={"X-Registry-Auth": encode_header(account).decode()},
            stream=True,
            timeout=(client.timeout, None),
        )


def update_of(record: dict[str, Any]) -> PushUpdate:
    """Return a record of the stream that is about one layer; pulls tell of theirs in the same form."""
    detail = record.get("progressDetail") or {}
    return PushUpdate(
        layer=record["id"], status=record.get("status", ""), current=detail.get("current"), total=detail.get("total")
    )
