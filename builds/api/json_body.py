"""Reading a JSON body strictly: size, media type, UTF-8, no doubles, no NaN, bounded depth (RFC 8259)."""

import json
import math
import re
from typing import Any, Final

from django.conf import settings
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from builds.api.errors import Unreadable
from builds.api.raw_body import read_raw

DEEPEST: Final = 32  # a BuildAdd needs six
# A string (also one that never ends: always a match, so the scan is linear) or a bracket.
TOKENS: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)


def read_object(request: Request) -> dict[str, Any]:
    """Return the body, a JSON object. Raises `Unreadable` (400, 413) or 415 with what is wrong and where."""
    media_type = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type not in ("", "application/json"):
        raise UnsupportedMediaType(media_type, detail=f"{media_type} is not read here; send application/json.")
    try:
        text = read_raw(request, settings.DATA_UPLOAD_MAX_MEMORY_SIZE).decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Unreadable(f"The body is not UTF-8 (byte {error.start}); send JSON in UTF-8.") from error
    _check_depth(text)
    body = _parse(text)
    if not isinstance(body, dict):
        raise Unreadable('The body has to be one JSON object, such as {"editType": "N"}.')
    return body


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
