"""Decode BuildKit's progress: the `moby.buildkit.trace` records of the Engine API's build answer."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from builds.domain.progress import LogUpdate, StatusUpdate, TraceRecord, VertexUpdate, WarningUpdate
from builds.engine.buildkit import trace_pb2
from builds.engine.errors import AnswerUnreadable

TRACE_ID: Final = "moby.buildkit.trace"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def decode_trace(aux: str) -> TraceRecord:
    """Decode the base64 text of one trace record. Raises `AnswerUnreadable`."""
    try:
        message = trace_pb2.StatusResponse.FromString(base64.b64decode(aux, validate=True))
    except (binascii.Error, DecodeError, ValueError, TypeError) as error:
        raise AnswerUnreadable("read the progress of a build", str(error)) from error
    return TraceRecord(
        vertexes=tuple(_vertex(vertex) for vertex in message.vertexes),
        statuses=tuple(
            StatusUpdate(id=_text(status.ID), vertex=status.vertex, current=status.current, total=status.total)
            for status in message.statuses
        ),
        logs=tuple(LogUpdate(vertex=log.vertex, stream=log.stream, data=log.msg) for log in message.logs),
        warnings=tuple(WarningUpdate(warning.short) for warning in message.warnings),
    )


def _vertex(vertex: trace_pb2.Vertex) -> VertexUpdate:
    return VertexUpdate(
        digest=vertex.digest,
        name=_text(vertex.name),
        cached=vertex.cached,
        started=_time(vertex.started) if vertex.HasField("started") else None,
        completed=_time(vertex.completed) if vertex.HasField("completed") else None,
        error=_text(vertex.error),
    )


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def _time(stamp: Timestamp) -> datetime | None:
    """Return the time in UTC, or None for one outside of what Python's calendar holds (Go's zero time is year 1)."""
    try:
        return EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)
    except OverflowError:
        return None
