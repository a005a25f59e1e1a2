"""A body that does not arrive is not waited for for ever: over real sockets, with a shorter limit than people get."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import uvicorn

from buildhub.asgi import application
from buildhub.bodies import BodyLimits
from tests.support.waiting import free_port, wait_until

LIMIT = 1.0
Serve = Callable[[object], int]


async def echo(_scope, receive, send):
    """Answer how many bytes came; nothing where the client left before the end."""
    count, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        count, more = count + len(message.get("body", b"")), message.get("more_body", False)
    headers = [(b"connection", b"close"), (b"content-length", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"%d" % count})


@pytest.fixture
def serve(settings) -> Iterator[Serve]:
    """Start an application; return its port on 127.0.0.1."""
    settings.BODY_SILENCE_SECONDS = LIMIT
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(served) -> int:
        port = free_port()
        options = {"log_level": "warning", "lifespan": "off", "proxy_headers": False}
        server = uvicorn.Server(uvicorn.Config(served, host="127.0.0.1", port=port, **options))
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        wait_until(lambda: server.started, timeout=30, message="the web server did not start")
        return port

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join(timeout=20)
        assert not thread.is_alive()


def opened(port: int, head: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(f"{head}\r\nHost: 127.0.0.1\r\n\r\n".encode())
    return connection


def all_of(connection: socket.socket) -> tuple[int, bytes]:
    """Read until the server closes; return status and body."""
    with connection, connection.makefile("rb") as stream:
        head, _, body = stream.read().partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize("path", ["/v1/build", "/", "/v1/openapi.json", "/accounts/login/"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("promise", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_a_body_that_does_not_come_is_408(serve, method, path, promise):
    begun = time.monotonic()
    status, body = all_of(opened(serve(application), f"{method} {path} HTTP/1.1\r\n{promise}"))
    assert status == 408
    assert LIMIT <= time.monotonic() - begun < LIMIT + 10
    assert "Nothing of the body came" in json.loads(body)["detail"]


def test_the_enveloped_dialect_says_it_in_its_envelope(serve):
    status, body = all_of(opened(serve(application), "GET /api/build HTTP/1.1\r\nContent-Length: 5"))
    assert (status, json.loads(body)["code"]) == (200, "CKSY1400000")


def test_a_body_that_stops_half_way_is_408(serve):
    connection = opened(serve(application), "POST /v1/build HTTP/1.1\r\nContent-Length: 500")
    connection.sendall(b'{"build')
    assert all_of(connection)[0] == 408


def test_who_keeps_sending_may_take_longer_than_the_limit(serve):
    connection, begun = opened(serve(BodyLimits(echo)), "POST / HTTP/1.1\r\nContent-Length: 8"), time.monotonic()
    for _ in range(8):
        time.sleep(LIMIT / 4)  # what a slow client does; no event of ours to wait for
        connection.sendall(b"x")
    assert all_of(connection) == (200, b"8")
    assert time.monotonic() - begun > LIMIT


def test_the_limit_is_shorter_than_people_wait():
    from django.conf import settings  # noqa: PLC0415  the tests' fixture of that name changes it

    assert settings.BODY_SILENCE_SECONDS < 30
