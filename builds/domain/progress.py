"""BuildKit's trace, decoded into typed records, folded into the state of each build instruction.

A trace names a vertex several times: first without `started`, then started, then completed.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from builds.domain.log.masking import Masker
from builds.domain.states import StepState

CANCELED: Final = "context canceled"  # BuildKit's word for what it stopped because of something else


def was_stopped(error: str) -> bool:
    """Say whether an instruction's `error` is only that it was stopped, by a cancel or because another one failed."""
    return error.rstrip().endswith(CANCELED)


@dataclass(frozen=True, slots=True)
class VertexUpdate:
    """What the engine says about a vertex now (control.proto, Vertex)."""

    digest: str
    name: str
    cached: bool = False
    started: datetime | None = None
    completed: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """How far one part of a vertex is, in bytes or pieces (control.proto, VertexStatus); `total` 0 is unknown."""

    id: str
    vertex: str
    current: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class LogUpdate:
    """Bytes that a vertex printed on `stream` (1 stdout, 2 stderr), cut anywhere (control.proto, VertexLog)."""

    vertex: str
    stream: int
    data: bytes


@dataclass(frozen=True, slots=True)
class WarningUpdate:
    """A warning about the definition (control.proto, VertexWarning)."""

    short: bytes


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """One record of the trace (control.proto, StatusResponse)."""

    vertexes: tuple[VertexUpdate, ...] = ()
    statuses: tuple[StatusUpdate, ...] = ()
    logs: tuple[LogUpdate, ...] = ()
    warnings: tuple[WarningUpdate, ...] = ()


@dataclass(frozen=True, slots=True)
class VertexState:
    """A build instruction as it stands; `current` and `total` sum up its parts."""

    vertex: str
    name: str
    cached: bool = False
    started: datetime | None = None
    completed: datetime | None = None
    current: int = 0
    total: int = 0
    error: str = ""

    @property
    def state(self) -> StepState:
        """WAIT, RUNNING, DONE or ERROR."""
        if self.error:
            return StepState.ERROR
        if self.completed:
            return StepState.DONE
        return StepState.RUNNING if self.started else StepState.WAIT

    def masked(self, masker: Masker) -> "VertexState":
        """Return it without the secrets that `masker` hides: an instruction's name holds its whole command."""
        return replace(self, name=masker.mask_text(self.name), error=masker.mask_text(self.error))

    def as_dict(self) -> dict[str, Any]:
        """Return it as the socket and the API send it, without the step."""
        return {
            "vertex": self.vertex,
            "name": self.name,
            "state": self.state.value,
            "cached": self.cached,
            "started": _iso(self.started),
            "completed": _iso(self.completed),
            "current": self.current,
            "total": self.total,
            "error": self.error,
        }


@dataclass(slots=True)
class BuildProgress:
    """The fold: `apply` every record in order; the same record twice changes nothing."""

    _vertices: dict[str, VertexState] = field(default_factory=dict)
    _parts: dict[str, dict[str, tuple[int, int]]] = field(default_factory=dict)

    @property
    def vertices(self) -> tuple[VertexState, ...]:
        """All instructions, in the order in which they were first named."""
        return tuple(self._vertices.values())

    def apply(self, record: TraceRecord) -> frozenset[str]:
        """Take in one record; return the digests of the vertices that are not what they were before."""
        named = [*(update.digest for update in record.vertexes), *(status.vertex for status in record.statuses)]
        before = {digest: self._vertices.get(digest) for digest in named}
        for update in record.vertexes:
            known = self._vertices.get(update.digest) or VertexState(update.digest, update.name)
            # what is absent in an update leaves the earlier fact as it was
            self._vertices[update.digest] = replace(
                known,
                name=update.name or known.name,
                cached=update.cached or known.cached,
                started=known.started or update.started,
                completed=update.completed or known.completed,
                error=update.error or known.error,
            )
        for status in record.statuses:
            self._parts.setdefault(status.vertex, {})[status.id] = (status.current, status.total)
        for digest in before:
            self._sum_up(digest)
        return frozenset(digest for digest, state in before.items() if self._vertices.get(digest) != state)

    def _sum_up(self, digest: str) -> None:
        """Add up the parts of a vertex; parts that come before their vertex wait for it."""
        vertex = self._vertices.get(digest)
        parts = self._parts.get(digest, {}).values()
        if vertex:
            current, total = sum(part[0] for part in parts), sum(part[1] for part in parts)
            self._vertices[digest] = replace(vertex, current=current, total=total)


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds") if moment else None
