"""FTP: files of the workspace to an FTP or SFTP server, or files of the server into the workspace."""

import os
import posixpath
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import unquote

from django.conf import settings
from tenacity import wait_exponential_jitter

from builds.credentials import decrypt_fields
from builds.domain import remote_kinds
from builds.domain.failure_kind import FailureKind
from builds.domain.path_patterns import PathPattern, read_patterns
from builds.domain.remote_failures import remote_failed
from builds.domain.steps.ftp import parts_of
from builds.domain.steps.places import SSH_PORT, Place
from builds.engine.errors import ContextTooLarge, EngineError, shown
from builds.engine.ftp.client import opened
from builds.engine.ftp.session import (
    SILENCE_SECONDS,
    EntryKind,
    FileServer,
    FtpError,
    HostKeyChanged,
    LoginRefused,
    NameRefused,
    RequestRefused,
    ServerSilent,
    Session,
    TooMuch,
    TransferBroken,
    checked_name,
)
from builds.engine.outbound import HostUnknown, OutboundFailed, OutboundRefused, OutboundStopped
from builds.engine.packing import Room
from builds.execution.context import RunContext
from builds.execution.failing import RunFailed
from builds.execution.retry import retrying
from builds.execution.steps.remote import UNREACHED, limit_words
from builds.models import RunStep
from builds.services.builds.known_hosts import keep_lines, known_lines

FTP_PORT: Final = 21
TRIES: Final = 3
MOST_SAID: Final = 100  # files, each with a line of its own
FILE_MODE: Final = 0o644
FOLDER_MODE: Final = 0o755
KINDS: Final[Mapping[type[EngineError], FailureKind]] = {
    **UNREACHED,
    LoginRefused: remote_kinds.FTP_LOGIN_REFUSED,
    HostKeyChanged: remote_kinds.FTP_HOST_KEY_CHANGED,
    RequestRefused: remote_kinds.FTP_REQUEST_REFUSED,
    ServerSilent: remote_kinds.FTP_SILENT,
    TransferBroken: remote_kinds.FTP_BROKEN_OFF,
    NameRefused: remote_kinds.FTP_NAME_REFUSED,
    TooMuch: remote_kinds.FTP_TOO_LARGE,
}


def run(context: RunContext, step: RunStep) -> None:
    """Transfer the files. Raises `RunFailed` with whose problem it is."""
    secrets = context.patiently(decrypt_fields, step.secrets_encrypted)
    with TemporaryDirectory(dir=context.workspace.private, prefix="ftp-") as name:
        folder = Path(name) / "files"
        folder.mkdir()
        transfer = Transfer(context, step.config, server_of(context, step.config, secrets), folder)
        if str(step.config.get("ftp_exec_type")).endswith("UPLOAD"):
            transfer.upload()
        else:
            transfer.download()


def server_of(context: RunContext, config: Mapping[str, Any], secrets: Mapping[str, str]) -> FileServer:
    """Return the server of an FTP step from its stored config and its secrets in clear."""
    parts = parts_of(config)
    is_sftp = parts.scheme == "sftp"
    host, port = str(parts.hostname), parts.port or (SSH_PORT if is_sftp else FTP_PORT)
    return FileServer(
        is_sftp=is_sftp,
        host=host,
        port=port,
        username=str(config.get("username") or ""),
        password=secrets.get("password", ""),
        allowed=settings.OUTBOUND_ALLOW,
        known_hosts=context.patiently(known_lines, Place("ssh", "", host, port).alias) if is_sftp else "",
        silence_seconds=SILENCE_SECONDS,
    )


class Transfer:
    """The transfer of a step with config `config`; the files pass through `folder` of this machine's disk."""

    def __init__(self, context: RunContext, config: Mapping[str, Any], server: FileServer, folder: Path) -> None:
        self._context, self._config, self._server, self._folder = context, config, server, folder
        self._say = context.recorder.say
        self._is_folder = str(config.get("ftp_exec_type")).startswith("DIR_")
        self._source = str(config.get("source_files") or "")
        self._count = self._bytes = 0

    def upload(self) -> None:
        """Read what is to be sent from the workspace, and send it."""
        files = self._read_folder(self._source) if self._is_folder else self._read_files(read_patterns(self._source))
        began = time.monotonic()
        with self._session() as session:
            top = self._top(session)
            made: set[str] = set()
            for path, local in files.items():
                target = posixpath.join(top, path)
                above = target if local.is_dir() else posixpath.dirname(target)
                if above not in made:
                    session.make_folder(above)
                    made.add(above)
                if not local.is_dir():
                    with local.open("rb") as file:
                        is_renamed = session.send(file, target)
                    self._tell(f"Sent {target}{'' if is_renamed else ' (under its own name at once)'}", local)
        self._tell_sum("Sent", began)

    def download(self) -> None:
        """Fetch what is wanted from the server, and put it into the workspace."""
        began = time.monotonic()
        into = self._source if self._is_folder else ""
        with self._session() as session:
            top = self._top(session)
            wanted = None if self._is_folder else read_patterns(self._source)
            for path, kind in self._wanted(session, top, wanted):
                local = self._folder / path
                local.parent.mkdir(parents=True, exist_ok=True)
                if kind is EntryKind.FOLDER:
                    local.mkdir(exist_ok=True)
                else:
                    self._fetch(session, posixpath.join(top, path), local)
                    self._tell(f"Fetched {posixpath.join(top, path)}", local)
        if wanted is not None and not self._count:
            raise self._failed(remote_kinds.FTP_NO_FILES, detail=f"no file in {top} matches {self._source}")
        self._tell_sum("Fetched", began)
        self._context.stop.check()
        set_modes(self._folder)
        self._context.bring(self._folder, into.strip("/"))
        self._say(f"They are in {into or 'the workspace'}")

    def _read_files(self, patterns: list[PathPattern]) -> dict[str, Path]:
        """Return the files of the workspace that match, by the paths that they get below the remote folder."""
        fixed = posixpath.commonpath([f"/{pattern.fixed}" for pattern in patterns]).strip("/")

        def is_wanted(path: str, is_folder: bool) -> bool:  # noqa: FBT001  as `Wanted` is called
            whole = posixpath.join(fixed, path)
            return any(each.may_hold(whole) if is_folder else each.matches(whole) for each in patterns)

        files: dict[str, Path] = {}
        for path, local in self._read(fixed, is_wanted):
            whole = posixpath.join(fixed, path)
            pattern = next((each for each in patterns if each.matches(whole)), None)
            if pattern is None or local.is_dir():
                continue
            target = posixpath.relpath(whole, pattern.fixed or ".")
            if target in files:
                first = posixpath.join(fixed, files[target].relative_to(self._folder).as_posix())
                raise self._failed(remote_kinds.FTP_SAME_NAME, detail=f"{first} and {whole}")
            files[target] = local
        if not files:
            detail = f"no file of the workspace matches {self._source}"
            raise self._failed(remote_kinds.FTP_NO_FILES, detail=detail)
        return files

    def _read_folder(self, folder: str) -> dict[str, Path]:
        """Return all that is in a folder of the workspace, by its paths in there."""
        return dict(self._read(folder, lambda _path, _is_folder: True))

    def _read(self, folder: str, is_wanted: Callable[[str, bool], bool]) -> Iterator[tuple[str, Path]]:
        """Read from the workspace; yield files and folders with their paths, and say which links are left out."""
        room = Room(settings.CONTEXT_LIMIT_BYTES)
        try:
            is_there = self._context.volume.read(folder, self._folder, is_wanted, room=room)
        except ContextTooLarge as error:
            raise self._failed(remote_kinds.FTP_TOO_LARGE, limit=limit_words()) from error
        if not is_there:
            detail = f"the workspace has no folder {folder}"
            raise self._failed(remote_kinds.FTP_NO_FILES, detail=detail)
        links: list[str] = []
        for at, folders, files in os.walk(self._folder):
            for name in (*sorted(folders), *sorted(files)):
                local = Path(at) / name
                path = local.relative_to(self._folder).as_posix()
                if local.is_symlink():
                    links.append(shown(path))
                    continue
                try:
                    checked_name(name)
                except NameRefused as error:
                    detail = f"{shown(posixpath.join(folder, path))!a} has a name that no server is told"
                    raise self._failed(remote_kinds.FTP_NO_FILES, detail=detail) from error
                yield path, local
        if links:
            self._say(f"Links are not sent: {', '.join(links[:MOST_SAID])}{' and more' * (len(links) > MOST_SAID)}")

    def _wanted(
        self, session: Session, top: str, patterns: list[PathPattern] | None
    ) -> Iterator[tuple[str, EntryKind]]:
        """Yield what is to be fetched, by the paths in the server's folder; without patterns that is all."""
        listed = None if patterns is None else [each for each in patterns if not each.is_plain]
        found = {each.path for each in patterns or () if each.is_plain}  # which need no list, and may be links
        yield from ((path, EntryKind.FILE) for path in sorted(found))
        if listed == []:
            return
        others = 0
        for path, entry in session.walk(top, lambda at: listed is None or any(each.may_hold(at) for each in listed)):
            if path in found or not (listed is None or any(each.matches(path) for each in listed)):
                continue
            if entry.kind is EntryKind.FILE or (listed is None and entry.kind is EntryKind.FOLDER):
                yield path, entry.kind
            others += entry.kind is EntryKind.OTHER
        if others:
            self._say(f"Links and what else is no file are not fetched: {others:,}")

    def _fetch(self, session: Session, path: str, local: Path) -> None:
        left = settings.CONTEXT_LIMIT_BYTES - self._bytes
        with local.open("wb") as file:

            def take(piece: bytes) -> None:
                if file.tell() + len(piece) > left:
                    raise TooMuch(f"read {path}", limit_words())
                file.write(piece)

            session.fetch(path, take)

    def _top(self, session: Session) -> str:
        """Return the folder of the server that the step means: from where it lets us begin, or from its top."""
        url_path = unquote(parts_of(self._config).path)
        remote = str(self._config.get("remote_directory") or "")
        return posixpath.normpath(posixpath.join(session.home, url_path if url_path != "/" else "", remote))

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """Connect, with further tries where nobody answers, and give the session; what fails in it ends the run."""
        server, context = self._server, self._context
        self._say(f"Connecting to {server.shown} as {server.username or 'anonymous'}")
        connect = retrying(
            context,
            lambda error: isinstance(error, OutboundFailed) and (not isinstance(error, HostUnknown) or error.again),
            tries=TRIES,
            wait=wait_exponential_jitter(initial=1, max=10),
            words=lambda error: str(getattr(error, "answered", error)),
        )

        def learn(line: str) -> None:
            context.patiently(keep_lines, line.partition(" ")[0], line)
            self._say("Its ssh key was not known, and is kept")

        try:
            with ExitStack() as held:
                opening = partial(opened, server, stopping=context.stop.event, learn=learn)
                yield connect(lambda: held.enter_context(opening()))
        except (FtpError, OutboundRefused, OutboundFailed, OutboundStopped) as error:
            context.stop.check()
            words = {"detail": error.answered, "asked": error.asked, "limit": error.answered}
            more = {"user": server.username or "anonymous", "seconds": f"{server.silence_seconds:g}"}
            raise self._failed(KINDS[type(error)], **words, **more) from error

    def _failed(self, kind: FailureKind, **words: object) -> RunFailed:
        return RunFailed(remote_failed(kind, self._server.shown, **words))

    def _tell(self, what: str, local: Path) -> None:
        """Say what was done with a file, and count it."""
        size = local.stat().st_size
        self._count += 1
        self._bytes += size
        if self._count <= MOST_SAID:
            self._say(f"{what}, {size:,} bytes")

    def _tell_sum(self, what: str, began: float) -> None:
        if self._count > MOST_SAID:
            self._say(f"and {self._count - MOST_SAID:,} more")
        files = "1 file" if self._count == 1 else f"{self._count:,} files"
        self._say(f"{what} {files}, {self._bytes:,} bytes, {time.monotonic() - began:.1f} s")


def set_modes(folder: Path) -> None:
    """Give what was fetched the usual rights, whatever those of this process are."""
    folder.chmod(FOLDER_MODE)
    for at, folders, files in os.walk(folder):
        for name in folders:
            (Path(at) / name).chmod(FOLDER_MODE)
        for name in files:
            (Path(at) / name).chmod(FILE_MODE)
