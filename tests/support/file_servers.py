"""Real file servers on free ports of loopback: pyftpdlib, and OpenSSH's own SFTP."""

import shlex
import socket
import subprocess
import threading
import warnings
from contextlib import contextmanager
from pathlib import Path

from tests.support.git_servers import GitSsh

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of asyncore, which it brings itself from Python 3.12 on
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.filesystems import AbstractedFS
    from pyftpdlib.handlers import DTPHandler, FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer

__all__ = ["PASSWORD", "USER", "AbstractedFS", "Cut", "FTPHandler", "Ftp", "Sftp", "Standing", "listening", "serving"]
USER, PASSWORD = "ada", "hush-hush-7c1"


class Cut(DTPHandler):
    """A data connection that is cut at its first piece, and the control connection with it."""

    def recv(self, size):
        got = super().recv(size)
        self.cmd_channel.socket.shutdown(socket.SHUT_RDWR)
        self.close()
        return got


class Standing(DTPHandler):
    """A data connection that sends a piece and then stands still."""

    def send(self, data):
        return 0 if self.tot_bytes_sent else super().send(data)


class Ftp:
    """An FTP server with the folder `root`; `members` are what its handler is or does otherwise."""

    def __init__(self, root: Path, *, permissions="elradfmw", **members) -> None:
        authorizer = DummyAuthorizer()
        authorizer.add_user(USER, PASSWORD, str(root), perm=permissions)
        authorizer.add_anonymous(str(root))
        self.root, self.commands = root, []
        commands = self.commands

        class Handler(FTPHandler):
            use_encoding = "utf-8"

            def pre_process_command(self, line, cmd, arg):
                commands.append(line)
                super().pre_process_command(line, cmd, arg)

        self.handler = type("Handler", (Handler,), {"authorizer": authorizer, "banner": "hello", **members})
        self._loop = IOLoop()
        self._server = FTPServer(("127.0.0.1", 0), self.handler, ioloop=self._loop)
        self.port = self._server.address[1]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while not self._ended.is_set():
            self._loop.loop(timeout=0.05, blocking=False)
        self._server.close_all()

    @property
    def url(self):
        return f"ftp://127.0.0.1:{self.port}"

    def stop(self):
        """Close all connections."""
        self._ended.set()
        self._thread.join()


class Sftp(GitSsh):
    """An OpenSSH server whose SFTP begins in `root`, with a password for the user of the tests and for this alone."""

    def __init__(self, home: Path, root: Path) -> None:
        self.root = root
        super().__init__(home, asks_password=True)

    def configuration(self):
        """Return what sshd is configured with."""
        return f"{super().configuration()}Subsystem sftp internal-sftp -d {self.root}\n"

    def within(self, command):
        """Return how sshd is started: with a file of passwords that no other process sees."""
        made = subprocess.run(["openssl", "passwd", "-6", PASSWORD], check=True, capture_output=True, text=True)
        shadow = self.home / "shadow"
        shadow.write_text(f"{self.user}:{made.stdout.strip()}:19000:0:99999:7:::\n", encoding="utf-8")
        script = f"mount --bind {shlex.quote(str(shadow))} /etc/shadow && exec {shlex.join(command)}"
        return ["unshare", "-m", "sh", "-c", script]

    @property
    def url(self):
        return f"sftp://127.0.0.1:{self.port}"


@contextmanager
def serving(server):
    """Give a server for the length of a block."""
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def listening(act):
    """Give the port of a listener that does `act(line)` with each connection, on a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(line):
            with line:
                act(line)

        def accept():
            try:
                while True:
                    line, _ = listener.accept()
                    threading.Thread(target=serve, args=(line,), daemon=True).start()
            except OSError:  # closed: the end
                return

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
