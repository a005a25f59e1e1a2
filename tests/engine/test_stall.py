"""The endless empty news of Docker 20.10's BuildKit: the real engine does it only by chance, so it is played here."""

import base64

import pytest

from builds.domain.progress import TraceRecord
from builds.engine import building
from builds.engine.building import BuildStream
from builds.engine.buildkit.trace import TRACE_ID
from builds.engine.buildkit.trace_pb2 import StatusResponse
from builds.engine.errors import EngineStalled


def news(*names: str) -> dict[str, str]:
    """Return a record as the engine sends it, with an instruction for each name."""
    status = StatusResponse()
    for name in names:
        status.vertexes.add(digest=f"sha256:{name}", name=name.encode())
    return {"id": TRACE_ID, "aux": base64.b64encode(status.SerializeToString()).decode()}


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "STALL_SECONDS", 0.0)


@pytest.mark.usefixtures("_at_once")
def test_empty_news_without_end_is_a_stall():
    stream = BuildStream(lambda _record: None)
    for _ in range(building.STALL_RECORDS):
        stream.take(news())
    with pytest.raises(EngineStalled):
        stream.take(news())


@pytest.mark.usefixtures("_at_once")
def test_any_news_between_begins_the_count_anew():
    heard: list[TraceRecord] = []
    stream = BuildStream(heard.append)
    for _ in range(3):
        for _ in range(building.STALL_RECORDS):
            stream.take(news())
        stream.take(news("RUN true"))
    assert sum(bool(record.vertexes) for record in heard) == 3
