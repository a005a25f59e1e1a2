"""Masking of secrets in output, in the forms in which programs print them, also with colours in the middle.

Not recognised: a secret that is compressed, encrypted or taken apart, or shorter than 6 characters.
"""

import base64
import itertools
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import quote, quote_plus

MASK: Final = b"***"
LEAST: Final = 6  # characters; anything shorter would hide half of a log
WRAPS: Final = (64, 76)  # columns at which PEM and MIME tools wrap base64
# What colours text (ECMA-48 CSI, and the choice of a character set that tput puts beside it).
ESCAPE: Final = re.compile(rb"\x1b(?:\[[0-9;:?]{0,40}[A-Za-z]|\([A-Z0-9])")
FEW_FORMS: Final = 100  # up to which a search for each is quicker than the expression of all
MOST_ESCAPES: Final = 4096  # bytes of them within one secret
UNFINISHED: Final = re.compile(rb"\x1b(?:\[[0-9;:?]{0,40}|\()?\Z")  # the beginning of an escape sequence


class Masker:
    """Replaces every form of `secrets` by `***`; one without secrets costs nothing.

    Forms never contain a line end (a secret of several lines is masked line by line), so masking a text and
    masking each of its lines is the same. `reach` is the length in bytes of the longest form with the most escape
    sequences that may stand in it, 0 without any form. `unmasked` says that the lines of a secret are too short to be
    masked.
    """

    def __init__(self, secrets: Iterable[str] = (), *, most_escapes: int = MOST_ESCAPES) -> None:
        secrets = [secret for secret in secrets if secret]
        self.unmasked = any(all(len(line) < LEAST for line in secret.splitlines()) for secret in secrets)
        forms = {ESCAPE.sub(b"", form) for secret in secrets for form in forms_of(secret)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self.reach: int = len(longest_first[0]) + most_escapes if longest_first else 0
        self._longest_first = longest_first
        self._in_order = sorted(forms)
        self._heads = {form[:LEAST] for form in forms}
        self._forms = re.compile(_expression(longest_first)) if longest_first else None

    def mask(self, data: bytes) -> bytes:
        """Return `data` with every form of every secret replaced."""
        return self.mask_part(data, covered=0, final=True)[0]

    def mask_text(self, text: str) -> str:
        """Return `text` with every form of every secret replaced."""
        return self.mask(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def mask_part(self, data: bytes, *, covered: int, final: bool) -> tuple[bytes, int, int]:
        """Mask the decided beginning of `data`, the part of a stream that is not handed out yet.

        `covered`: bytes at its beginning that belong to a secret whose `***` was handed out with the part before.
        `final`: nothing follows, so all of it is decided; else the last `reach` - 1 bytes wait for what comes.
        Returns the masked bytes, how many bytes of `data` they stand for, and `covered` for the next call.
        Escape sequences within a secret stand behind its `***`: what follows keeps its colour.
        """
        if self._forms is None:
            return data, len(data), 0
        plain = _Plain(data)
        decided = len(data) if final else plain.before_escape(max(0, len(data) - self.reach + 1))
        masked, end = self._masked(data, plain, covered, decided)
        return masked, decided, max(0, end - decided)

    def mask_so_far(self, data: bytes, *, covered: int) -> bytes:
        """Mask what can be shown of `data` although more will follow; `covered` is that of `mask_part`.

        Left out is the longest end that may be the beginning of a secret, and an escape sequence that is not finished.
        """
        whole = data[: found.start()] if (found := UNFINISHED.search(data)) else data
        if self._forms is None:
            return whole
        plain = _Plain(whole)
        return self._masked(whole, plain, covered, plain.place(self._may_begin(plain.text)))[0]

    def _may_begin(self, text: bytes) -> int:
        """Return from where on `text` is the beginning of a form that is longer; its length where it is none."""
        for start in range(max(0, len(text) - len(self._longest_first[0]) + 1), len(text)):
            if len(text) - start >= LEAST and text[start : start + LEAST] not in self._heads:
                continue
            end = text[start:]
            at = bisect_left(self._in_order, end)
            at += self._in_order[at : at + 1] == [end]
            if at < len(self._in_order) and self._in_order[at].startswith(end):
                return start
        return len(text)

    def _masked(self, data: bytes, plain: "_Plain", covered: int, decided: int) -> tuple[bytes, int]:
        """Return the first `decided` bytes of `data` masked, and where what belongs to their secrets ends."""
        masked = bytearray()
        end = covered
        for start, stop in self._matches(plain, decided):
            if start >= end:
                masked += data[end:start]
                masked += MASK
            masked += b"".join(ESCAPE.findall(data, max(start, end), stop))
            end = max(end, stop)
        masked += data[end:decided]
        return bytes(masked), end

    def _matches(self, plain: "_Plain", decided: int) -> Iterator[tuple[int, int]]:
        """Yield the longest match at every position below `decided`, overlapping ones too, by its place in the data.

        Nearly all output holds no secret, and where the forms are few that is found out by a plain search for each.
        """
        if len(self._longest_first) <= FEW_FORMS and not any(form in plain.text for form in self._longest_first):
            return
        position = 0
        while self._forms and (match := self._forms.search(plain.text, position)):
            start, stop = plain.place(match.start()), plain.place(match.end() - 1) + 1
            if start >= decided:
                return
            if stop - start <= self.reach:
                yield start, stop
            position = match.start() + 1


class _Plain:
    """Output without its escape sequences, and where in it each byte stood."""

    def __init__(self, data: bytes) -> None:
        self._spans = [found.span() for found in ESCAPE.finditer(data)] if b"\x1b" in data else []
        self.text = ESCAPE.sub(b"", data) if self._spans else data
        # how much is taken out before each sequence, and where in the text that is
        self._taken = list(itertools.accumulate((stop - start for start, stop in self._spans), initial=0))
        self._cuts = [start - taken for (start, _), taken in zip(self._spans, self._taken, strict=False)]

    def place(self, position: int) -> int:
        """Return where in the data the byte at `position` of the text stands."""
        return position + self._taken[bisect_right(self._cuts, position)]

    def before_escape(self, place: int) -> int:
        """Return a place in the data, or the beginning of the escape sequence that it lies in."""
        at = bisect_right(self._spans, (place, 0)) - 1
        return self._spans[at][0] if at >= 0 and place < self._spans[at][1] else place


def _expression(forms: Sequence[bytes], depth: int = 3) -> bytes:
    """Return an expression for the longest of `forms` that fits, which come longest first.

    A secret of many lines has thousands of them: they are told apart byte by byte, so that few are tried at each place.
    """
    if depth == 0 or len(forms) == 1:
        return b"|".join(map(re.escape, forms))
    by_byte: dict[bytes, list[bytes]] = {}
    for form in forms:
        by_byte.setdefault(form[:1], []).append(form[1:])
    return b"|".join(re.escape(head) + b"(?:" + _expression(rest, depth - 1) + b")" for head, rest in by_byte.items())


def forms_of(secret: str) -> set[bytes]:
    """Return the byte strings under which `secret` is recognised: plain, backwards, base64, URL, JSON and hex.

    Forms shorter than 6 bytes are left out; `secret` itself may have several lines.
    """
    whole = secret.strip("\r\n")
    pieces = {whole, *(line.strip() for line in whole.splitlines())}
    forms = {form for piece in pieces if len(piece) >= LEAST for form in _encodings(piece)}
    return {form for form in forms if len(form) >= LEAST and b"\n" not in form}


def _encodings(text: str) -> Iterator[bytes]:
    plain = text.encode("utf-8", "surrogatepass")
    yield plain
    yield text[::-1].encode("utf-8", "surrogatepass")
    yield from _base64_forms(plain)
    yield plain.hex().encode()
    yield plain.hex().upper().encode()
    for ascii_only in (True, False):
        escaped = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield escaped.encode("utf-8", "surrogatepass")
        yield escaped.replace("/", "\\/").encode("utf-8", "surrogatepass")
    for quoted in (quote, quote_plus):
        for safe in ("", "/"):
            escaped = quoted(text, safe=safe, errors="surrogatepass")
            yield escaped.encode()
            yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), escaped).encode()


def _base64_forms(plain: bytes) -> Iterator[bytes]:
    """Yield base64 of `plain` alone, within other bytes at all three alignments, and wrapped into lines."""
    alone = base64.b64encode(plain)
    cores = [alone]
    for offset in range(3):  # other bytes before it
        encoded = base64.b64encode(b"\0" * offset + plain).rstrip(b"=")
        shared = 0 if (offset + len(plain)) % 3 == 0 else 1  # the last character also holds bits of what follows
        cores.append(encoded[(0, 2, 3)[offset] : len(encoded) - shared])
    cores += [alone[at : at + width] for width in WRAPS for at in range(0, len(alone), width) if len(alone) > width]
    for core in cores:
        yield core
        yield core.translate(bytes.maketrans(b"+/", b"-_"))
