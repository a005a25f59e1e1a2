"""Answer gRPC calls over one HTTP/2 connection, whose client is the engine: bytes in, bytes out, no socket.

What is to be sent waits here until the engine's window for the call takes it, and contents are read only then.
"""

import os
import struct
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import IntEnum
from typing import Final, Protocol

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

PREFIX: Final = struct.Struct(">?I")  # of each message: compressed or not, length
LONGEST_MESSAGE: Final = 4 * 1024 * 1024  # gRPC's own limit
LONGEST_HEAD: Final = 16 * 1024 * 1024  # gRPC's own too; h2 takes 64 frames of it, which are 1 MiB


class Code(IntEnum):
    """How a call ended, in gRPC's numbers."""

    OK = 0
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12


class CallFailed(Exception):  # noqa: N818 - says what happened, as the errors of this floor do
    """A call that ends with `code`; `words` go to the engine, which may show them: ASCII without line ends."""

    def __init__(self, code: Code, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


class Call(Protocol):
    """One call: messages come, messages go, until it has `ended`."""

    ended: bool

    def begin(self) -> Iterator[bytes]:
        """Return the messages to be sent at once."""

    def take(self, message: bytes) -> Iterator[bytes]:
        """Return the answers to a message. Raises `CallFailed`."""


class Unary:
    """A call of one message and one answer. `answer` may raise `CallFailed`."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self.ended = False
        self._answer = answer

    def begin(self) -> Iterator[bytes]:
        """Say nothing before the question."""
        return iter(())

    def take(self, message: bytes) -> Iterator[bytes]:
        """Answer it."""
        self.ended = True
        yield self._answer(message)


Metadata = Mapping[str, Sequence[str]]
Methods = Mapping[str, Callable[[Metadata], Call]]


class Calls:
    """The server's side of a connection. `methods` makes a call from its path and metadata, or raises `CallFailed`.

    `error` is what a call raised that is no `CallFailed`; the call ends with UNKNOWN then.
    """

    def __init__(self, methods: Methods) -> None:
        self.error: Exception | None = None
        self._methods = methods
        self._http = H2Connection(H2Configuration(client_side=False))
        self._open: dict[int, _Open] = {}
        # The patterns of a .dockerignore come in the head of a call.
        settings = {SettingCodes(code): value for code, value in self._http.local_settings.items()}
        settings[SettingCodes.MAX_HEADER_LIST_SIZE] = LONGEST_HEAD
        self._http.local_settings = Settings(client=False, initial_values=settings)
        self._http.decoder.max_header_list_size = LONGEST_HEAD
        self._http.initiate_connection()

    def to_send(self) -> bytes:
        """Return what has to go to the engine now."""
        for number in list(self._open):
            self._advance(number)
        return self._http.data_to_send()

    def take(self, data: bytes) -> None:
        """Take what came from the engine. Raises `ProtocolError` for what is no HTTP/2; `to_send` says so to it."""
        received: Counter[int] = Counter()
        for event in self._http.receive_data(data):
            if isinstance(event, RequestReceived):
                self._begin(event.stream_id, event.headers)
            elif isinstance(event, DataReceived):
                received[event.stream_id] += event.flow_controlled_length
                if call := self._open.get(event.stream_id):
                    call.incoming += event.data
            elif isinstance(event, StreamReset):
                self._open.pop(event.stream_id, None)
            elif isinstance(event, StreamEnded) and (call := self._open.get(event.stream_id)):
                call.engine_ended = True
        for number, size in received.items():
            self._http.acknowledge_received_data(size, number)

    def _begin(self, number: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        metadata: dict[str, list[str]] = defaultdict(list)
        for name, value in headers:
            metadata[name.decode(errors="replace")].append(os.fsdecode(value))
        method = "".join(metadata.get(":path", ()))
        if method not in self._methods:
            self._end(number, CallFailed(Code.UNIMPLEMENTED, f"unknown method {method}"), headers=HEAD)
            return
        try:
            self._open[number] = _Open(self._methods[method](metadata))
        except CallFailed as failure:
            self._end(number, failure, headers=HEAD)
            return
        self._http.send_headers(number, HEAD)

    def _advance(self, number: int) -> None:
        """Send what the window takes, and the end of the call when all has gone."""
        try:
            call = self._open[number]
            http = self._http
            while (room := min(http.local_flow_control_window(number), http.max_outbound_frame_size)) > 0:
                if not (piece := call.outgoing(room)):
                    break
                http.send_data(number, piece)
            if call.is_over:
                self._end(number)
        except CallFailed as failure:
            self._end(number, failure)
        except ProtocolError:
            self._open.pop(number, None)  # reset by either side
        except Exception as error:  # noqa: BLE001 - a file that cannot be read ends the call, and the build raises it
            self.error = self.error or error
            self._end(number, CallFailed(Code.UNKNOWN, "a file of the build cannot be read"))

    def _end(
        self, number: int, failure: CallFailed | None = None, *, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self._open.pop(number, None)
        trailers = [*headers, ("grpc-status", str(int(failure.code if failure else Code.OK)))]
        if failure:
            trailers.append(("grpc-message", failure.words))
        with suppress(ProtocolError):  # the engine has reset the call meanwhile
            self._http.send_headers(number, trailers, end_stream=True)


HEAD: Final = ((":status", "200"), ("content-type", "application/grpc"))


class _Open:
    """A call that goes on: what has come and is no whole message yet, what waits to be sent."""

    def __init__(self, call: Call) -> None:
        self.incoming = bytearray()
        self.engine_ended = False
        self._call = call
        self._answers = deque([call.begin()])
        self._rest = bytearray()  # of messages that are being sent

    @property
    def is_over(self) -> bool:
        """True when nothing waits, and either side has ended the call."""
        has_all = self.engine_ended and not self.incoming
        return not self._rest and not self._answers and (self._call.ended or has_all)

    def outgoing(self, room: int) -> bytes:
        """Return up to `room` bytes that can go now, of as many messages as it takes; none where nothing waits.

        Raises `CallFailed`.
        """
        while len(self._rest) < room and (message := self._next()) is not None:
            self._rest += PREFIX.pack(False, len(message))  # noqa: FBT003 - not compressed
            self._rest += message
        piece = bytes(self._rest[:room])
        del self._rest[:room]
        return piece

    def _next(self) -> bytes | None:
        while True:
            while self._answers:
                if (message := next(self._answers[0], None)) is not None:
                    return message
                self._answers.popleft()
            if (asked := self._message()) is None:
                return None
            self._answers.append(self._call.take(asked))

    def _message(self) -> bytes | None:
        """Cut the first whole message off what has come."""
        if len(self.incoming) < PREFIX.size:
            return None
        is_compressed, length = PREFIX.unpack_from(self.incoming)
        if is_compressed or length > LONGEST_MESSAGE:
            raise CallFailed(Code.RESOURCE_EXHAUSTED, "a message that is compressed or too long")
        end = PREFIX.size + length
        if len(self.incoming) < end:
            return None
        message = bytes(self.incoming[PREFIX.size : end])
        del self.incoming[:end]
        return message
