"""Real git servers on free ports of loopback: git's own http-backend (login, TLS) and OpenSSH."""

import base64
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from supervisor.processes import inherited
from tests.support.waiting import free_port, wait_until

AUTHOR = {
    "GIT_AUTHOR_NAME": "Ada Lovelace",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "2026-03-01T10:00:00Z",
    "GIT_COMMITTER_NAME": "Ada Lovelace",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_COMMITTER_DATE": "2026-03-01T10:00:00Z",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


def git(*arguments, cwd=None, **environment):
    """Run git as the author of all commits; return what it prints."""
    env = {**inherited(), **AUTHOR, **environment}
    done = subprocess.run(["git", *map(str, arguments)], cwd=cwd, env=env, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


class Origin:
    """A bare repository in `root`, and a work tree in which its commits are made."""

    def __init__(self, root: Path, name: str = "team/app.git") -> None:
        self.bare = root / name
        self.tree = root / "trees" / name.replace("/", "-")
        git("init", "-q", "--bare", "-b", "main", self.bare)
        git("init", "-q", "-b", "main", self.tree)
        git("remote", "add", "origin", self.bare, cwd=self.tree)

    def commit(self, files=None, subject="Add the door", branch="main"):
        """Commit `files` (name: text or bytes) on `branch` and push; return the commit's number."""
        if branch != git("symbolic-ref", "--short", "HEAD", cwd=self.tree):
            git("checkout", "-q", "-B", branch, cwd=self.tree)
        for name, content in (files or {}).items():
            path = self.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        git("add", "-A", cwd=self.tree)
        git("commit", "-q", "--allow-empty", "-m", subject, cwd=self.tree)
        git("push", "-q", "origin", branch, cwd=self.tree)
        return git("rev-parse", "HEAD", cwd=self.tree)

    def tag(self, name):
        """Give the newest commit an annotated tag."""
        git("tag", "-a", "-m", name, name, cwd=self.tree)
        git("push", "-q", "origin", name, cwd=self.tree)


class GitHttp:
    """`git http-backend` behind a small HTTP server; what it serves lies in `root`.

    `login` is `user:password`; `hook(handler)` may answer a request itself and then returns True. `lfs`: the port of an
    LFS server that answers what is asked of LFS here, behind the same login.
    """

    def __init__(self, root: Path, *, login="", pair=None, hook=None, lfs=0) -> None:
        self.root, self.login, self.hook, self.lfs = root, login, hook, lfs
        self.asked: list[str] = []  # paths with queries, as they came
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._scheme = "https" if pair else "http"
        if pair:
            self._server.socket = _secured(self._server.socket, root, pair)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self._server.server_address[1]

    def url(self, name="team/app.git", host="127.0.0.1"):
        """Return the address of a repository."""
        return f"{self._scheme}://{host}:{self.port}/{name}"

    def close(self):
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def git_http(root, **options):
    """Serve `root` for the length of a block."""
    server = GitHttp(root, **options)
    try:
        yield server
    finally:
        server.close()


def _secured(listener, root, pair):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    chain = root / "chain.pem"
    chain.write_text(pair.certificate + pair.key, encoding="utf-8")
    context.load_cert_chain(chain)
    return context.wrap_socket(listener, server_side=True)


def _handler(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = _body(self)
            server.asked.append(self.path)
            if server.hook and server.hook(self):
                return
            wanted = "Basic " + base64.b64encode(server.login.encode()).decode()
            if server.login and self.headers.get("Authorization") != wanted:
                self.answer(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"who are you?")
                return
            if server.lfs and "/info/lfs" in self.path:
                self.answer(*_passed_on(server.lfs, self, body))
            else:
                self.answer(*_backend(server.root, self, body))

        do_POST = do_PUT = do_GET  # noqa: N815 - as http.server calls them

        def answer(self, status, headers=None, body=b""):
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


def _body(request):
    if request.headers.get("Transfer-Encoding") != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))
    body = b""
    while size := int(request.rfile.readline(), 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return body


def _passed_on(port, request, body):
    """Ask the LFS server, which then names this one in its answers; return status, headers and body."""
    connection = HTTPConnection("127.0.0.1", port)
    scheme = "https" if isinstance(request.connection, ssl.SSLSocket) else "http"
    headers = {**request.headers, "Connection": "close", "X-Forwarded-Proto": scheme}
    try:
        connection.request(request.command, request.path, body, headers)
        answered = connection.getresponse()
        return answered.status, {"Content-Type": answered.headers["Content-Type"]}, answered.read()
    finally:
        connection.close()


def _backend(root, request, body):
    path, _, query = request.path.partition("?")
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REQUEST_METHOD": request.command,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    done = subprocess.run(["git", "http-backend"], input=body, env=environment, stdout=subprocess.PIPE, check=False)
    head, _, out = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
    return int(headers.pop("Status", "200")[:3]), headers, out


class GitSsh:
    """An OpenSSH server that lets one key, or nobody, in as the user of the tests; `programs`: a folder of its PATH.

    `asks_password`: it takes passwords too, and writes down with which it was tried in vain.
    """

    def __init__(
        self, home: Path, authorized_key="", port=0, programs: Path | None = None, *, asks_password=False
    ) -> None:
        self.home, self._programs, self._asks_password = home, programs, asks_password
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o755)
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.port = port or free_port()
        self.new_host_key()
        (home / "authorized").write_text(f"{authorized_key}\n", encoding="utf-8")
        (home / "authorized").chmod(0o644)
        self._process = None
        self.start()

    def new_host_key(self):
        """Give the server another key of its own."""
        (self.home / "host_key").unlink(missing_ok=True)
        make_key(self.home / "host_key")

    def start(self):
        """Listen."""
        Path("/run/sshd").mkdir(exist_ok=True)
        (self.home / "config").write_text(self.configuration(), encoding="utf-8")
        with (self.home / "log").open("wb") as log:
            command = ["/usr/sbin/sshd", "-D", "-e", "-f", str(self.home / "config")]
            self._process = subprocess.Popen(self.within(command), stderr=log)
        wait_until(lambda: listens(self.port), timeout=20)

    def configuration(self):
        """Return what sshd is configured with."""
        return f"""Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.home}/host_key
AuthorizedKeysFile {self.home}/authorized
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication {"yes" if self._asks_password else "no"}
PermitRootLogin {"yes" if self._asks_password else "prohibit-password"}
LogLevel {"INFO" if self._asks_password else "ERROR"}
{f"SetEnv PATH={self._programs}:/usr/bin:/bin" if self._programs else ""}
"""

    def within(self, command):
        """Return how sshd is started."""
        return command

    def stop(self):
        """Stop listening."""
        self._process.terminate()
        self._process.wait()
        wait_until(lambda: not listens(self.port), timeout=20)  # a child of it may hold the port a moment longer

    def url(self, path):
        """Return the address of the repository at `path`."""
        return f"ssh://{self.user}@127.0.0.1:{self.port}{path}"

    @property
    def known_hosts(self):
        """Return the line by which this server is known."""
        key = (self.home / "host_key.pub").read_text(encoding="utf-8").split()
        return f"[127.0.0.1]:{self.port} {key[0]} {key[1]}"


def listens(port):
    """Say whether somebody takes connections at a port of loopback."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def make_key(path: Path, passphrase=""):
    """Make a key pair; return the texts of the private and the public one."""
    arguments = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)]
    subprocess.run(arguments, check=True, stdin=subprocess.DEVNULL)
    return path.read_text(encoding="utf-8"), path.with_name(f"{path.name}.pub").read_text(encoding="utf-8")


def has_ssh_server():
    """Say whether this machine has one: its tests need it."""
    return shutil.which("sshd", path="/usr/sbin:/usr/bin") is not None
