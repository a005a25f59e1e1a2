"""Sessions with real FTP and SFTP servers: what servers do differently, what breaks off, and what is refused."""

import io
import os
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import repeat
from pathlib import Path
from posixpath import join

import pytest

from builds.engine.ftp.client import opened
from builds.engine.ftp.plain import fact_entry, line_entry
from builds.engine.ftp.session import (
    Entry,
    EntryKind,
    FileServer,
    HostKeyChanged,
    LoginRefused,
    RequestRefused,
    ServerSilent,
    SessionStopped,
    TooMuch,
    TransferBroken,
)
from builds.engine.outbound import OutboundFailed, OutboundRefused
from tests.support.file_servers import PASSWORD, USER, AbstractedFS, Cut, Ftp, FTPHandler, Sftp, Standing, serving
from tests.support.tcp_proxy import tcp_proxy
from tests.support.waiting import free_port

FILE, FOLDER, OTHER = EntryKind.FILE, EntryKind.FOLDER, EntryKind.OTHER
OLD = {name: facts for name, facts in FTPHandler.proto_cmds.items() if name not in ("MLSD", "MLST")}


def session_of(server, stopping=None, learn=lambda _line: None, **fields):
    """Open a session with a server of the tests."""
    is_sftp = isinstance(server, Sftp)
    login = {"username": server.user if is_sftp else USER, "password": PASSWORD}
    place = {"is_sftp": is_sftp, "host": "127.0.0.1", "port": server.port, "allowed": ("127.0.0.1",)}
    return opened(FileServer(**{**place, **login, **fields}), stopping=stopping or threading.Event(), learn=learn)


def fetched(session, path):
    pieces = []
    session.fetch(path, pieces.append)
    return b"".join(pieces)


@pytest.fixture(params=["ftp", "sftp"])
def server(request, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    with serving(Ftp(root) if request.param == "ftp" else Sftp(tmp_path / "sshd", root)) as made:
        yield made


def test_what_is_stored_is_fetched_again_and_takes_the_place_of_what_was_there(server):
    content = os.urandom(3_000_000)
    with session_of(server) as session:
        folder = join(session.home, "new/er")
        session.make_folder(folder)
        session.make_folder(folder)
        assert session.send(io.BytesIO(b"older"), f"{folder}/a")
        assert session.send(io.BytesIO(content), f"{folder}/a")
        assert fetched(session, f"{folder}/a") == content
        assert session.entries(folder) == [Entry("a", FILE)]
        assert [*session.walk(session.home, lambda path: path == "new")] == [
            ("new", Entry("new", FOLDER)),
            ("new/er", Entry("er", FOLDER)),
        ]


def test_a_server_without_lists_for_programs_is_read_as_well(tmp_path):
    (tmp_path / "a b -> c").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    with serving(Ftp(tmp_path, proto_cmds=OLD)) as server, session_of(server) as session:
        assert {each.name: each.kind for each in session.entries("/")} == {
            "a b -> c": FILE,
            "folder": FOLDER,
            "link": OTHER,
        }
    assert "LIST" in server.commands


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("-rw-r--r--    1 0        0            4 Nov 30 18:00 a  b", Entry("a  b", FILE)),
        ("drwxr-xr-x.   2 ftp ftp 4096 Jan 01  2025 x", Entry("x", FOLDER)),
        ("lrwxrwxrwx 1 0 0 4 Nov 30 18:00 now -> then", Entry("now", OTHER)),
        ("drwxr-xr-x 2 0 0 4096 Nov 30 18:00 ..", None),
        ("11-30-26  06:00PM       <DIR>          My Files", Entry("My Files", FOLDER)),
        ("11-30-2026  18:00              1,234 no size", None),
        ("11-30-26  06:00PM                 1234 a.txt", Entry("a.txt", FILE)),
        ("total 12", None),
    ],
)
def test_lists_for_people_are_read_as_unix_and_windows_write_them(line, entry):
    assert line_entry(line) == entry


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("Type=file;Size=4; a b;c", Entry("a b;c", FILE)),
        ("size=4;type=dir;perm=el; x", Entry("x", FOLDER)),
        ("type=OS.unix=slink:/etc; link", Entry("link", OTHER)),
        ("type=cdir; /x", None),
        ("type=pdir; ..", None),
        ("nonsense", None),
    ],
)
def test_lists_for_programs_are_read(line, entry):
    assert fact_entry(line) == entry


def test_where_a_server_renames_nothing_the_file_has_its_name_at_once(tmp_path):
    with serving(Ftp(tmp_path, permissions="elradmw")) as server, session_of(server) as session:
        assert not session.send(io.BytesIO(b"a"), "/a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_server_that_renames_to_no_name_that_is_there_is_rid_of_that_first(tmp_path):
    class Careful(AbstractedFS):
        def rename(self, src, dst):
            if Path(dst).exists():
                raise FileExistsError(17, "it is there")
            super().rename(src, dst)

    (tmp_path / "a").write_text("older")
    with serving(Ftp(tmp_path, abstracted_fs=Careful)) as server, session_of(server) as session:
        assert session.send(io.BytesIO(b"newer"), "/a")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "newer")]


def test_data_goes_to_the_address_of_the_control_connection_whatever_the_server_says(tmp_path):
    (tmp_path / "a").write_text("here")
    with serving(Ftp(tmp_path, masquerade_address="127.0.0.9")) as server, session_of(server) as session:
        assert fetched(session, "/a") == b"here"


def test_what_a_server_refuses_is_told_in_its_words(server):
    with session_of(server) as session:
        with pytest.raises(RequestRefused, match="No such file"):
            fetched(session, join(session.home, "nowhere"))
        (server.root / "file").write_text("")
        with pytest.raises(RequestRefused):
            session.make_folder(join(session.home, "file/below"))
        with pytest.raises(RequestRefused):
            session.send(io.BytesIO(b"a"), join(session.home, "no/folder/a"))
        assert session.entries(session.home) == [Entry("file", FILE)]


def test_a_wrong_password_is_refused_and_shown_nowhere(server):
    with pytest.raises(LoginRefused) as refused, session_of(server, password="not-this-one"):
        pass
    assert "not-this-one" not in str(refused.value)


def test_a_server_key_is_learnt_before_the_login_and_another_one_gets_no_password(tmp_path):
    learnt = []
    with serving(Sftp(tmp_path / "sshd", tmp_path)) as server:
        with pytest.raises(LoginRefused), session_of(server, learn=learnt.append, password="not-this-one"):
            pass
        assert learnt == [server.known_hosts]
        with session_of(server, learn=learnt.append, known_hosts=f"# one\n{server.known_hosts} comment\n"):
            assert len(learnt) == 1
        other = server.known_hosts[:-8] + "AAAAAAAA"
        with pytest.raises(HostKeyChanged, match="SHA256:"), session_of(server, known_hosts=other):
            pass
        with pytest.raises(HostKeyChanged), session_of(server, known_hosts="nonsense"):
            pass
        log = (server.home / "log").read_text()
    assert (log.count("Failed password"), log.count("Accepted password")) == (1, 1)


def test_an_address_is_checked_and_where_nobody_listens_is_told():
    def place(host, allowed=()):
        return FileServer(is_sftp=False, host=host, port=free_port(), allowed=allowed)

    with pytest.raises(OutboundRefused, match="leads to the private address"):
        opened(place("localhost"), stopping=threading.Event(), learn=print).__enter__()
    with pytest.raises(OutboundFailed, match="Connection refused"):
        opened(place("127.0.0.1", ("127.0.0.1",)), stopping=threading.Event(), learn=print).__enter__()


@pytest.fixture(params=["ftp", "sftp"])
def standing(request, tmp_path):
    """Give a server, the port to it, and what makes it stand still in the middle of the file `large`."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "large").write_bytes(bytes(5_000_000))
    if request.param == "ftp":
        with serving(Ftp(root, dtp_handler=Standing, use_sendfile=False)) as server:
            yield server, server.port, lambda: None
    else:
        with serving(Sftp(tmp_path / "sshd", root)) as server, tcp_proxy(server.port) as proxy:
            yield server, proxy.port, proxy.stall


def test_a_stop_cuts_a_transfer_that_stands_still(standing):
    server, port, stand = standing
    stopping = threading.Event()

    def take(_piece):
        stand()
        stopping.set()

    with pytest.raises(SessionStopped), session_of(server, stopping, port=port) as session:
        session.fetch(join(session.home, "large"), take)


def test_a_transfer_that_stands_still_for_too_long_is_given_up(standing):
    server, port, stand = standing
    with pytest.raises(ServerSilent), session_of(server, port=port, silence_seconds=1.0) as session:
        session.fetch(join(session.home, "large"), lambda _piece: stand())


def test_an_upload_that_is_cut_leaves_nothing_under_its_name(tmp_path):
    (tmp_path / "a").write_text("older")
    with (
        serving(Ftp(tmp_path, dtp_handler=Cut)) as server,
        pytest.raises(TransferBroken),
        session_of(server) as session,
    ):
        session.send(io.BytesIO(bytes(5_000_000)), "/a")
    assert (tmp_path / "a").read_text() == "older"


def test_an_upload_by_sftp_that_is_cut_leaves_nothing_under_its_name(tmp_path):
    (tmp_path / "a").write_text("older")

    class Cutting(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 2_000_000:
                proxy.cut()
            return super().read(size)

    with (
        serving(Sftp(tmp_path / "sshd", tmp_path)) as server,
        tcp_proxy(server.port) as proxy,
        pytest.raises(TransferBroken),
        session_of(server, port=proxy.port) as session,
    ):
        session.send(Cutting(bytes(50_000_000)), f"{tmp_path}/a")
    assert (tmp_path / "a").read_text() == "older"


def test_a_packet_that_would_fill_the_memory_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as pool:

        def serve():
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.sendall(b"SSH-2.0-x\r\n" + struct.pack(">I", 2**31 - 4) + bytes(12))
                while connection.recv(4096):
                    pass

        pool.submit(serve)
        server = FileServer(is_sftp=True, host="127.0.0.1", port=listener.getsockname()[1], allowed=("127.0.0.1",))
        with pytest.raises(TransferBroken, match="a packet of 2,147,483,6"):
            opened(server, stopping=threading.Event(), learn=print).__enter__()


def test_a_list_without_end_is_cut(tmp_path):
    class Endless(AbstractedFS):
        def format_mlsx(self, *_args, **_options):
            return repeat(b"type=file; " + b"x" * 250 + b"\r\n")

    with (
        serving(Ftp(tmp_path, abstracted_fs=Endless)) as server,
        session_of(server) as session,
        pytest.raises(TooMuch, match="16 MiB"),
    ):
        session.entries("/")
