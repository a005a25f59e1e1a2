"""The ink of output: what a terminal has set behind it, whatever way it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.domain.log.ink import Ink, InkTrail
from builds.domain.log.lines import LogLine
from builds.domain.log.packing import pack, unpack
from builds.domain.log.splitting import LineSplitter

PRINTED = st.lists(
    st.sampled_from(
        [b"a", b"\n", b"\r", b"\x1b[31m", b"\x1b[0m", b"\x1b[1;4m", b"\x1b[48;2;1;2;3m", b"\x1b[38:5:200m", b"\x1b[7m"]
    )
    | st.sampled_from(
        [b"\x1b", b"[", b"3", b"m", b"]", b"\x07", b"\\", b"\x1b]0;a", b"\x1b[2K", "é".encode(), b"\xff"]
    ),
    max_size=30,
).map(b"".join)
SOURCES = st.sampled_from([("a", 1), ("a", 2), ("b", 1)])


def straight(data: bytes) -> list[str]:
    """Return the inks in which the lines of one stream begin, read line by line in one go."""
    inks, ink = [], Ink()
    for line in data.split(b"\n"):
        inks.append(ink.parameters)
        ink = ink.after(line.decode("utf-8", "replace"))
    return inks


@given(feeds=st.lists(st.tuples(SOURCES, PRINTED), max_size=8), chunk=st.integers(1, 5), piece_bytes=st.integers(4, 12))
def test_each_line_begins_in_the_ink_of_a_straight_reading_of_its_stream(feeds, chunk, piece_bytes):
    splitter = LineSplitter(piece_bytes=piece_bytes)
    lines = [line for source, data in feeds for line in splitter.feed(*source, data)] + splitter.finish()
    chunks = [pack(lines[at : at + chunk]) for at in range(0, len(lines), chunk)]
    read = [line for packed in chunks for line in unpack(packed, first_line=1)]
    for source in {source for source, _ in feeds}:
        mine = [line for line in read if (line.vertex, line.stream) == source]
        begins = [line for at, line in enumerate(mine) if at == 0 or not mine[at - 1].continues]
        wanted = straight(b"".join(data for one, data in feeds if one == source))
        assert [line.ink for line in begins] == wanted[: len(begins)]


@pytest.mark.parametrize(
    "printed", ["\x1b[1;38;2;9;8;7mx", "\x1b]0;title\x07\x1b[4mx", "\x1b[3\x1b[31mx", "\x1b[9m" * 3]
)
def test_a_sequence_that_is_cut_between_two_pieces_counts(printed):
    for at in range(len(printed)):
        trail = InkTrail()
        trail.pass_over(printed[:at].encode())
        trail.pass_over(printed[at:].encode())
        assert trail.pass_over(b"") == Ink().after(printed).parameters


def test_a_line_end_ends_a_sequence():
    trail = InkTrail()
    assert [trail.pass_over(raw) for raw in (b"\x1b[31\n", b"mx\n", b"\x1b]0;\n", b"\x1b[1m\n", b"")] == [
        "",
        "",
        "",
        "",
        "1",
    ]


def test_what_stays_of_a_cut_sequence_is_bounded():
    trail = InkTrail()
    for _ in range(100):
        trail.pass_over(b"\x1b]" + b"x" * 1000)
    assert len(trail._cut) == 2
    for _ in range(100):
        trail.pass_over(b"\x1b[" + b"1" * 5000)
    assert len(trail._cut) <= 1024


@given(
    codes=st.lists(st.integers(0, 110) | st.sampled_from([38, 48, 5, 2, 255]), max_size=12).map(
        lambda found: ";".join(map(str, found))
    )
)
def test_the_parameters_of_an_ink_set_it_again(codes):
    ink = Ink().changed_by(codes)
    assert Ink().changed_by(ink.parameters) == ink
    assert Ink().after(f"\x1b[{ink.parameters}m") == ink


def test_chunks_without_inks_read_as_default():
    packed = pack([LogLine(b"x\n", "v", 1)])
    assert "inks" not in packed.layout
    assert [line.ink for line in unpack(packed, first_line=1)] == [""]
