"""Run one image build on the engine, from the opening of its session to the end of its stream."""

import json
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from builds.domain.known_errors import KILLED
from builds.domain.progress import CANCELED, TraceRecord, VertexUpdate, was_stopped
from builds.engine.buildkit.trace import TRACE_ID, decode_trace
from builds.engine.client import EngineClient, asking
from builds.engine.errors import (
    BuildFailed,
    BuildStopped,
    ConnectionLost,
    EngineError,
    EngineStalled,
    EngineUnreachable,
    NameRefused,
)
from builds.engine.in_use import still_running
from builds.engine.json_lines import error_of, json_lines
from builds.engine.session import Session
from builds.engine.types import BuildRequest
from builds.engine.watch import Watch

ASKED: Final = "build the image"
IMAGE_ID: Final = "moby.image.id"
EMPTY: Final = TraceRecord()
STALL_RECORDS: Final = 2000
STALL_SECONDS: Final = 1.0
NOT_TEXT: Final = "contains invalid UTF-8"
INLINE_CACHE: Final = "BUILDKIT_INLINE_CACHE"  # taken by the engine itself, in no image's history
LOST_CONTACT: Final = "code = Unavailable"  # gRPC's, of a session that has gone
LOST_CONTACT_SECONDS: Final = 1.0
# After a shutdown of the socket RUN processes were gone within 55 ms (20.10 and 26.1).
SETTLE_SECONDS: Final = 0.5
SETTLE_LOOKS: Final = 8  # 26.1.5 calls the file system of a process that has gone in use for a second or two
CALM_SECONDS: Final = 0.5
CALM_LOOKS: Final = 4


class BuildStream:
    """What the stream of one build has told so far.

    BuildKit of Docker 20.10 can fall into an endless loop when more than 1 MiB of output gathers between two of its
    looks: from then on it sends empty news as fast as it can, and never again anything else (seen with `cat` of 5 MB
    and the log limits lifted, 20.10.24; its own command line spins on the same; moby/buildkit issue 1915).
    """

    def __init__(self, on_record: Callable[[TraceRecord], None]) -> None:
        self._on_record = on_record
        self._empty = 0  # records without any news, one after the other
        self._news_at = time.monotonic()
        self._image_id = ""
        self._error = ""
        self._blamed: VertexUpdate | None = None
        self._running: dict[str, str] = {}  # names of the instructions that have begun and not ended
        self._moved_at = 0.0  # when one began or ended

    def take(self, record: dict[str, Any]) -> None:
        """Take one record. Plain `stream` texts repeat what the trace says and are passed over."""
        if record.get("id") == TRACE_ID:
            trace = decode_trace(record["aux"])
            self._look_for_stall(trace)
            self._follow(trace.vertexes)
            self._on_record(trace)
        elif record.get("id") == IMAGE_ID:
            self._image_id = record["aux"]["ID"]
        elif error := error_of(record):
            self._error = error

    def _look_for_stall(self, trace: TraceRecord) -> None:
        """Raise `EngineStalled` once the engine has sent nothing but empty news for a while."""
        if trace != EMPTY:
            self._empty, self._news_at = 0, time.monotonic()
            return
        self._empty += 1
        if self._empty > STALL_RECORDS and time.monotonic() - self._news_at > STALL_SECONDS:
            raise EngineStalled(ASKED, "the engine sends empty news without end")

    def outcome(self) -> str | BuildFailed | None:
        """Return the image id, or the failure, or None when the stream ended with neither.

        To be asked at the end of the stream only: the id may come before the last records.
        """
        if not self._error:
            return self._image_id or None
        return BuildFailed(
            self._error,
            vertex=self._blamed.digest if self._blamed else None,
            vertex_name=self._blamed.name if self._blamed else None,
        )

    @property
    def running(self) -> list[str]:
        """Names of the instructions that have begun and not ended."""
        return list(self._running.values())

    def wait_for_calm(self) -> None:
        """Wait until no instruction has begun or ended for `CALM_SECONDS`, a few times as long at most.

        An engine may lose a cancel that comes while the process of an instruction is being started (in_use.py).
        """
        for _ in range(CALM_LOOKS):
            if (left := self._moved_at + CALM_SECONDS - time.monotonic()) <= 0:
                return
            time.sleep(left)

    def _follow(self, vertexes: Iterable[VertexUpdate]) -> None:
        """Keep what runs, and the first vertex that failed by itself, not because another one took it down."""
        for vertex in vertexes:
            if vertex.started and not vertex.completed and vertex.digest not in self._running:
                self._running[vertex.digest], self._moved_at = vertex.name, time.monotonic()
            elif vertex.completed and self._running.pop(vertex.digest, None):
                self._moved_at = time.monotonic()
            if vertex.error and self._blamed is None and not was_stopped(vertex.error):
                self._blamed = vertex


def run_build(
    client: EngineClient, request: BuildRequest, stream: BuildStream, watch: Watch, *, side: EngineClient
) -> str:
    """Build on `client`, feed `stream`, return the image id. Blocks; the errors are those of `Engine.build`.

    `side` is a client with connections of its own, for what is asked beside the build.
    """
    with Session(request.context, request.secrets, shared_key=request.shared_key) as session:
        try:
            session.open(client)
            with asking(ASKED):  # answered as soon as the build has begun
                response = client.ask(
                    "POST",
                    "/build",
                    params=parameters(request, session.id),
                    stream=True,
                    timeout=(client.timeout, None),
                )
        except EngineUnreachable:
            if client.wire.is_cut:
                raise _broken_off(stream, watch, side) from None
            raise
        with response:
            for record in json_lines(response, ASKED):
                watch.heard()
                stream.take(record)
        if session.error:
            raise session.error
        return _settle(stream, watch, side, session)


def _stopped(stream: BuildStream, side: EngineClient) -> BuildStopped | EngineUnreachable:
    """Say how a build ended whose connection is gone after we wanted it stopped.

    An engine that answers has seen the connection go, and kills the build, unless it says that it still runs. One that
    does not answer has confirmed nothing.
    """
    try:
        side.sign_of_life()
        for _ in range(SETTLE_LOOKS):
            time.sleep(SETTLE_SECONDS)
            if not (left := still_running(side, stream.running)):
                break
    except EngineError as error:
        return EngineUnreachable("stop the build", error.answered)
    if left:
        return EngineUnreachable(
            "stop the build", f"The engine does not end an instruction that it has begun: {left[0]}"
        )
    return BuildStopped("the connection was dropped")


def _settle(stream: BuildStream, watch: Watch, side: EngineClient, session: Session) -> str:
    outcome = stream.outcome()
    if isinstance(outcome, str):
        return outcome
    if not isinstance(outcome, BuildFailed):
        raise _broken_off(stream, watch, side)
    # A failure by itself at the moment of our cancel keeps its own name.
    by_cancel = CANCELED in outcome.message or outcome.exit_code in {None, KILLED}
    if watch.stop_asked and by_cancel:
        raise BuildStopped(outcome.message)
    if session.odd_names and NOT_TEXT in outcome.message:
        raise NameRefused(session.odd_names[0])
    if outcome.exit_code is None and (session.is_broken or _tells_of_its_end(outcome, session)):
        raise ConnectionLost(ASKED, "The session by which the engine gets the files of the build broke off.")
    raise outcome


def _tells_of_its_end(outcome: BuildFailed, session: Session) -> bool:
    """Say whether the engine failed over the session: it may tell so before the end has come through to us."""
    return LOST_CONTACT in outcome.message and session.breaks_off(LOST_CONTACT_SECONDS)


def _broken_off(stream: BuildStream, watch: Watch, side: EngineClient) -> EngineError:
    if watch.stop_asked:
        return _stopped(stream, side)
    if watch.engine_gone:
        return EngineUnreachable(ASKED, "The engine has stopped answering in the middle of the build.")
    return ConnectionLost(ASKED, "The engine's answer broke off with neither an image nor an error.")


def parameters(request: BuildRequest, session_id: str) -> dict[str, Any]:
    """Return the query of /build; version=2 is BuildKit. `q` is never set: it would silence the trace."""
    # An image that others are to take its cache from has to carry it.
    build_args = {**request.build_args, **({INLINE_CACHE: "1"} if request.cache_from else {})}
    asked = {
        "version": "2",
        "remote": "client-session",
        "session": session_id,
        "buildid": request.build_id,
        "dockerfile": request.dockerfile,
        "t": list(request.tags),  # repeated, one for each tag
        "buildargs": json.dumps(build_args),
        "cachefrom": json.dumps(request.cache_from) if request.cache_from else "",
        "labels": json.dumps(dict(request.labels)),
        "target": request.target,
        "platform": request.platform,
        "nocache": "1" if request.no_cache else "",
        "pull": "1" if request.pull else "",
    }
    return {name: value for name, value in asked.items() if value}
