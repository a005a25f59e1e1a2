"""Numbers, words and texts of a path or query: read once, refused with the field's name."""

import re
from collections.abc import Iterable
from typing import Final

from django.http import QueryDict

from builds.domain.errors import FieldError, Invalid

WHOLE: Final = re.compile(r"-?[0-9]{1,10}\Z")
INT32: Final = 2**31 - 1
MOST_SEQS: Final = 200  # as many as a page of a list has


def read_number(name: str, text: str, *, least: int = -INT32 - 1, most: int = INT32) -> int:
    """Return `text` as a number from `least` to `most` (int32 by default); raises `Invalid` naming the field."""
    if WHOLE.match(text) and least <= int(text) <= most:
        return int(text)
    kind = "a whole number of 32 bits" if most == INT32 else f"a whole number from {least} to {most:,}"
    raise Invalid([FieldError(name, f"{name} has to be {kind}, such as 1.")])


class Query:
    """The query of a request. Every reader has an answer where the parameter is absent or empty."""

    def __init__(self, parameters: QueryDict) -> None:
        self._parameters = parameters

    def text(self, name: str) -> str:
        """Return a text without NUL, which the database could not be asked for."""
        text = self._parameters.get(name) or ""
        if "\x00" in text:
            raise Invalid([FieldError(name, f"{name} holds a NUL; leave it out.")])
        return text

    def number(self, name: str, *, least: int = 1, most: int = INT32) -> int | None:
        """Return a number, from 1 unless `least` says otherwise, or None."""
        text = self._parameters.get(name)
        return read_number(name, text, least=least, most=most) if text else None

    def required_number(self, name: str) -> int:
        """Return a number that has to be given."""
        found = self.number(name)
        if found is None:
            raise Invalid([FieldError(name, f"Give {name}, such as ?{name}=1.")])
        return found

    def word(self, name: str, words: Iterable[str]) -> str | None:
        """Return one of `words`, or None."""
        text = self._parameters.get(name)
        known = list(words)
        if text and text not in known:
            raise Invalid([FieldError(name, f"{name} has to be one of {', '.join(known)}.")])
        return text or None

    def flag(self, name: str) -> bool:
        """Return whether the parameter is `true`, `1` or `Y`; absent is False."""
        word = self.word(name, ("true", "false", "1", "0", "Y", "N"))
        return word in ("true", "1", "Y")

    def numbers(self, name: str, allowed: Iterable[int]) -> frozenset[int] | None:
        """Return the numbers of a list, `1,2` or repeated, each one of `allowed`, or None."""
        text = ",".join(text for text in self._parameters.getlist(name) if text)
        if not text:
            return None
        words = {str(number): number for number in allowed}
        parts = text.split(",")
        if any(part not in words for part in parts):
            raise Invalid(
                [FieldError(name, f"{name} is a list such as {','.join(words)}; allowed: {', '.join(words)}.")]
            )
        return frozenset(words[part] for part in parts)

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return the (key, value) of a parameter that is repeated as `KEY=VALUE`; a value may hold further `=`."""
        texts = self._parameters.getlist(name)
        if any("=" not in text or "\x00" in text for text in texts):
            raise Invalid(
                [FieldError(name, f"{name} is KEY=VALUE without NUL, once for each key: {name}=VERSION%3D1.")]
            )
        parts = [text.partition("=") for text in texts]
        return tuple((key, value) for key, _, value in parts)

    def required_seqs(self, name: str) -> list[int]:
        """Return the numbers of a list that has to be given, `1,2` or repeated; a double counts once."""
        texts = [part for text in self._parameters.getlist(name) for part in text.split(",") if part]
        if not texts:
            raise Invalid([FieldError(name, f"Give {name}, such as ?{name}=1,2.")])
        if len(texts) > MOST_SEQS:
            raise Invalid([FieldError(name, f"{name} may name up to {MOST_SEQS} at once; ask again for the others.")])
        return list(dict.fromkeys(read_number(name, text) for text in texts))
