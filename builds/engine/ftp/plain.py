"""FTP (RFC 959): binary and passive; data connections go to the address of the control connection alone."""

import ftplib
import ipaddress
import re
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from io import BytesIO
from typing import BinaryIO, Final

from builds.engine.ftp.session import Entry, EntryKind, FileServer, LoginRefused, RequestRefused, Session, TooMuch
from builds.engine.outbound_wire import connect
from builds.engine.wire import Wire

PIECE: Final = 64 * 1024
LISTED_BYTES: Final = 16 * 1024**2  # of one folder
SAID_BYTES: Final = 64 * 1024**2  # of all answers in one session
BROKEN: Final = ("421", "425", "426")  # replies that tell of a connection
UNIX: Final = re.compile(r"([-a-z])[-rwxsStTl]{9}\S*\s+\d+\s+\S+\s+\S+\s+\d+\s+\S+\s+\S+\s+\S+ (.+)")
DOS: Final = re.compile(r"\d\d-\d\d-\d{2,4}\s+\d\d:\d\d(?:[AP]M)?\s+(<DIR>|\d+)\s+(.+)")
KINDS: Final = {"file": EntryKind.FILE, "dir": EntryKind.FOLDER, "-": EntryKind.FILE, "d": EntryKind.FOLDER}


class FtpSession(Session):
    """An FTP server."""

    RAISED = (*ftplib.all_errors, ValueError)

    def __init__(self, server: FileServer, wire: Wire, connection: socket.socket) -> None:
        super().__init__(server, wire, connection)
        self._ftp = _Ftp(server, wire, connection)

    def log_in(self) -> None:
        """Wait for the greeting and log in, without a name as everybody. Raises `LoginRefused`."""
        with self.asking("wait for the greeting"):
            self._ftp.welcome = self._ftp.getresp()
        name, password = self._server.username, self._server.password
        try:
            with self.asking("log in"):
                self._ftp.login(name or "anonymous", password if name else "anonymous@")
        except RequestRefused as error:
            raise LoginRefused(error.asked, error.answered) from error
        with self.asking("ask what it can do"):
            features = ""
            with suppress(ftplib.error_perm, ftplib.error_reply):
                features = self._ftp.sendcmd("FEAT").upper()
            self._has_facts = re.search(r"^ *(MLST|MLSD)\b", features, re.MULTILINE) is not None
            if "UTF8" in features:
                with suppress(ftplib.error_perm, ftplib.error_reply):
                    self._ftp.sendcmd("OPTS UTF8 ON")
            self.home = self._ftp.pwd() or "/"

    def close(self) -> None:
        """Say good-bye, without waiting for an answer."""
        with suppress(*ftplib.all_errors):
            self._ftp.putcmd("QUIT")
        self._ftp.close()

    def entries(self, folder: str) -> list[Entry]:
        """Return what is in a folder."""
        listed = BytesIO()

        def take(piece: bytes) -> None:
            if listed.tell() > LISTED_BYTES:
                raise TooMuch("list a folder", f"{LISTED_BYTES // 1024**2} MiB of a list")
            listed.write(piece)

        with self.asking(f"list {folder}"):
            self._ftp.cwd(folder)
            self._ftp.transfer("MLSD" if self._has_facts else "LIST", take)
        read = fact_entry if self._has_facts else line_entry
        lines = listed.getvalue().decode("utf-8", "surrogateescape").split("\n")
        return [entry for line in lines if (entry := read(line.rstrip("\r")))]

    def make_folder(self, path: str) -> None:
        """Make a folder with those above it, where they are not there."""
        with self.asking(f"make the folder {path}"):
            try:
                self._ftp.cwd(path)
            except ftplib.error_perm:
                refused: ftplib.error_perm | None = None
                for at in (*(at for at, sign in enumerate(path) if sign == "/" and at), len(path)):
                    try:
                        self._ftp.mkd(path[:at])
                    except ftplib.error_perm as error:  # it may be there
                        refused = error
                try:
                    self._ftp.cwd(path)
                except ftplib.error_perm as error:
                    raise refused or error from None

    def store(self, file: BinaryIO, path: str) -> None:
        """Write a file of the server from `file`."""
        with self.asking(f"write {path}"):
            try:
                self._ftp.storbinary(f"STOR {path}", file, PIECE)
            except ConnectionError:
                if not self._wire.is_cut:
                    self._ftp.voidresp()  # which may say why it takes no more
                raise

    def fetch(self, path: str, take: Callable[[bytes], object]) -> None:
        """Read a file of the server in pieces."""
        with self.asking(f"read {path}"):
            self._ftp.retrbinary(f"RETR {path}", take, PIECE)

    def rename(self, path: str, new_path: str) -> None:
        """Give a file another name, in the place of what has that name."""
        with self.asking(f"rename {path} to {new_path}"):
            try:
                self._ftp.rename(path, new_path)
            except ftplib.error_perm:  # some take no name that is there
                self._ftp.delete(new_path)
                self._ftp.rename(path, new_path)

    def remove(self, path: str) -> None:
        """Remove a file."""
        with self.asking(f"remove {path}"):
            self._ftp.delete(path)

    def _refusal(self, error: Exception) -> str | None:
        if isinstance(error, ftplib.Error) and not str(error).startswith(BROKEN):
            return str(error)
        return None


class _Ftp(ftplib.FTP):
    """The standard library's client on a connection that is there, with data connections that the wire holds."""

    def __init__(self, server: FileServer, wire: Wire, control: socket.socket) -> None:
        super().__init__(timeout=server.silence_seconds, encoding="utf-8")
        self._wire, self._said = wire, 0
        self._address = ipaddress.ip_address(control.getpeername()[0])
        self.host, self.port = str(self._address), server.port
        self.sock, self.af = control, control.family
        self.file = control.makefile("r", encoding=self.encoding, errors="replace", newline="\n")

    def getline(self) -> str:
        """Read a line of an answer; an endless one is none."""
        line = super().getline()
        self._said += len(line)
        if self._said > SAID_BYTES:
            raise ftplib.error_proto("it answers without end")  # noqa: S321  no call of FTP
        return line

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, None]:
        """Open a data connection, to the checked address whatever the server says, and begin a transfer."""
        _named, port = self.makepasv()
        data = connect(self._address, port, timeout=float(self.timeout or 0), watch=self._wire.hold)
        with ExitStack() as undone:
            undone.callback(data.close)
            answer = self.sendcmd(cmd)
            if answer.startswith("2"):  # some say that they are ready before they begin
                answer = self.getresp()
            if not answer.startswith("1"):
                raise ftplib.error_reply(answer)  # noqa: S321  no call of FTP
            undone.pop_all()
        return data, None

    def transfer(self, command: str, take: Callable[[bytes], object]) -> None:
        """Read what a command sends, as it comes."""
        with self.transfercmd(command) as data:
            while piece := data.recv(PIECE):
                take(piece)
        self.voidresp()


def fact_entry(line: str) -> Entry | None:
    """Read a line of MLSD (RFC 3659); None for the folder itself and the one above."""
    facts, _, name = line.partition(" ")
    kind = re.search(r"(?:^|;)type=([^;]*)", facts, re.IGNORECASE)
    word = kind[1].lower() if kind else ""
    return Entry(name, KINDS.get(word, EntryKind.OTHER)) if name and word not in ("cdir", "pdir") else None


def line_entry(line: str) -> Entry | None:
    """Read a line of LIST as Unix and Windows write it; None for what is no entry."""
    if found := UNIX.fullmatch(line):
        kind, name = KINDS.get(found[1], EntryKind.OTHER), found[2]
    elif found := DOS.fullmatch(line):
        kind, name = EntryKind.FOLDER if found[1] == "<DIR>" else EntryKind.FILE, found[2]
    else:
        return None
    if found[1] == "l":
        name = name.partition(" -> ")[0]
    return Entry(name, kind) if name not in (".", "..") else None
