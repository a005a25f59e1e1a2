"""The sockets: right checked before accept, then a stream until it ends; from the client only a ping."""

import asyncio
import contextlib
import json
import logging
import time
from collections import deque
from typing import Any, Final
from urllib.parse import parse_qs

# Channels comes without types.
from channels.generic.websocket import AsyncWebsocketConsumer  # type: ignore[import-untyped]
from django.db import Error as DatabaseError

from builds.live.credentials import Credentials, count_if_wrong, credentials_of
from builds.live.frames import frame
from builds.live.hub import Hub
from builds.live.streams import CloseCode, RunsStream, RunStream

log = logging.getLogger(__name__)
MESSAGE_CHARS: Final = 1024
PINGS, PING_SECONDS = 60, 30.0  # so many pings in so many seconds are a flood
PONG: Final = frame("pong")
LARGEST_NUMBER: Final = 2**63 - 1  # of PostgreSQL's bigint


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """What both sockets share. A subclass says which stream a handshake asks for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stack = contextlib.AsyncExitStack()
        self._serving: asyncio.Task[None] | None = None
        self._pings: deque[float] = deque(maxlen=PINGS)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the socket; whatever ends it, nothing of it is left."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self._serving:
                self._serving.cancel()
                await asyncio.gather(self._serving, return_exceptions=True)
            await self._stack.aclose()

    async def connect(self) -> None:
        """Accept who may see what is asked for; refuse everyone else before accept.

        That is a plain HTTP 403, and 429 for one wrong token too many of its address.
        """
        credentials = credentials_of(self.scope)
        stream = await self._admitted(credentials) if credentials else None
        if credentials is None or stream is None:
            await self._refuse(await self._counted(credentials) if credentials else None)
            return
        await self.accept(subprotocol=credentials.subprotocol)
        self._serving = asyncio.create_task(self._serve(stream))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer a ping; anything else, and a flood of them, closes the socket."""
        if not _is_ping(text_data):
            await self._end(CloseCode.NOT_UNDERSTOOD)
            return
        now = time.monotonic()
        if len(self._pings) == PINGS and now - self._pings[0] < PING_SECONDS:
            await self._end(CloseCode.TOO_OFTEN)
            return
        self._pings.append(now)
        with contextlib.suppress(OSError):  # the client has left; its own message about that ends the consumer
            await self.send(PONG)

    def stream(self, hub: Hub, credentials: Credentials) -> RunStream | RunsStream | None:
        """Return the stream that the handshake asks for, None where it asks for nonsense."""
        raise NotImplementedError

    async def _admitted(self, credentials: Credentials) -> RunStream | RunsStream | None:
        hub = await self._stack.enter_async_context(Hub.of_this_loop())
        stream = self.stream(hub, credentials)
        try:
            return None if stream is None or await stream.admit() is not None else stream
        except DatabaseError as error:
            log.warning("A socket was refused, the database does not answer: %s", error)
            return None

    async def _counted(self, credentials: Credentials) -> int | None:
        hub = await self._stack.enter_async_context(Hub.of_this_loop())
        try:
            return await hub.threads.run(count_if_wrong, credentials)
        except DatabaseError as error:
            log.warning("A wrong token was not counted, the database does not answer: %s", error)
            return None

    async def _refuse(self, seconds: int | None) -> None:
        """Refuse the handshake; `seconds`: too many wrong tokens, come again then."""
        if seconds is None or "websocket.http.response" not in self.scope.get("extensions", {}):
            await self.close()
            return
        headers = [(b"retry-after", b"%d" % seconds), (b"content-length", b"0"), (b"cache-control", b"no-store")]
        await self.base_send({"type": "websocket.http.response.start", "status": 429, "headers": headers})
        await self.base_send({"type": "websocket.http.response.body", "body": b""})

    async def _serve(self, stream: RunStream | RunsStream) -> None:
        try:
            code = await stream.serve(self.send)
        except DatabaseError as error:
            log.warning("A socket is sent away, the database does not answer: %s", error)
            code = CloseCode.TRY_AGAIN_LATER
        except OSError:  # the client has left; its own message about that ends the consumer
            return
        except Exception:
            log.exception("A socket failed.")
            code = CloseCode.FAILED
        with contextlib.suppress(OSError):
            await self.close(code=code)

    async def _end(self, code: CloseCode) -> None:
        """Stop sending and close."""
        if self._serving:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
        await self.close(code=code)


class RunConsumer(LiveConsumer):
    """`/ws/runs/{buildRunSeq}?after=N`."""

    def stream(self, hub: Hub, credentials: Credentials) -> RunStream | None:
        """Return the stream of a run's lines after number N."""
        run_id, after = self.scope["url_route"]["kwargs"]["run_id"], _after(self.scope["query_string"])
        if after is None or run_id > LARGEST_NUMBER:
            return None
        return RunStream(hub, run_id, after, credentials)


class RunsConsumer(LiveConsumer):
    """`/ws/builds`."""

    def stream(self, hub: Hub, credentials: Credentials) -> RunsStream:
        """Return the stream of all runs."""
        return RunsStream(hub, credentials)


class UnknownConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Any other address: refused like what may not be seen."""

    async def connect(self) -> None:
        """Refuse."""
        await self.close()


def _is_ping(text: str | None) -> bool:
    if text is None or len(text) > MESSAGE_CHARS:
        return False
    try:
        return bool(json.loads(text) == {"type": "ping"})
    except (ValueError, RecursionError):
        return False


def _after(query_string: bytes) -> int | None:
    """Return `after` of the query, 0 where it is not given, None where it is no line number."""
    words = parse_qs(query_string.decode("latin-1"), keep_blank_values=True).get("after", ["0"])
    is_number = len(words) == 1 and words[0].isascii() and words[0].isdigit() and len(words[0]) <= 19
    number = int(words[0]) if is_number else -1
    return number if 0 <= number <= LARGEST_NUMBER else None
