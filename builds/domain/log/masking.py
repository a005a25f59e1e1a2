"""Masking of secrets in output, in the forms in which programs print them.

Not recognised: a secret that is coloured in the middle, reversed, compressed, or shorter than 6 characters.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

MASK: Final = b"***"
LEAST: Final = 6  # characters; anything shorter would hide half of a log
WRAPS: Final = (64, 76)  # columns at which PEM and MIME tools wrap base64


class Masker:
    """Replaces every form of `secrets` by `***`; one without secrets costs nothing.

    Forms never contain a line end (a secret of several lines is masked line by line), so masking a text and
    masking each of its lines is the same. `reach` is the length in bytes of the longest form, 0 without any.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for form in forms_of(secret)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self.reach: int = len(longest_first[0]) if longest_first else 0
        self._longest_first = longest_first
        self._forms = re.compile(b"|".join(map(re.escape, longest_first))) if longest_first else None

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
        """
        if self._forms is None:
            return data, len(data), 0
        decided = len(data) if final else max(0, len(data) - self.reach + 1)
        masked = bytearray()
        end = covered
        for start, stop in self._matches(data, decided):
            if start >= end:
                masked += data[end:start]
                masked += MASK
            end = max(end, stop)
        masked += data[end:decided]
        return bytes(masked), decided, max(0, end - decided)

    def _matches(self, data: bytes, decided: int) -> Iterator[tuple[int, int]]:
        """Yield the longest match at every position below `decided`, overlapping ones too.

        Nearly all output holds no secret, and that is found out by a plain search for each form: the expression of a
        key of many lines has hundreds of forms, and tries all of them at each byte.
        """
        if not any(form in data for form in self._longest_first):
            return
        position = 0
        while self._forms and (match := self._forms.search(data, position)) and match.start() < decided:
            yield match.span()
            position = match.start() + 1


def forms_of(secret: str) -> set[bytes]:
    """Return the byte strings under which `secret` is recognised: plain, base64, URL, JSON and hex.

    Forms shorter than 6 bytes are left out; `secret` itself may have several lines.
    """
    whole = secret.strip("\r\n")
    pieces = {whole, *(line.strip() for line in whole.splitlines())}
    forms = {form for piece in pieces if len(piece) >= LEAST for form in _encodings(piece)}
    return {form for form in forms if len(form) >= LEAST and b"\n" not in form}


def _encodings(text: str) -> Iterator[bytes]:
    plain = text.encode("utf-8", "surrogatepass")
    yield plain
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
