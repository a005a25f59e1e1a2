"""What a session answers to an engine's calls, asked by an HTTP/2 client without any engine."""

import struct
from dataclasses import dataclass, field

import pytest
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded, TrailersReceived
from h2.exceptions import ProtocolError

from builds.engine.buildkit.session_pb2 import Packet
from builds.engine.context import DOCKERFILES, FILES
from builds.engine.session import HEALTH, methods
from builds.engine.session_calls import Calls, Code
from builds.engine.session_files import DIFF_COPY, FOLDER, Entry, TypedFiles

UNREADABLE = "unreadable"


class Tree:
    """Files and folders in no good order, and one that cannot be read."""

    def entries(self, asked):
        self.asked = asked
        yield Entry("a-b", 1, lambda: [b"1"])
        yield Entry("a/b", 1, lambda: [b"2"])
        yield Entry("a", mode=FOLDER)
        yield Entry("a/b.c", 0)
        yield Entry(UNREADABLE, 1, self.gone)

    def gone(self):
        raise FileNotFoundError(UNREADABLE)


@dataclass
class Answer:
    """What came back for one call."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)
    ended: bool = False
    frames: int = 0

    @property
    def code(self) -> Code:
        return Code(int(self.headers[b"grpc-status"]))

    def messages(self) -> list[bytes]:
        """Return those that have come whole."""
        found, data = [], bytes(self.data)
        while len(data) >= 5 and len(data) >= (end := 5 + struct.unpack_from(">?I", data)[1]):
            found.append(data[5:end])
            data = data[end:]
        return found

    def packets(self) -> list[Packet]:
        return [Packet.FromString(message) for message in self.messages()]


class Peer:
    """The engine's side of a connection in memory; `is_stingy`: its windows stay as small as they begin."""

    def __init__(self, directories, *, is_stingy: bool = False) -> None:
        self.calls = Calls(methods(directories))
        self.http = H2Connection()
        self.http.initiate_connection()
        self.answers: dict[int, Answer] = {}
        self.is_stingy = is_stingy
        self.carry()

    def call(self, path: str, *messages: bytes, ends: bool = False, **metadata: str) -> int:
        number = self.http.get_next_available_stream_id()
        head = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost")]
        self.answers[number] = Answer()
        self.http.send_headers(number, [*head, *((name.replace("_", "-"), text) for name, text in metadata.items())])
        self.say(number, *messages)
        if ends:
            self.http.end_stream(number)
            self.carry()
        return number

    def say(self, number: int, *messages: bytes) -> Answer:
        for message in messages:
            self.http.send_data(number, struct.pack(">?I", False, len(message)) + message)
        self.carry()
        return self.answers[number]

    def carry(self) -> None:
        """Carry bytes both ways until nobody has anything to say."""
        while True:
            self.calls.take(self.http.data_to_send())
            if not (data := self.calls.to_send()):
                return
            for event in self.http.receive_data(data):
                self._keep(event)

    def _keep(self, event) -> None:
        if isinstance(event, ResponseReceived | TrailersReceived):
            self.answers[event.stream_id].headers.update(event.headers)
        elif isinstance(event, DataReceived):
            self.answers[event.stream_id].data += event.data
            self.answers[event.stream_id].frames += 1
            if not self.is_stingy:
                self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            self.answers[event.stream_id].ended = True


@pytest.fixture
def peer():
    return Peer({DOCKERFILES: TypedFiles({"Dockerfile": b"FROM scratch\n"}), FILES: Tree()})


def packet(**words) -> bytes:
    return Packet(**words).SerializeToString()


def test_the_question_after_the_sessions_health_is_answered(peer):
    answer = peer.answers[peer.call(HEALTH, b"", ends=True)]
    assert answer.messages() == [b"\x08\x01"]
    assert (answer.code, answer.ended) == (Code.OK, True)
    assert answer.headers[b"content-type"] == b"application/grpc"


@pytest.mark.parametrize(
    "path",
    [
        "/moby.filesync.v1.Auth/FetchToken",
        "/moby.sshforward.v1.SSH/CheckAgent",  # without an agent
        "/",
    ],
)
def test_a_method_that_we_do_not_have_is_unimplemented(peer, path):
    answer = peer.answers[peer.call(path, b"\x0a\x01x", ends=True)]
    assert (answer.code, answer.ended, answer.messages()) == (Code.UNIMPLEMENTED, True, [])
    assert peer.answers[peer.call(HEALTH, b"", ends=True)].code is Code.OK


def test_files_are_told_in_the_engines_order_with_a_folder_before_what_it_holds(peer):
    answer = peer.answers[peer.call(DIFF_COPY, dir_name=FILES, followpaths="a")]
    *told, last = answer.packets()
    assert [told.stat.path for told in told] == [b"a", b"a/b", b"a/b.c", b"a-b", UNREADABLE.encode()]
    assert [told.stat.mode for told in told][:2] == [FOLDER, 0o644]
    assert (last.type, last.HasField("stat"), answer.ended) == (Packet.STAT, False, False)


def test_the_metadata_of_a_call_reaches_the_directory():
    tree = Tree()
    Peer({FILES: tree}).call(DIFF_COPY, dir_name=FILES, exclude_patterns="*.pyc")
    assert tree.asked["exclude-patterns"] == ["*.pyc"]


def test_a_file_is_given_by_its_number_and_the_transfer_ends_by_fin(peer):
    number = peer.call(DIFF_COPY, packet(type=Packet.REQ, ID=3), packet(type=Packet.REQ, ID=1), dir_name=FILES)
    given = [told for told in peer.answers[number].packets() if told.type == Packet.DATA]
    assert [(told.ID, told.data) for told in given] == [(3, b"1"), (3, b""), (1, b"2"), (1, b"")]
    answer = peer.say(number, packet(type=Packet.FIN))
    assert answer.packets()[-1].type == Packet.FIN
    assert (answer.code, answer.ended) == (Code.OK, True)


def test_many_small_files_share_frames():
    files = TypedFiles({str(number): b"x" for number in range(1000)})
    peer = Peer({FILES: files})
    number = peer.call(DIFF_COPY, *(packet(type=Packet.REQ, ID=number) for number in range(1000)), dir_name=FILES)
    answer = peer.answers[number]
    assert sum(told.data == b"x" for told in answer.packets()) == 1000
    assert answer.frames < 30


def test_a_long_file_waits_for_the_engines_window_and_comes_whole():
    content = bytes(range(256)) * 4096
    stingy = Peer({DOCKERFILES: TypedFiles({"Dockerfile": content})}, is_stingy=True)
    number = stingy.call(DIFF_COPY, packet(type=Packet.REQ), dir_name=DOCKERFILES)
    answer = stingy.answers[number]
    assert len(answer.data) == 65535  # HTTP/2's first window
    while answer.packets()[-1].data or answer.packets()[-1].type != Packet.DATA:
        before = len(answer.data)
        stingy.http.increment_flow_control_window(40_000)
        stingy.http.increment_flow_control_window(40_000, number)
        stingy.carry()
        assert len(answer.data) > before
    assert b"".join(told.data for told in answer.packets() if told.type == Packet.DATA) == content


@pytest.mark.parametrize(
    ("directory", "message", "code"),
    [
        ("/etc", b"", Code.NOT_FOUND),
        ("", b"", Code.NOT_FOUND),
        (FILES, packet(type=Packet.REQ, ID=9), Code.INVALID_ARGUMENT),
        (FILES, b"\xff\xff\xff", Code.INVALID_ARGUMENT),
        (FILES, packet(type=Packet.ERR, data=b"disk full"), Code.UNKNOWN),
    ],
)
def test_what_is_not_there_or_not_understood_ends_the_call_and_not_the_session(peer, directory, message, code):
    answer = peer.answers[peer.call(DIFF_COPY, message, dir_name=directory)]
    assert (answer.code, answer.ended) == (code, True)
    assert peer.calls.error is None
    assert peer.answers[peer.call(HEALTH, b"", ends=True)].code is Code.OK


@pytest.mark.parametrize("prefix", [struct.pack(">?I", True, 1), struct.pack(">?I", False, 2**31)])
def test_a_message_that_is_compressed_or_too_long_is_refused(peer, prefix):
    number = peer.call(DIFF_COPY, dir_name=FILES)
    peer.http.send_data(number, prefix)
    peer.carry()
    assert peer.answers[number].code is Code.RESOURCE_EXHAUSTED


def test_a_file_that_cannot_be_read_ends_the_call_and_is_remembered(peer):
    answer = peer.answers[peer.call(DIFF_COPY, packet(type=Packet.REQ, ID=4), dir_name=FILES)]
    assert answer.code is Code.UNKNOWN
    assert str(peer.calls.error) == UNREADABLE
    assert UNREADABLE.encode() not in answer.headers[b"grpc-message"]


def test_a_call_that_the_engine_takes_back_is_forgotten(peer):
    number = peer.call(DIFF_COPY, packet(type=Packet.REQ, ID=3), dir_name=FILES)
    peer.http.reset_stream(number)
    peer.carry()
    assert peer.calls._open == {}
    assert peer.answers[peer.call(HEALTH, b"", ends=True)].code is Code.OK


def test_what_is_no_http_2_is_not_understood():
    calls = Calls({})
    with pytest.raises(ProtocolError):
        calls.take(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


def test_a_frame_that_does_not_belong_there_ends_the_connection_with_a_word_to_the_engine(peer):
    with pytest.raises(ProtocolError):
        peer.calls.take(b"\0\0\0\x01\x04\0\0\0\0")  # headers of stream 0
    assert [type(event) for event in peer.http.receive_data(peer.calls.to_send())] == [ConnectionTerminated]
