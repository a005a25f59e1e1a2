"""The door's protocol where a client does not end what it began, or asks for what there is not."""

import socket
import struct

import pytest

from builds.engine.outbound_socks import SocksDoor

GREETING = b"\x05\x01\x00"


@pytest.mark.parametrize(
    "sent",
    [b"", b"\x05", GREETING, GREETING + b"\x05\x01\x00\x03", GREETING + b"\x05\x01\x00\x03\x09local",
     GREETING + b"\x05\x01\x00\x01\x7f\x00", b"GET / HTTP/1.1\r\n\r\n"],
)  # fmt: skip
def test_a_client_that_breaks_off_ends_its_connection_and_no_more(sent):
    with SocksDoor(()) as door:
        with socket.create_connection(("127.0.0.1", int(door.url.rpartition(":")[2])), timeout=10) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            answered = b""
            while piece := client.recv(100):
                answered += piece
        assert answered in (b"", b"\x05\x00")
        assert door.problem is None


def test_only_connections_are_made():
    with (
        SocksDoor(()) as door,
        socket.create_connection(("127.0.0.1", int(door.url.rpartition(":")[2])), timeout=10) as client,
    ):
        client.sendall(GREETING + b"\x05\x02\x00\x01\x7f\x00\x00\x01" + struct.pack(">H", 80))  # BIND
        assert client.recv(2) == b"\x05\x00"
        assert client.recv(10)[1] == 7  # not supported


def test_a_client_that_has_gone_leaves_no_connection_open():
    here, there = socket.socketpair()
    here.close()
    there.close()
    with socket.create_server(("127.0.0.1", 0)) as target, SocksDoor(("127.0.0.1",)) as door:
        with pytest.raises(OSError, match="descriptor"):
            door._connect(here, "127.0.0.1", target.getsockname()[1])
        connected, _ = target.accept()
        with connected:
            connected.settimeout(10)
            assert connected.recv(1) == b""
