"""JSON from outside, read strictly (RFC 8259): UTF-8, no name twice, finite numbers, bounded depth, one object."""

import json
import math
import re
from typing import Any, Final

DEEPEST: Final = 32  # a definition needs six
# A string (also one that never ends: always a match, so the scan is linear) or a bracket.
TOKENS: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)


class NotStrict(ValueError):  # noqa: N818  names what a text is
    """What is wrong with a text, and the remedy; a sentence once its subject stands before it."""


def read_object(data: bytes) -> dict[str, Any]:
    """Return the JSON object that `data` is; raises `NotStrict` with what is wrong and where."""
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise NotStrict(f"is not UTF-8 (byte {error.start}); send JSON in UTF-8.") from error
    _check_depth(text)
    found = _parse(text)
    if not isinstance(found, dict):
        raise NotStrict('has to be one JSON object, such as {"editType": "N"}.')
    return found


def has_utf8(value: Any) -> bool:
    """Say whether a value that was read can be written in UTF-8: half of a surrogate pair cannot."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _parse(text: str) -> Any:
    try:
        return json.loads(
            text, object_pairs_hook=_without_doubles, parse_constant=_refuse_constant, parse_float=_finite
        )
    except json.JSONDecodeError as error:
        raise NotStrict(f"is no JSON: {error.msg} in line {error.lineno}, column {error.colno}.") from error
    except NotStrict:
        raise
    except ValueError as error:  # a number of thousands of digits (CPython's limit)
        raise NotStrict("holds a number that is too long; shorten it.") from error


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
            raise NotStrict(f"is nested deeper than {DEEPEST} levels; make it flatter.")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise NotStrict(f"names {double!r} twice in one object; keep one of them.")
    return found


def _refuse_constant(word: str) -> Any:
    raise NotStrict(f"holds {word}, which JSON does not know; use a number or null.")


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise NotStrict(f"holds {digits[:20]}, which is too big for a number; shorten it.")
    return number
