"""A real LFS server (giftless) as a process of its own; `python -m tests.support.lfs_server PORT FOLDER` runs it."""

import subprocess
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from tests.support.git_servers import git, listens
from tests.support.waiting import free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]
FILTER = {
    "core.hooksPath": "/dev/null",  # git-lfs installs its own when it first cleans a file
    "filter.lfs.clean": "git-lfs clean -- %f",
    "filter.lfs.process": "git-lfs filter-process",
    "filter.lfs.required": "true",
    "lfs.locksverify": "false",
}


class LfsServer:
    """giftless on a free port of loopback; objects lie in `folder`, and anybody may read and write them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "tests.support.lfs_server", str(self.port), str(folder)]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        wait_until(lambda: listens(self.port), timeout=60)

    def url(self, name="team/app.git", host="127.0.0.1"):
        """Return the LFS address of a repository."""
        return f"http://{host}:{self.port}/{name}/info/lfs"

    def object(self, oid, name="team/app"):
        """Return the file in which the server keeps an object."""
        return self.folder / name / oid

    def close(self):
        """Stop serving."""
        self._process.terminate()
        self._process.wait()


@contextmanager
def lfs_server(folder):
    """Serve `folder` for the length of a block."""
    server = LfsServer(folder)
    try:
        yield server
    finally:
        server.close()


def commit_large(origin, server, files, *, name="team/app.git", **more):
    """Commit `files` of an `Origin`, those called *.bin by LFS, whose objects go to `server`; return the commit."""
    for key, value in FILTER.items():
        git("config", key, value, cwd=origin.tree)
    commit = origin.commit({".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", **files}, **more)
    git("-c", f"lfs.url={server.url(name)}", "lfs", "push", "--all", "origin", cwd=origin.tree)
    return commit


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def address_string(self):
        return self.client_address[0]


def anybody(_request):
    """Return an identity that may do everything; giftless' own anonymous one may not fetch an object."""
    from giftless.auth.identity import DefaultIdentity  # noqa: PLC0415 - as in main

    identity = DefaultIdentity(name="anybody")
    identity.is_authorized = lambda *_args, **_options: True
    return identity


def main(port: int, folder: str) -> None:
    """Serve until killed."""
    from giftless.app import init_app  # noqa: PLC0415 - slow, and needed in this process only

    warnings.simplefilter("ignore")
    adapter = {
        "factory": "giftless.transfer.basic_streaming:factory",
        "options": {
            "storage_class": "giftless.storage.local_storage:LocalStorage",
            "storage_options": {"path": folder},
        },
    }
    settings = {
        "AUTH_PROVIDERS": ["tests.support.lfs_server:anybody"],
        "LEGACY_ENDPOINTS": False,
        "MIDDLEWARE": [{"class": "werkzeug.middleware.proxy_fix:ProxyFix"}],
        "PRE_AUTHORIZED_ACTION_PROVIDER": None,
        "TRANSFER_ADAPTERS": {"basic": adapter},
    }
    app = init_app(additional_config=settings)
    make_server("127.0.0.1", port, app, server_class=_Server, handler_class=_Handler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
