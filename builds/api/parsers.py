"""How bodies are read: JSON strictly (RFC 8259), and forms of parts."""

import json
import math
import re
from typing import IO, Any, Final

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, MultiPartParser

from builds.api.requests import Unreadable

DEEPEST: Final = 32  # a BuildAdd needs six
# A string (also one that never ends: always a match, so the scan is linear) or a bracket.
TOKENS: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)


class StrictJSONParser(BaseParser):
    """Reads one JSON object: in UTF-8, without doubles, without NaN, and no deeper than any definition needs."""

    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        """Return the object; raises `Unreadable` with what is wrong and where."""
        try:
            text = stream.read().decode("utf-8").removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            raise Unreadable(f"The body is not UTF-8 (byte {error.start}); send JSON in UTF-8.") from error
        _check_depth(text)
        body = _parse(text)
        if not isinstance(body, dict):
            raise Unreadable('The body has to be one JSON object, such as {"editType": "N"}.')
        return body


class FormParser(MultiPartParser):
    """Reads texts and a file, whatever length was announced."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the texts and the files; raises `Unreadable`."""
        request = parser_context["request"]
        request.META["CONTENT_LENGTH"] = str(len(request.raw))  # Django's parser reads as much
        try:
            return super().parse(stream, media_type, parser_context)
        except ParseError as error:
            raise Unreadable(f"The body is no multipart/form-data: {error.detail}.") from error


def _parse(text: str) -> Any:
    try:
        return json.loads(
            text, object_pairs_hook=_without_doubles, parse_constant=_refuse_constant, parse_float=_finite
        )
    except json.JSONDecodeError as error:
        sentence = f"The body is no JSON: {error.msg} in line {error.lineno}, column {error.colno}."
        raise Unreadable(sentence) from error
    except ValueError as error:  # a number of thousands of digits (CPython's limit)
        raise Unreadable("The body holds a number that is too long; shorten it.") from error


def _check_depth(text: str) -> None:
    """Refuse deep nesting before the parser and all that comes after it recurse."""
    depth = 0
    for token in TOKENS.finditer(text):
        match token[0][0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
        if depth > DEEPEST:
            raise Unreadable(f"The body is nested deeper than {DEEPEST} levels; make it flatter.")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"The body names {double!r} twice in one object; keep one of them.")
    return found


def _refuse_constant(word: str) -> Any:
    raise Unreadable(f"The body holds {word}, which JSON does not know; use a number or null.")


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise Unreadable(f"The body holds {digits[:20]}, which is too big for a number; shorten it.")
    return number
