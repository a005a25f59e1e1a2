"""How answers and errors are written down, chosen by the address: /v1 is the plain dialect (build-api.md, section 1).

A further dialect is one more class with the same two methods and its prefix in `DIALECTS`; views, services and the
table of errors stay as they are.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from django.http import HttpResponse

if TYPE_CHECKING:
    from builds.api.errors import Problem


class Dialect(Protocol):
    """What an address speaks."""

    def answer(self, model: Any, headers: Mapping[str, str]) -> HttpResponse:
        """Return a successful answer that carries `model`."""

    def error(self, problem: "Problem") -> HttpResponse:
        """Return the answer that tells `problem`."""


class Plain:
    """The model itself with 200; errors as application/problem+json (RFC 9457) with their own status."""

    def answer(self, model: Any, headers: Mapping[str, str]) -> HttpResponse:
        """Return `model` as JSON in UTF-8, always 200."""
        return HttpResponse(_json(model), content_type="application/json", headers=dict(headers))

    def error(self, problem: "Problem") -> HttpResponse:
        """Return the problem's document."""
        body: dict[str, Any] = {
            "type": f"/docs/errors/{problem.code}",
            "title": problem.title,
            "status": problem.status,
            "detail": problem.detail,
            "code": problem.code,
            "errors": [
                {"field": error.field, "message": error.message, "code": error.code} for error in problem.errors
            ],
        }
        if problem.request_id:
            body["requestId"] = problem.request_id
        return HttpResponse(
            _json(body),
            status=problem.status,
            content_type="application/problem+json",
            headers=dict(problem.headers),
        )


PLAIN: Final = Plain()
DIALECTS: Final[Mapping[str, Dialect]] = {"/v1": PLAIN}


def dialect_of(path: str) -> Dialect:
    """Return the dialect that the address speaks."""
    return next((dialect for prefix, dialect in DIALECTS.items() if path.startswith(f"{prefix}/")), PLAIN)


def _json(model: Any) -> bytes:
    text = json.dumps(model, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "backslashreplace")  # a surrogate in a quoted name becomes JSON's own escape of it
