"""The small pure parts: the context's tar, lines of a stream, BuildKit's records."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.engine.buildkit.trace import decode_trace
from builds.engine.buildkit.trace_pb2 import StatusResponse
from builds.engine.context import DOCKERFILE_NAME, inline_context
from builds.engine.errors import AnswerUnreadable
from builds.engine.json_lines import split_lines


def encoded(message: StatusResponse) -> str:
    return base64.b64encode(message.SerializeToString()).decode()


def test_the_files_of_a_typed_dockerfile_are_none_and_its_directory_holds_it_alone():
    text = "FROM scratch\n# grün\n" * 5000
    context = inline_context(text)
    (entry,) = context["dockerfile"].entries({})
    assert (entry.path, entry.size, entry.mode) == (DOCKERFILE_NAME, len(text.encode()), 0o644)
    assert b"".join(entry.read()) == b"".join(entry.read()) == text.encode()
    assert list(context["context"].entries({})) == []


@given(st.lists(st.binary().map(lambda line: line.replace(b"\n", b"")), max_size=20), st.data())
def test_lines_come_whole_wherever_the_stream_is_cut(lines, data):
    stream = b"".join(line + b"\r\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [line.strip() for line in split_lines(chunks)] == [line.strip() for line in lines if line.strip()]


@pytest.mark.parametrize(("rest", "lines"), [(b'{"a":1}', [b'{"a":1}']), (b'{"a"', []), (b"", [])])
def test_after_the_last_line_end_only_a_whole_record_counts(rest, lines):
    assert list(split_lines([b'{"first":1}\n' + rest])) == [b'{"first":1}', *lines]


@given(st.binary(), st.sampled_from([1, 2]))
def test_log_bytes_pass_the_decoder_unchanged(data, stream):
    message = StatusResponse()
    message.logs.add(vertex="sha256:1", stream=stream, msg=data)
    (log,) = decode_trace(encoded(message)).logs
    assert (log.data, log.stream, log.vertex) == (data, stream, "sha256:1")


def test_a_vertex_with_another_encoding_and_impossible_times_is_still_read():
    message = StatusResponse()
    vertex = message.vertexes.add(digest="sha256:1", name=b"RUN echo \xe9", cached=True)
    vertex.started.seconds, vertex.started.nanos = 1_700_000_000, 123_456_789
    vertex.completed.seconds = 10**15
    (read,) = decode_trace(encoded(message)).vertexes
    assert read.name == "RUN echo \N{REPLACEMENT CHARACTER}"
    assert read.started == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
    assert read.completed is None
    assert read.cached


def test_statuses_and_warnings_are_read():
    message = StatusResponse()
    message.statuses.add(ID=b"sha256:2", vertex="sha256:1", current=3, total=7)
    message.warnings.add(vertex="sha256:1", short=b"old")
    record = decode_trace(encoded(message))
    (status,), (warning,) = record.statuses, record.warnings
    assert (status.id, status.vertex, status.current, status.total) == ("sha256:2", "sha256:1", 3, 7)
    assert warning.short == b"old"


@pytest.mark.parametrize("aux", ["not base64!", base64.b64encode(b"\xff\xff\xff").decode(), None])
def test_what_is_no_record_is_said_to_be_unreadable(aux):
    with pytest.raises(AnswerUnreadable):
        decode_trace(aux)
