"""The client for addresses that users give: what it refuses to reach, and how it ends whatever the other side does."""

import logging
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from builds.engine.outbound import (
    Ask,
    CertificateRefused,
    Cut,
    Limits,
    OutboundFailed,
    OutboundLate,
    OutboundRefused,
    OutboundStopped,
    send,
)
from tests.engine.certificates import Authority
from tests.support.receiver import answering, closing, dripping, flooding, hanging, receiving
from tests.support.waiting import free_port, wait_until

LOOPBACK = ("127.0.0.1",)
SHORT = Limits(connect_seconds=2, read_seconds=1, total_seconds=1.5)
SECRET = "geheim-4711"
WAITING = 4  # connections that fill the queue of a port


def ask(url: str, **fields) -> Ask:
    return Ask(**{"method": "POST", "url": url, "body": b"{}", "allowed": LOOPBACK, "limits": SHORT, **fields})


def resolving_to(monkeypatch, *rounds: list[str]) -> None:
    """Let names resolve to the first list of addresses, then to the next one; literal addresses stay what they are."""
    answers, real = iter(rounds), socket.getaddrinfo

    def fake(host, port, *args, **kwargs):
        if host.endswith(".test"):
            return [(_family(text), 1, 6, "", (text, port)) for text in next(answers)]
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", fake)


def _family(text: str) -> int:
    return socket.AF_INET6 if ":" in text else socket.AF_INET


DRESSES = [
    *("127.0.0.1", "127.1", "0", "0x7f000001", "2130706433", "017700000001", "0177.0.0.1", "[::1]", "localhost"),
    *("localhost.", "LOCALHOST", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "127.0.0.1.", "[::]"),
]


@pytest.mark.parametrize("host", DRESSES)
def test_loopback_is_refused_in_every_dress_and_hears_nothing(host):
    with receiving() as receiver:
        with pytest.raises((OutboundRefused, OutboundFailed)):
            send(ask(f"http://{host}:{receiver.port}/hook", allowed=()))
        assert receiver.connections == 0


@pytest.mark.parametrize(
    "address",
    [
        *(
            "169.254.169.254",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "198.18.0.1",
        ),
        *("fd00:ec2::254", "fe80::1", "fc00::1", "ff02::1", "64:ff9b::a00:1", "64:ff9b::808:808", "2002:a00:1::1"),
        *("::ffff:10.0.0.1", "2001:db8::1", "2001:0:1::1", "fec0::1", "240.0.0.1", "255.255.255.255", "192.88.99.1"),
    ],
)
def test_names_that_lead_to_private_addresses_are_refused(address, monkeypatch):
    resolving_to(monkeypatch, [address])
    with pytest.raises(OutboundRefused, match="private"):
        send(ask("https://hook.test/", allowed=()))


def test_one_private_address_among_public_ones_refuses_the_name(monkeypatch):
    resolving_to(monkeypatch, ["93.184.215.14", "2606:4700::1111", "10.0.0.1"])
    with pytest.raises(OutboundRefused, match=r"10\.0\.0\.1"):
        send(ask("http://hook.test/", allowed=()))


def test_a_name_that_turns_private_at_the_second_look_is_never_looked_up_twice(monkeypatch):
    with receiving() as receiver:
        resolving_to(monkeypatch, ["127.0.0.1"])  # a second look would raise StopIteration
        answer = send(ask(f"http://hook.test:{receiver.port}/a?b=c", allowed=("127.0.0.0/8",)))
        assert answer.status == 200
        (heard,) = receiver.heard
    assert heard.line == "POST /a?b=c HTTP/1.1"
    assert heard.headers["host"] == f"hook.test:{receiver.port}"


def test_the_next_address_of_a_name_is_tried_where_nobody_listens(monkeypatch):
    with receiving() as receiver:
        resolving_to(monkeypatch, ["127.0.0.9", "127.0.0.1"])
        assert send(ask(f"http://hook.test:{receiver.port}/", allowed=("hook.test",))).status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_not_followed(status):
    with receiving() as elsewhere, receiving(answering(status, Location=elsewhere.url)) as receiver:
        assert send(ask(receiver.url)).status == status
        assert (receiver.connections, elsewhere.connections) == (1, 0)


def test_the_endless_body_of_a_redirect_is_never_read_whole():
    with receiving(flooding(b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", b"x" * 65536)) as receiver:
        answer = send(ask(receiver.url))
    assert (answer.status, len(answer.body), answer.cut_by) == (302, 4096, Cut.SIZE)


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    with receiving() as proxy, receiving() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "")
        assert send(ask(receiver.url)).status == 200
        assert proxy.connections == 0


@pytest.mark.parametrize(
    "act",
    [hanging, dripping(b"HTTP/1.1 200 OK\r\nX: "), dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), dripping(b"", b"H")],
    ids=["silence", "a header byte at a time", "endless headers", "no HTTP"],
)
def test_a_receiver_that_never_ends_its_head_is_broken_off(act):
    with receiving(act) as receiver, pytest.raises(OutboundFailed) as failed:
        send(ask(f"{receiver.url}?key={SECRET}"))
    assert SECRET not in f"{failed.value} {failed.value!r} {failed.value.__cause__!r} {failed.value.__context__!r}"


def test_a_body_that_drips_for_ever_is_cut_and_its_status_counts():
    with receiving(dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")) as receiver:
        answer = send(ask(receiver.url))
    assert answer.status == 200
    assert 0 < len(answer.body) < 4096
    assert "1.5 seconds" in answer.cut


def test_of_an_endless_body_the_first_bytes_are_kept_as_they_came():
    bomb = flooding(
        b"HTTP/1.1 500 No\r\nContent-Encoding: gzip\r\nContent-Length: 99999999999\r\n\r\n", b"\x1f\x8b" * 4096
    )
    with receiving(bomb) as receiver:
        answer = send(ask(receiver.url))
    assert (answer.status, answer.body) == (500, b"\x1f\x8b" * 2048)
    assert "4096" in answer.cut


def test_what_broke_is_said_without_the_query():
    with pytest.raises(OutboundFailed, match="Nobody listens there") as failed:
        send(ask(f"http://127.0.0.1:{free_port()}/a?key={SECRET}"))
    assert SECRET not in f"{failed.value!r} {failed.value.__context__!r}"
    with receiving(closing) as receiver, pytest.raises(OutboundFailed, match="without an answer"):
        send(ask(receiver.url))


def test_tls_is_asked_for_and_a_receiver_without_it_is_named():
    with (
        receiving(closing) as receiver,
        pytest.raises(OutboundFailed, match=r"TLS|cut|without an answer|broke") as failed,
    ):
        send(ask(f"https://127.0.0.1:{receiver.port}/?key={SECRET}"))
    assert SECRET not in str(failed.value)


def test_no_log_line_holds_the_query_at_any_level(caplog):
    odd = b"HTTP/1.1 200 OK\r\nnot a header\r\n\r\n"
    with caplog.at_level(logging.DEBUG), receiving(dripping(odd), answering(200)) as receiver:
        for _ in range(2):
            send(ask(f"{receiver.url}?key={SECRET}"))
    assert "urllib3" in {record.name.partition(".")[0] for record in caplog.records}
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "url", ["http://user:pass@127.0.0.1/", "ftp://127.0.0.1/", "http:///x", "http://127.0.0.1:99999/", "http://a b/"]
)
def test_addresses_that_cannot_be_used_are_refused(url):
    with pytest.raises(OutboundRefused):
        send(ask(url))


def test_tls_is_verified_by_the_name_of_the_address_at_the_pinned_address(monkeypatch, tmp_path):
    authority = Authority()
    pair, names = authority.issue("receiver"), []
    for name, text in {"ca": authority.ca, "crt": pair.certificate, "key": pair.key}.items():
        (tmp_path / name).write_text(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    context.sni_callback = lambda _line, name, _context: names.append(name)
    trusted = {"verify_tls": str(tmp_path / "ca")}
    resolving_to(monkeypatch, ["127.0.0.1"], ["127.0.0.1"])
    with receiving(tls=context) as receiver:
        url, by_name = f"https://127.0.0.1:{receiver.port}/", f"https://hook.test:{receiver.port}/"
        assert send(ask(url, **trusted)).status == 200
        with pytest.raises(CertificateRefused, match="could not be verified") as refused:
            send(ask(url))
        assert refused.value.why == "unable to get local issuer certificate"
        with pytest.raises(CertificateRefused, match="does not fit the name") as refused:
            send(ask(by_name, allowed=("hook.test",), **trusted))
        assert "name" in refused.value.why
        assert send(ask(by_name, allowed=("hook.test",), verify_tls=False)).status == 200
    assert "hook.test" in names
    assert len(receiver.heard) == 2


def test_a_body_goes_into_a_file_and_not_into_memory(tmp_path):
    with receiving(answering(200, b"abc" * 5000)) as receiver, (tmp_path / "body").open("w+b") as file:
        answer = send(ask(receiver.url, limits=Limits(body_bytes=15_000)), into=file)
        assert (answer.body, answer.cut_by) == (b"", None)
        file.seek(0)
        assert file.read() == b"abc" * 5000
        file.seek(0)
        assert send(ask(receiver.url, limits=Limits(body_bytes=14_999)), into=file).cut_by is Cut.SIZE
        assert file.tell() == 14_999


def test_a_disk_that_is_full_is_not_the_receivers_fault(tmp_path):
    with (
        receiving() as receiver,
        Path("/dev/full").open("wb", buffering=0) as file,
        pytest.raises(OSError, match="No space"),
    ):
        send(ask(receiver.url), into=file)


@pytest.mark.parametrize(
    ("body", "how"),
    [(b"Content-Length: 10\r\n\r\nshort", Cut.BREAK), (b"Transfer-Encoding: chunked\r\n\r\n9\r\nshort", Cut.BREAK)],
)
def test_a_body_that_breaks_off_is_cut(body, how):
    def act(_receiver, line):
        line.sendall(b"HTTP/1.1 200 OK\r\n" + body)

    with receiving(act) as receiver:
        answer = send(ask(receiver.url))
    assert (answer.body, answer.cut_by) == (b"short", how)
    assert "in the middle of the answer" in answer.cut


@contextmanager
def full_backlog():
    """Give a port of loopback that takes no connection: its queue is full, and what comes is left unanswered."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening, ExitStack() as waiting:
        for _ in range(WAITING):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


@contextmanager
def stage(name):
    """Give the address of something that keeps a request waiting at this stage, and what says that it does."""
    if name == "connecting":
        with full_backlog() as port:
            before = unanswered(port)
            yield f"http://127.0.0.1:{port}/", lambda: unanswered(port) > before
        return
    if name == "handshake":
        with socket.create_server(("127.0.0.1", 0)) as listening, closing_socket(listening) as came:
            yield f"https://127.0.0.1:{listening.getsockname()[1]}/", came.is_set
        return
    acts = {"head": hanging, "body": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")}
    with receiving(acts[name]) as receiver:
        yield receiver.url, lambda: receiver.heard


@contextmanager
def closing_socket(listening):
    """Take one connection, read its first bytes and say nothing."""
    came, over = threading.Event(), threading.Event()

    def take():
        line, _ = listening.accept()
        with line:
            line.recv(1)
            came.set()
            over.wait(30)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    yield came
    over.set()
    thread.join()


def unanswered(port: int) -> int:
    """Count the connections to a port of loopback that still wait for its answer: state 02 of /proc/net/tcp."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "02" for row in rows)


@pytest.mark.parametrize("name", ["connecting", "handshake", "head", "body"])
def test_a_stop_cuts_the_connection_at_every_stage(name):
    stopping, long = threading.Event(), Limits(60, 60, 60)
    with stage(name) as (url, is_there), ThreadPoolExecutor() as pool:
        sent = pool.submit(send, ask(url, limits=long, verify_tls=False), stopping=stopping)
        wait_until(is_there)
        assert not sent.done()
        stopping.set()
        assert isinstance(sent.exception(timeout=10), OutboundStopped)


@pytest.mark.parametrize("name", ["connecting", "handshake", "head"])
def test_the_total_time_ends_every_stage_and_is_told_as_that(name):
    with stage(name) as (url, _), pytest.raises(OutboundLate, match=r"longer than 0\.3 seconds"):
        send(ask(url, limits=Limits(60, 60, 0.3), verify_tls=False))


def test_nothing_is_sent_once_it_is_stopped():
    stopping = threading.Event()
    stopping.set()
    with receiving() as receiver, pytest.raises(OutboundStopped):
        send(ask(receiver.url), stopping=stopping)
    assert receiver.heard == []
