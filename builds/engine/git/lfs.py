"""Replace the LFS pointers of a work tree by the files they stand for: `python -I lfs.py PROXY verify|any` inside it.

A program of its own, so that it is stopped and bounded as git is. It stands in for git-lfs, which goes past its proxy
to addresses of loopback, and there a .lfsconfig or any server may send it. It asks by LFS' batch API, with `basic`
transfers, and leaves a file's only copy in the work tree. What goes wrong is one line, `lfs: …`, of the error output.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

POINTER: Final = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\nsize (\d+)\n?"
)
POINTER_BYTES: Final = 1024  # a larger file is none
MEDIA_TYPE: Final = "application/vnd.git-lfs+json"
AT_ONCE: Final = 8
BATCH: Final = 100  # objects
ANSWER_BYTES: Final = 8 * 1024 * 1024
PIECE: Final = 1024 * 1024
SECONDS: Final = (15.0, 60.0)  # to connect; between two bytes
RETRIES: Final = urllib3.Retry(
    total=2,
    connect=0,  # by the proxy, which has tried
    backoff_factor=0.5,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=None,
    raise_on_status=False,
    respect_retry_after_header=False,
)


class LfsError(Exception):
    """Files could not be fetched; the text says why, and holds no login and no query."""


@dataclass(frozen=True)
class Pointer:
    """What stands in the repository for a file."""

    oid: str
    size: int


@dataclass(frozen=True)
class Server:
    """Where the LFS server of a repository is, and what it wants to hear."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def shown(self) -> str:
        """The host, for people."""
        return _host(self.url)


class Client:
    """Asks servers, all by the proxy, with the step's login where it is for them."""

    def __init__(self, proxy: str, *, verify_tls: bool) -> None:
        paths = ssl.get_default_verify_paths()
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.proxies = {"http": proxy, "https": proxy}
        self._session.verify = (paths.cafile or paths.capath or True) if verify_tls else False  # those of git
        adapter = HTTPAdapter(pool_maxsize=AT_ONCE, max_retries=RETRIES)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._logins: dict[str, tuple[str, str]] = {}

    def batch(self, server: Server, pointers: Sequence[Pointer]) -> list[dict[str, Any]]:
        """Return what the server says to each pointer."""
        objects = [{"oid": pointer.oid, "size": pointer.size} for pointer in pointers]
        asked = {"operation": "download", "transfers": ["basic"], "hash_algo": "sha256", "objects": objects}
        headers = {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE, **server.headers}
        url = f"{server.url.rstrip('/')}/objects/batch"
        with self._send("POST", url, headers, json.dumps(asked).encode()) as response:
            answered = _json_of(response)
        found = answered.get("objects")
        if not response.ok or not isinstance(found, list):
            said = str(answered.get("message") or HTTPStatus(response.status_code).phrase)
            raise LfsError(f"{server.shown} answers {response.status_code}: {said[:200]}")
        return [entry for entry in found if isinstance(entry, dict)]

    def download(self, action: Mapping[str, Any], pointer: Pointer, places: Sequence[Path]) -> None:
        """Put one object to all of its places, each by a file beside it that is whole."""
        into, *others = places
        url = str(action.get("href"))
        headers = {str(name): str(value) for name, value in (action.get("header") or {}).items()}
        with self._send("GET", url, headers) as response, _beside(into) as beside:
            if not response.ok:
                raise LfsError(f"{_host(url)} answers {response.status_code} to the download of {into}")
            _copy(response, pointer, beside)
        for other in others:
            with _beside(other) as beside:
                shutil.copyfile(into, beside)

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> requests.Response:
        """Ask, and once more with the login where the server wants one."""
        host = _host(url)
        headers = {"Accept-Encoding": "identity", **headers}
        response = self._ask(method, url, headers, body, self._logins.get(host))
        if response.status_code != HTTPStatus.UNAUTHORIZED:
            return response
        response.close()
        if host not in self._logins:
            self._logins[host] = _login_for(url)
            response = self._ask(method, url, headers, body, self._logins[host])
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            raise LfsError(f"{host} does not accept the login of the step")
        return response

    def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, login: tuple[str, str] | None
    ) -> requests.Response:
        auth = login if "authorization" not in {name.lower() for name in headers} else None
        try:
            return self._session.request(
                method, url, headers=dict(headers), data=body, auth=auth, stream=True, timeout=SECONDS
            )
        except requests.exceptions.SSLError as error:
            told = re.search(r"certificate verify failed: ([^(\]]+)", str(error))
            reason = told[1].strip() if told else "TLS was not agreed"
            raise LfsError(f"the certificate of {_host(url)} cannot be trusted ({reason})") from error
        except (requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema) as error:
            raise LfsError(
                f"{urlsplit(url).scheme or url!r} is no way to an LFS server, only https and http"
            ) from error
        except requests.RequestException as error:
            raise LfsError(f"{_host(url)} does not answer ({type(error).__name__})") from error


def main(proxy: str, verify: str) -> None:
    """Fetch what the pointers of the current folder's work tree stand for."""
    urllib3.disable_warnings()  # of certificates that are not looked at: whoever turned that off knows it
    places = _pointers()
    if not places:
        return
    server, client = _server(), Client(proxy, verify_tls=verify == "verify")
    waiting, done = list(places), 0
    pool = ThreadPoolExecutor(AT_ONCE)
    for start in range(0, len(waiting), BATCH):
        asked = waiting[start : start + BATCH]
        actions = _actions(client.batch(server, asked), asked, places)
        fetches = [pool.submit(client.download, action, pointer, places[pointer]) for pointer, action in actions]
        for fetch in as_completed(fetches):
            fetch.result()
            done += 1
            _say(f"Fetching LFS files: {done * 100 // len(waiting):3}% ({done}/{len(waiting)})", end="\r")
    _say(f"Fetched {len(waiting)} LFS files, {sum(pointer.size for pointer in waiting):,} bytes")


def _pointers() -> dict[Pointer, list[Path]]:
    """Return the pointers that are to be replaced, each with all of its places."""
    included, excluded = (
        [pattern.strip().lstrip("/") for pattern in _configured(f"lfs.{name}").split(",") if pattern.strip()]
        for name in ("fetchinclude", "fetchexclude")
    )
    specs = [f":(attr:filter=lfs){pattern}" for pattern in included or [""]]
    listed = _git("ls-files", "-z", "--", *specs, *(f":(exclude){pattern}" for pattern in excluded))
    found = defaultdict(list)
    for name in filter(None, listed.split(b"\0")):
        path = Path(os.fsdecode(name))
        if path.is_symlink() or not path.is_file() or path.stat().st_size > POINTER_BYTES:
            continue
        if pointer := POINTER.fullmatch(path.read_bytes()):
            found[Pointer(pointer[1].decode(), int(pointer[2]))].append(path)
    return found


def _server() -> Server:
    """Return the LFS server: what .lfsconfig names, else by the address of the repository."""
    origin = _git("config", "--get", "remote.origin.url").decode().strip()
    url = _configured("lfs.url") or _configured("remote.origin.lfsurl")
    try:
        ssh = _ssh_words(url or origin)
        urlsplit(url)
    except ValueError as error:
        raise LfsError(f"the address of the LFS server is none ({error})") from error
    if ssh:
        return _by_ssh(*ssh)
    return Server(url or f"{origin.rstrip('/').removesuffix('.git')}.git/info/lfs")


def _ssh_words(url: str) -> tuple[list[str], str] | None:
    """Return how ssh reaches a host, and the path there; None for an address of http."""
    if url.startswith("ssh://"):
        parts = urlsplit(url)
        port = ["-p", str(parts.port)] if parts.port else []
        return [*port, "--", parts.netloc.rpartition(":")[0] if parts.port else parts.netloc], parts.path
    if "://" in url or ":" not in url:
        return None
    host, _, path = url.partition(":")
    return ["--", host], path


def _by_ssh(words: Sequence[str], path: str) -> Server:
    """Ask the git server by ssh for the address of its LFS server, and a header that opens it."""
    command = [*shlex.split(os.environ["GIT_SSH_COMMAND"]), *words]
    asked = f"git-lfs-authenticate {shlex.quote(path)} download"
    done = subprocess.run(
        [*command, asked], stdin=subprocess.DEVNULL, capture_output=True, check=False, close_fds=False
    )
    host = words[-1].rpartition("@")[2]
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        ours = (line for line in said if line.startswith("BuildHub "))  # ssh itself may be quicker
        raise LfsError(f"ssh does not open the LFS of {host} ({next(ours, said[0]).strip()})")
    try:
        answered = json.loads(done.stdout)
        headers = {str(name): str(value) for name, value in (answered.get("header") or {}).items()}
        return Server(str(answered["href"]), headers)
    except (ValueError, KeyError, AttributeError) as error:
        raise LfsError(f"{host} answers no address of its LFS server") from error


def _actions(
    answers: Sequence[dict[str, Any]], pointers: Sequence[Pointer], places: Mapping[Pointer, list[Path]]
) -> list[tuple[Pointer, Mapping[str, Any]]]:
    """Return each pointer with how it is fetched. Raises `LfsError` with what the server does not give."""
    by_oid = {entry.get("oid"): entry for entry in answers}
    found, missing = [], []
    for pointer in pointers:
        entry = by_oid.get(pointer.oid, {})
        action = (entry.get("actions") or {}).get("download")
        if action and not entry.get("error"):
            found.append((pointer, action))
        else:
            reason = (entry.get("error") or {}).get("message") or "it gives no reason"
            missing.append(f"{places[pointer][0]}: {reason}")
    if missing:
        raise LfsError(f"the server does not give {len(missing)} of {len(pointers)} files, first {missing[0]}")
    return found


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Give a new file in the folder of `path`, which takes its place and mode at a good end."""
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    os.close(descriptor)
    yield Path(name)
    Path(name).chmod(path.stat().st_mode & 0o777)
    Path(name).replace(path)


def _copy(response: requests.Response, pointer: Pointer, into: Path) -> None:
    """Write a body that has to be the object. Raises `LfsError`."""
    digest, size = hashlib.sha256(), 0
    try:
        with into.open("wb") as file:
            for piece in response.iter_content(PIECE):
                size += len(piece)
                if size > pointer.size:
                    break
                digest.update(piece)
                file.write(piece)
    except requests.RequestException as error:
        raise LfsError(f"the download from {_host(str(response.url))} broke off after {size:,} bytes") from error
    if size != pointer.size or digest.hexdigest() != pointer.oid:
        raise LfsError(f"{_host(str(response.url))} sent something else than the object {pointer.oid[:12]}")


def _json_of(response: requests.Response) -> dict[str, Any]:
    """Return the answer's object; an empty one where it is something else, or too large."""
    try:
        body = b""
        for piece in response.iter_content(PIECE):
            body += piece
            if len(body) > ANSWER_BYTES:
                return {}
        found = json.loads(body)
    except requests.RequestException as error:
        raise LfsError(f"the answer of {_host(str(response.url))} broke off") from error
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _login_for(url: str) -> tuple[str, str]:
    """Return the step's login, which git's askpass gives for its own host only. Raises `LfsError`."""
    parts = urlsplit(url)
    asked = f"protocol={parts.scheme}\nhost={parts.netloc.rpartition('@')[2]}\n\n".encode()
    done = subprocess.run(["git", "credential", "fill"], input=asked, capture_output=True, check=False)
    found = dict(line.split("=", 1) for line in done.stdout.decode().splitlines() if "=" in line)
    if done.returncode or "password" not in found:
        raise LfsError(f"{_host(url)} asks for a login, and the step has none for it")
    return found["username"], found["password"]


def _configured(name: str) -> str:
    """Return a setting of the commit's .lfsconfig."""
    return _git("config", "--blob", "HEAD:.lfsconfig", "--get", name, fails=True).decode(errors="replace").strip()


def _git(*words: str, fails: bool = False) -> bytes:
    done = subprocess.run(["git", *words], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode and not fails:
        raise LfsError(f"git {words[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _host(url: str) -> str:
    with suppress(ValueError):  # no address at all
        return urlsplit(url).netloc.rpartition("@")[2] or "the LFS server"
    return "the LFS server"


def _say(line: str, end: str = "\n") -> None:
    sys.stderr.write(f"{line}{end}")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except LfsError as failure:
        _say(f"lfs: {failure}")
    except OSError as failure:
        _say(f"lfs: {failure.strerror or type(failure).__name__}")
    else:
        sys.exit()
    os._exit(1)  # at once, whatever the other downloads do
