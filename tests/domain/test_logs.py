"""Lines from bytes: the same lines however the output is cut, nothing lost, secrets gone."""

import base64
import itertools
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.domain.log.lines import LogLine, OpenLine, Stream
from builds.domain.log.masking import ESCAPE, Masker, forms_of
from builds.domain.log.splitting import LineSplitter

# Bytes that make trouble are likely: line ends, CR, NUL, parts of UTF-8 characters, ESC.
ODD_BYTES = st.lists(
    st.sampled_from([b"\n", b"\r", b"\0", "é".encode(), b"\xc3", b"\xa9", "€".encode(), b"\x80", b"\x1b[1m", b"ab"])
    | st.binary(max_size=6),
    max_size=40,
).map(b"".join)
CUTS = st.lists(st.integers(0, 200), max_size=12)
SECRETS = ["aabaab", "hunter2", "abaXab"]
LONGEST_FORM = b"68756e74657232"  # hunter2 in hex: the form that decides how many bytes are held back
SECRET_BYTES = st.lists(
    st.sampled_from([b"aabaab", b"hunter2", b"abaXab", b"a", b"b", b"X", b"hunt", b"er2", b"\n", b"aab"])
    | st.sampled_from([LONGEST_FORM, LONGEST_FORM[:5], LONGEST_FORM[5:], LONGEST_FORM[:-1]]),
    max_size=30,
).map(b"".join)


ESCAPES = 60  # bytes within a secret, so that little data is enough to go beyond what waits


def cut(data: bytes, places: list[int]) -> list[bytes]:
    borders = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(borders)]


def split(feeds, *, secrets=(), piece_bytes=8) -> list[LogLine]:
    splitter = LineSplitter(Masker(secrets, most_escapes=ESCAPES), piece_bytes)
    lines = [line for data in feeds for line in splitter.feed("v", 1, data)]
    return lines + splitter.finish()


@given(data=ODD_BYTES, places=CUTS)
def test_the_lines_do_not_depend_on_where_the_output_is_cut(data, places):
    assert split(cut(data, places)) == split([data])


@given(data=ODD_BYTES, places=CUTS)
def test_the_lines_together_are_what_was_printed(data, places):
    assert b"".join(line.raw for line in split(cut(data, places))) == data


@given(data=SECRET_BYTES, places=CUTS, piece_bytes=st.integers(4, 12))
def test_masked_lines_do_not_depend_on_where_the_output_is_cut(data, places, piece_bytes):
    masker = Masker(SECRETS, most_escapes=ESCAPES)
    lines = split(cut(data, places), secrets=SECRETS, piece_bytes=piece_bytes)
    assert lines == split([data], secrets=SECRETS, piece_bytes=piece_bytes)
    assert b"".join(line.raw for line in lines) == masker.mask(data)


@given(data=SECRET_BYTES, places=CUTS)
def test_no_secret_is_left_however_it_is_cut(data, places):
    text = b"".join(line.raw for line in split(cut(data, places), secrets=SECRETS))
    assert not any(secret in text for secret in (LONGEST_FORM, *map(str.encode, SECRETS)))


@given(data=ODD_BYTES, places=CUTS)
def test_no_line_is_longer_than_a_piece_and_only_the_last_piece_ends(data, places):
    for line in split(cut(data, places)):
        assert len(line.raw.removesuffix(b"\n")) <= 8
        assert b"\n" not in line.raw[:-1]


@given(text=st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\n"), max_size=60))
def test_pieces_of_a_long_line_end_at_character_borders(text):
    assert "".join(line.raw.decode() for line in split([text.encode()])) == text


def test_a_line_of_exactly_one_piece_is_one_line():
    assert [line.raw for line in split([b"x" * 8 + b"\n"])] == [b"x" * 8 + b"\n"]
    assert [line.raw for line in split([b"x" * 9 + b"\n"])] == [b"x" * 8, b"x\n"]


def test_a_long_line_is_handed_out_before_it_ends():
    splitter = LineSplitter(piece_bytes=8)
    assert [line.raw for line in splitter.feed("v", 1, b"x" * 20)] == [b"x" * 8, b"x" * 8]
    assert [line.raw for line in splitter.feed("v", 1, b"\n")] == [b"xxxx\n"]


def test_streams_and_vertices_do_not_mix():
    splitter = LineSplitter()
    assert splitter.feed("a", 1, b"one ") == []
    assert splitter.feed("a", 2, b"err\n") == [LogLine(b"err\n", "a", 2)]
    assert splitter.feed("b", 1, b"other\n") == [LogLine(b"other\n", "b", 1)]
    assert splitter.feed("a", 1, b"line\n", t=7) == [LogLine(b"one line\n", "a", 1, 7)]


def test_close_returns_only_the_rests_of_that_vertex():
    splitter = LineSplitter()
    splitter.feed("a", 1, b"out", t=3)
    splitter.feed("a", 2, b"err")
    splitter.feed(None, Stream.BUILDHUB, b"own")
    assert splitter.close("a", 2) == [LogLine(b"err", "a", 2)]
    assert splitter.close("a") == [LogLine(b"out", "a", 1, 3)]
    assert splitter.finish() == [LogLine(b"own", None, 0)]
    assert splitter.finish() == []


def test_a_carriage_return_stays_in_its_line():
    (line,) = split([b"10%\r20%\r\n"], piece_bytes=64)
    assert (line.text, line.ends) == ("10%\r20%\r", True)


def test_what_cannot_be_shown_is_replaced_in_the_text_only():
    line = LogLine(b"a\0b\xff\n", "v", 1)
    assert line.text == "a\u2400b\ufffd"
    assert line.raw == b"a\0b\xff\n"


def test_a_hundred_megabytes_without_a_line_end_need_linear_work():
    """Counted, not timed: the bytes that pass through the masker are few times those that were printed."""
    seen = 0

    class Counting(Masker):
        def mask_part(self, data, **facts):
            nonlocal seen
            seen += len(data)
            return super().mask_part(data, **facts)

    splitter = LineSplitter(Counting(["not in there"]))
    block = b"x" * 4096
    total = sum(len(line.raw) for _ in range(25_600) for line in splitter.feed("v", 1, block))
    total += sum(len(line.raw) for line in splitter.finish())
    assert total == 25_600 * 4096
    assert seen <= 1.1 * total


@pytest.mark.parametrize("shift", range(20))
def test_a_secret_that_ends_where_a_piece_is_decided_is_masked(shift):
    printed = b"x" * shift + LONGEST_FORM
    feeds = [printed[at : at + 1] for at in range(len(printed))]
    assert b"".join(line.raw for line in split(feeds, secrets=["hunter2"])) == b"x" * shift + b"***"


SECRET = 'p@ss/wörd+"1'


@pytest.mark.parametrize(
    "printed",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_every_form_of_a_secret_is_masked(printed):
    assert Masker([SECRET]).mask(f"a {printed} b".encode()) == b"a *** b"


@pytest.mark.parametrize("offset", [0, 1, 2])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_secret_within_other_base64_is_masked_at_every_alignment(offset, after):
    encoded = base64.b64encode(b"u" * offset + SECRET.encode() + b"w" * after)
    masked = Masker([SECRET]).mask(encoded)
    assert b"***" in masked
    assert len(masked.replace(b"***", b"")) <= 8  # what is left holds bits of the neighbours


@pytest.mark.parametrize(
    ("printed", "left"),
    [
        (b"a hun\x1b[31mter2 b", b"a ***\x1b[31m b"),
        (
            b"a h\x1b[1mu\x1b[38;2;1;2;3mn\x1b(Bter\x1b[0m2\x1b[K b",
            b"a ***\x1b[1m\x1b[38;2;1;2;3m\x1b(B\x1b[0m\x1b[K b",
        ),
        (b"\x1b[32mhunter2\x1b[0m", b"\x1b[32m***\x1b[0m"),
        (b"a \x1b[1maHVu\x1b[0mdGVyMg== b", b"a \x1b[1m***\x1b[0m b"),
        (b"2ret\x1b[1mnuh", b"***\x1b[1m"),
        (b"no \x1b[1m secret \x1b[0m", b"no \x1b[1m secret \x1b[0m"),
    ],
)
def test_a_secret_with_colours_in_it_is_masked_and_the_colours_stay(printed, left):
    assert Masker(["hunter2"]).mask(printed) == left


def test_a_secret_is_masked_backwards_line_by_line():
    masker = Masker(["first-line\nsecond-lïne"])
    printed = "\n".join(line[::-1] for line in ("x second-lïne y", "first-line"))
    assert masker.mask_text(printed) == "y *** x\n***"


@given(
    printed=st.lists(st.sampled_from([b"h", b"hunter2", b"hun", b"ter2", b"\x1b[1m", b"\x1b[", b"0m", b"\x1b", b"\n"])),
    places=CUTS,
)
def test_a_coloured_secret_is_masked_however_it_is_cut(printed, places):
    data = b"".join(printed)
    lines = split(cut(data, places), secrets=["hunter2"], piece_bytes=5)
    whole = Masker(["hunter2"], most_escapes=ESCAPES).mask(data)
    assert b"".join(line.raw for line in lines) == whole
    assert b"hunter2" not in ESCAPE.sub(b"", Masker(["hunter2"]).mask(data))


def test_more_escapes_than_a_secret_may_hold_are_no_secret():
    printed = b"hun" + b"\x1b[1m" * 20 + b"ter2"
    assert Masker(["hunter2"], most_escapes=ESCAPES).mask(printed) == printed
    assert Masker(["hunter2"]).mask(printed) == b"***" + b"\x1b[1m" * 20


def test_a_secret_of_several_lines_is_masked_line_by_line():
    masker = Masker(["-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n"])
    assert masker.mask(b"MIIEvQIBADANBg\nend\n") == b"***\nend\n"


@pytest.mark.parametrize("lines", [3, 60])  # few forms, and as many as are searched in another way
@given(data=st.data())
def test_each_line_of_a_secret_is_masked_at_its_longest_form(lines, data):
    secrets = [f"key-{number:03}-{'abc'[number % 3] * (number % 7)}" for number in range(lines)]
    masker = Masker(["\n".join(secrets)])
    words = data.draw(
        st.lists(st.sampled_from([*secrets, "key-", "abc", " ", "\n", secrets[-1].encode().hex()]), max_size=20)
    )
    left = [("***" if word in secrets or word == secrets[-1].encode().hex() else word) for word in words]
    assert masker.mask_text("|".join(words)) == "|".join(left)


def test_wrapped_base64_of_a_long_secret_is_masked():
    secret = "".join(chr(33 + index % 90) for index in range(200))
    wrapped = base64.encodebytes(secret.encode())
    assert Masker([secret]).mask(wrapped) == b"***\n" * len(wrapped.splitlines())


def test_overlapping_secrets_leave_nothing_of_either():
    assert Masker(["abcdef", "cdefgh"]).mask(b"<abcdefgh>") == b"<***>"


def test_a_secret_below_six_characters_is_not_masked():
    assert Masker(["12345"]).mask(b"12345") == b"12345"
    assert Masker(["12345"]).reach == 0
    assert (Masker(["12345"]).unmasked, Masker(["123456", ""]).unmasked) == (True, False)


def test_a_secret_whose_lines_are_all_below_six_characters_is_not_masked_and_told_as_that():
    assert Masker(["12345\nabcde\n"]).mask(b"12345\nabcde\n") == b"12345\nabcde\n"
    assert Masker(["12345\nabcde\n"]).unmasked
    assert not Masker(["123456\nabcde\n"]).unmasked


def opened(splitter: LineSplitter) -> list[str]:
    return [line.text for line in splitter.open_lines()]


def test_what_is_open_is_told_with_its_instruction_and_the_time_it_was_printed_last():
    splitter = LineSplitter()
    splitter.feed("v", 1, b"first\nhal", t=10)
    splitter.feed("v", 2, b"error", t=20)
    splitter.feed("v", 1, b"f", t=30)
    assert splitter.open_lines() == [OpenLine("v", 1, 30, "half"), OpenLine("v", 2, 20, "error")]
    splitter.feed("v", 1, b"\n", t=40)
    assert splitter.open_lines() == [OpenLine("v", 2, 20, "error")]
    splitter.close("v")
    assert splitter.open_lines() == []


def test_what_is_open_begins_in_the_ink_that_was_left_on():
    splitter = LineSplitter()
    splitter.feed("v", 1, b"\x1b[1mbold\nhalf")
    assert splitter.open_lines() == [OpenLine("v", 1, 0, "half", "1")]
    splitter.feed("v", 1, b"\r\x1b[31m10 %\r20 %")
    assert splitter.open_lines() == [OpenLine("v", 1, 0, "20 %", "1;31")]
    (line,) = splitter.feed("v", 1, b"\n")
    assert line.ink == "1"
    assert splitter.open_lines() == []


def test_output_that_ends_with_line_ends_is_no_reason_to_look():
    splitter = LineSplitter()
    splitter.feed("v", 1, b"one\ntwo\n")
    assert not splitter.open_changed
    splitter.feed("v", 1, b"half")
    assert splitter.open_changed
    assert opened(splitter) == ["half"]
    assert not splitter.open_changed


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        (b"1 %\r2 %", "2 %"),
        (b"1 %\r2 %\r\r", "2 %"),
        (b"\r", ""),
        (b"caf\xc3", "caf"),
        (b"\x00\xff", "\u2400\ufffd"),
        (b"red \x1b[3", "red "),
        (b"x" * 5000 + b"end", "x" * 3997 + "end"),
        (("\U0001f600" * 5000).encode()[:-1], "\U0001f600" * 4000),
    ],
)
def test_of_what_is_open_the_last_state_is_shown(printed, text):
    splitter = LineSplitter()
    splitter.feed("v", 1, printed)
    assert "".join(opened(splitter)) == text


PRINTED = st.lists(
    st.sampled_from(
        [b"hunter2", b"hunt", b"h", b"er2", b"2", b"aab", b"a", b"b", b"X", b"x ", b"\r", b"\n", b"\xc3", b"\xa9"]
    )
    | st.sampled_from([b"\x1b[1m", b"\x1b[", b"0m", b"\x1b", LONGEST_FORM[:5], LONGEST_FORM[5:]]),
    max_size=30,
).map(b"".join)


def states(masker: Masker, line: bytes, *, behind: int = 0) -> list[str]:
    """Return what a finished line looked like each time that it was drawn, without its first `behind` bytes."""
    return masker.mask(line)[behind:].decode("utf-8", "replace").split("\r")


@given(data=PRINTED, places=CUTS, piece_bytes=st.sampled_from([8, 65536]))
def test_what_is_open_is_a_beginning_of_its_line_whatever_follows(data, places, piece_bytes):
    masker = Masker(SECRETS, most_escapes=ESCAPES)
    splitter = LineSplitter(masker, piece_bytes)
    at = behind = 0
    for feed in cut(data, places):
        at += len(feed)
        for line in splitter.feed("v", 1, feed):
            behind = 0 if line.ends else behind + len(line.raw)
        printed = data[data.rfind(b"\n", 0, at) + 1 : at]
        told = [data[at:].partition(b"\n")[0], *secrets_begun_in(printed)]
        for text in opened(splitter):
            for rest in told:
                assert any(state.startswith(text) for state in states(masker, printed + rest, behind=behind))


def secrets_begun_in(printed: bytes) -> list[bytes]:
    """Return what would make the end of `printed` a secret."""
    plain = ESCAPE.sub(b"", printed)
    forms = {form for secret in SECRETS for form in forms_of(secret)}
    return [form[size:] for form in forms for size in range(1, len(form)) if plain.endswith(form[:size])]


@given(data=PRINTED, places=CUTS)
def test_what_is_open_holds_no_secret(data, places):
    splitter = LineSplitter(Masker(SECRETS))
    forms = [form for secret in SECRETS for form in forms_of(secret)]
    for feed in cut(data, places):
        splitter.feed("v", 1, feed)
        for text in opened(splitter):
            assert not any(form in ESCAPE.sub(b"", text.encode()) for form in forms)


def test_a_secret_that_is_printed_byte_by_byte_is_at_no_time_seen_in_part():
    splitter = LineSplitter(Masker(["hunter2"]))
    seen = []
    for byte in b"my hunter2 .":
        splitter.feed("v", 1, bytes([byte]))
        seen += opened(splitter)
    assert list(dict.fromkeys(seen)) == ["m", "my", "my ", "my ***", "my *** ", "my *** ."]
