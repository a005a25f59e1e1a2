"""Read the newline-delimited JSON that the Engine API streams while it works.

The SDK's `_stream_helper` is not used: on a connection that is already at its end it raises JSONDecodeError, and over
TLS it delivers one frame late.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

import requests
import urllib3

from builds.engine.errors import AnswerUnreadable

CHUNK_BYTES: Final = 65536


def json_lines(response: requests.Response, asked: str) -> Iterator[dict[str, Any]]:
    """Yield the records of a streamed answer to what was `asked`, as they arrive; ends where the stream breaks off.

    A broken stream is no error here: whoever reads knows by the records whether the work had come to its end.
    Raises `AnswerUnreadable` for a line that is no record.
    """
    for line in split_lines(_chunks(response)):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise AnswerUnreadable(asked, f"The engine's answer is no JSON: {error}") from error
        if not isinstance(record, dict):
            raise AnswerUnreadable(asked, "The engine's answer is no JSON object.")
        yield record


def _chunks(response: requests.Response) -> Iterator[bytes]:
    try:
        yield from response.raw.stream(CHUNK_BYTES, decode_content=False)
    except (urllib3.exceptions.HTTPError, OSError, AttributeError, ValueError):
        return  # after a shutdown of the socket the reader fails in any of these ways, by engine and transport


def error_of(record: dict[str, Any]) -> str:
    """Return the error by which the engine ends a stream; empty for a record of something else."""
    if "errorDetail" in record or "error" in record:
        return str((record.get("errorDetail") or {}).get("message") or record.get("error"))
    return ""


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield whole lines. What follows the last line end is yielded only if it looks whole: half a record is none."""
    parts: list[bytes] = []
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        parts.append(first)
        for other in others:
            if (line := b"".join(parts)).strip():
                yield line
            parts = [other]
    last = b"".join(parts).strip()
    if last.endswith(b"}"):
        yield last
