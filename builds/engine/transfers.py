"""Push one image to its registry, or pull one from there, in one try, and say in plain terms why that failed."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import quote

from docker.auth import encode_header

from builds.engine.client import EngineClient, asking
from builds.engine.errors import (
    ConnectionLost,
    EngineError,
    EngineRefused,
    EngineUnreachable,
    PullFailed,
    PullStopped,
    PushFailed,
    PushStopped,
)
from builds.engine.json_lines import error_of, json_lines
from builds.engine.types import PushUpdate, RegistryLogin
from builds.engine.watch import Watch

# The last word of a push. Engines with the containerd image store tell the digest here only (28.5.2); the older store
# adds an `aux` record (20.10.24 and later).
DIGEST: Final = re.compile(r"\S+: digest: (sha256:[0-9a-f]{64}) size: \d+")
# The last word of a pull.
PULLED: Final = re.compile(r"Status: (?:Downloaded newer image|Image is up to date) for ")
# A layer's upload that the engine of the older store begins anew by itself, up to five times.
RETRYING: Final = "Retrying in "


class TransferStream:
    """What the stream of one push or pull has told so far: of a push its `digest`, of a pull that it `is_pulled`."""

    def __init__(self, on_update: Callable[[PushUpdate], None]) -> None:
        self.digest = ""
        self.is_pulled = False
        self.error = ""
        self.retried = False
        self._on_update = on_update

    def take(self, record: dict[str, Any]) -> None:
        """Take one record: progress of a layer, the last word, or the error that ends the transfer."""
        status = record.get("status", "")
        self.retried |= status.startswith(RETRYING)
        if error := error_of(record):
            self.error = error
        elif aux := record.get("aux"):
            self.digest = aux.get("Digest", "")
        elif layer := record.get("id"):
            detail = record.get("progressDetail") or {}
            self._on_update(PushUpdate(layer, status, detail.get("current"), detail.get("total")))
        elif told := DIGEST.fullmatch(status):
            self.digest = told[1]
        elif PULLED.match(status):
            self.is_pulled = True


def run_push(
    client: EngineClient, stream: TransferStream, watch: Watch, *, name: tuple[str, str], login: RegistryLogin | None
) -> str:
    """Push `name` (repository, tag) on `client` and return the manifest's digest; errors as of `Engine.push`."""
    repository, tag = name
    asked = _Asked("push", f"/images/{quote(repository, safe='/:')}/push", {"tag": tag}, login)
    try:
        _follow(asked, client, stream, watch)
    except EngineRefused as error:
        raise PushFailed(error.answered) from None
    if stream.digest and not stream.error:
        return stream.digest
    if watch.stop_asked:
        raise PushStopped
    if stream.error:
        raise PushFailed(stream.error, retried=stream.retried)
    raise _broken_off(asked, watch, missing="a digest")


def run_pull(
    client: EngineClient, stream: TransferStream, watch: Watch, *, name: tuple[str, str], login: RegistryLogin | None
) -> None:
    """Pull `name` (repository, digest) on `client`; errors as of `Engine.pull`."""
    repository, digest = name
    asked = _Asked("pull", "/images/create", {"fromImage": repository, "tag": digest}, login)
    try:
        _follow(asked, client, stream, watch)
    except EngineRefused as error:
        raise PullFailed(error.answered) from None
    if stream.is_pulled and not stream.error:
        return
    if watch.stop_asked:
        raise PullStopped
    if stream.error:
        raise PullFailed(stream.error)
    raise _broken_off(asked, watch, missing="an image")


class _Asked(NamedTuple):
    """What the engine is asked for."""

    verb: Literal["push", "pull"]
    path: str
    params: Mapping[str, str]
    login: RegistryLogin | None

    @property
    def words(self) -> str:
        return f"{self.verb} the image"


def _follow(asked: _Asked, client: EngineClient, stream: TransferStream, watch: Watch) -> None:
    """Ask, and let `stream` take all that is told, to its end or until we cut it."""
    account = {"username": asked.login.username, "password": asked.login.password} if asked.login else {}
    try:
        with asking(asked.words):
            response = client.ask(
                "POST",
                asked.path,
                params=asked.params,
                headers={"X-Registry-Auth": encode_header(account).decode()},  # a push without any is answered by 400
                stream=True,
                timeout=(client.timeout, None),
            )
        with response:
            for record in json_lines(response, asked.words):
                watch.heard()
                stream.take(record)
    except EngineUnreachable:
        if not client.wire.is_cut:
            raise


def _broken_off(asked: _Asked, watch: Watch, *, missing: str) -> EngineError:
    if watch.engine_gone:
        return EngineUnreachable(asked.words, f"The engine has stopped answering in the middle of the {asked.verb}.")
    return ConnectionLost(asked.words, f"The engine's answer broke off with neither {missing} nor an error.")
