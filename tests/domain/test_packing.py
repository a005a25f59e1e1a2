"""Lines packed for storage come back as they were."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.domain.log.lines import LogLine, NumberedLine
from builds.domain.log.packing import pack, raw_bytes, unpack

CONTENT = (st.binary(max_size=12) | st.text(max_size=8).map(lambda text: text.encode("utf-8", "surrogatepass"))).map(
    lambda raw: raw.replace(b"\n", b"\r")
)
LINES = st.lists(
    st.builds(
        LogLine,
        raw=st.builds(lambda raw, end: raw + end, CONTENT, st.sampled_from([b"\n", b"\n", b""])),
        vertex=st.sampled_from([None, "sha256:a", "sha256:b"]),
        stream=st.integers(0, 2),
        t=st.integers(0, 10_000_000),
        ink=st.sampled_from(["", "", "1;31"]),
    ),
    max_size=20,
)


@given(lines=LINES)
def test_packed_lines_come_back_with_numbers_and_exact_bytes(lines):
    packed = pack(lines)
    assert unpack(packed, first_line=41) == [
        NumberedLine(41 + index, line.t, line.vertex, line.stream, line.text, not line.ends, line.ink)
        for index, line in enumerate(lines)
    ]
    assert raw_bytes(packed) == b"".join(line.raw for line in lines)


@given(lines=LINES)
def test_the_layout_survives_json_and_the_text_fits_a_text_column(lines):
    packed = pack(lines)
    assert json.loads(json.dumps(packed.layout)) == packed.layout
    assert "\0" not in packed.text
    assert packed.text.encode("utf-8").decode() == packed.text


def test_bytes_are_stored_only_for_lines_that_text_cannot_hold():
    assert pack([LogLine("grün\n".encode(), None, 1)]).raw is None
    assert pack([LogLine(b"fine\n", None, 1), LogLine(b"bad\xff\n", None, 1)]).raw == b"bad\xff\n"


def test_the_layout_of_many_like_lines_is_short():
    layout = pack([LogLine(b"x\n", "sha256:a", 1, 500)] * 1000).layout
    assert len(json.dumps(layout)) < 100


def test_no_lines_and_one_empty_line_differ():
    assert unpack(pack([]), first_line=1) == []
    assert raw_bytes(pack([])) == b""
    assert raw_bytes(pack([LogLine(b"\n", None, 1)])) == b"\n"


def test_a_line_end_within_a_line_is_refused():
    with pytest.raises(ValueError, match="line end within"):
        pack([LogLine(b"a\nb\n", None, 1)])
