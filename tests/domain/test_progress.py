"""BuildKit's trace folded into the state of each instruction."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.domain.progress import BuildProgress, StatusUpdate, TraceRecord, VertexUpdate, was_stopped
from builds.domain.states import StepState

T0 = datetime(2022, 12, 2, 8, 43, 40, 123456, tzinfo=UTC)
T1 = T0 + timedelta(seconds=1)


def vertexes(*updates: VertexUpdate) -> TraceRecord:
    return TraceRecord(vertexes=updates)


def test_a_vertex_waits_runs_and_is_done():
    progress = BuildProgress()
    states = []
    for facts in ({}, {"started": T0}, {"started": T0, "completed": T1, "cached": True}):
        progress.apply(vertexes(VertexUpdate("a", "[1/2] FROM busybox", **facts)))
        states.append(progress.vertices[0].state)
    assert states == [StepState.WAIT, StepState.RUNNING, StepState.DONE]
    assert progress.vertices[0].cached


def test_apply_tells_which_vertices_changed():
    progress = BuildProgress()
    first = vertexes(VertexUpdate("a", "A"), VertexUpdate("b", "B"))
    assert progress.apply(first) == {"a", "b"}
    assert progress.apply(first) == frozenset()
    assert progress.apply(vertexes(VertexUpdate("b", "B", started=T0))) == {"b"}
    assert progress.apply(TraceRecord(statuses=(StatusUpdate("s", "a", current=1, total=2),))) == {"a"}


def test_bytes_of_all_parts_are_added_up():
    progress = BuildProgress()
    progress.apply(TraceRecord(statuses=(StatusUpdate("layer 1", "a", current=5, total=10),)))  # before its vertex
    assert progress.vertices == ()
    progress.apply(vertexes(VertexUpdate("a", "A", started=T0)))
    progress.apply(TraceRecord(statuses=(StatusUpdate("layer 2", "a", current=1, total=20),)))
    progress.apply(TraceRecord(statuses=(StatusUpdate("layer 2", "a", current=7, total=20),)))
    assert (progress.vertices[0].current, progress.vertices[0].total) == (12, 30)


def test_an_error_ends_a_vertex():
    progress = BuildProgress()
    progress.apply(vertexes(VertexUpdate("a", "[2/2] RUN exit 7", started=T0, completed=T1, error="exit code: 7")))
    assert progress.vertices[0].state is StepState.ERROR


@pytest.mark.parametrize(
    ("error", "stopped"),
    [
        ("exit code: 137: context canceled", True),
        ("context canceled", True),
        ("context canceled\n", True),
        ("exit code: 7", False),
        ("context canceled: exit code: 1", False),
        ("", False),
    ],
)
def test_an_instruction_that_was_stopped_has_not_failed(error, stopped):
    assert was_stopped(error) == stopped


def test_a_vertex_is_sent_with_times_in_utc_milliseconds():
    progress = BuildProgress()
    there = timezone(timedelta(hours=9))
    progress.apply(vertexes(VertexUpdate("a", "[internal] load build definition", started=T0.astimezone(there))))
    assert progress.vertices[0].as_dict() == {
        "vertex": "a",
        "name": "[internal] load build definition",
        "state": "RUNNING",
        "cached": False,
        "started": "2022-12-02T08:43:40.123+00:00",
        "completed": None,
        "current": 0,
        "total": 0,
        "error": "",
    }


UPDATES = st.lists(
    st.builds(
        VertexUpdate,
        digest=st.sampled_from("abc"),
        name=st.just("RUN x"),
        cached=st.booleans(),
        started=st.sampled_from([None, T0]),
        completed=st.sampled_from([None, T1]),
        error=st.sampled_from(["", "exit code: 1"]),
    ),
    max_size=12,
)


@given(updates=UPDATES)
def test_the_end_of_a_vertex_is_never_taken_back(updates):
    progress = BuildProgress()
    ended: dict[str, StepState] = {}
    for update in updates:
        progress.apply(vertexes(update))
        for vertex in progress.vertices:
            assert ended.get(vertex.vertex) in (None, vertex.state, StepState.DONE)
            assert vertex.vertex not in ended or vertex.state in (StepState.DONE, StepState.ERROR)
            if vertex.state in (StepState.DONE, StepState.ERROR):
                ended[vertex.vertex] = vertex.state
    assert [vertex.vertex for vertex in progress.vertices] == list(dict.fromkeys(u.digest for u in updates))


@given(updates=UPDATES)
def test_it_does_not_matter_how_updates_are_put_into_records(updates):
    together, apart = BuildProgress(), BuildProgress()
    together.apply(vertexes(*updates))
    for update in updates:
        apart.apply(vertexes(update))
    assert together.vertices == apart.vertices
