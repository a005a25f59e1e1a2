"""How answers and errors are written down, chosen by the address (docs/contract.md, "Dialects").

`/v1` is plain: the model itself, errors as problems. `/api` is enveloped, and so is `/v1` where BUILDHUB_V1_ENVELOPE
says so. Views, services and the table of errors know nothing of it.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from django.conf import settings
from django.http import HttpResponse

if TYPE_CHECKING:
    from builds.api.errors import Problem

# The 416 is about the bytes of a log, which no dialect wraps: with another status its Content-Range would mean nothing.
KEPT_STATUSES: Final = (401, 403, 416, 429)
# the tag that belongs to an imageUrl stands beside it: of a run, of an image, of a step
TAGS: Final = ("tagName", "tag", "imageTag")
PROBLEM_STATUS: Final = "problem_status"  # on an enveloped answer: the status that it would have without the envelope


class Dialect(Protocol):
    """What an address speaks."""

    is_enveloped: bool

    def answer(self, model: Any, headers: Mapping[str, str], *, result: bool = True) -> HttpResponse:
        """Return a successful answer that carries `model`; an envelope leaves it out where `result` is False."""

    def error(self, problem: "Problem") -> HttpResponse:
        """Return the answer that tells `problem`."""


class Plain:
    """The model itself with 200; errors as application/problem+json (RFC 9457) with their own status."""

    is_enveloped = False

    def answer(self, model: Any, headers: Mapping[str, str], *, result: bool = True) -> HttpResponse:
        """Return `model` as JSON in UTF-8, always 200."""
        return HttpResponse(_json(model), content_type="application/json", headers=dict(headers))

    def error(self, problem: "Problem") -> HttpResponse:
        """Return the problem's document."""
        body = {
            "type": f"/docs/errors/{problem.code}",
            "title": problem.title,
            "status": problem.status,
            "detail": problem.detail,
            "code": problem.code,
            "errors": _fields(problem),
            "requestId": problem.request_id,
        }
        return HttpResponse(
            _json(body),
            status=problem.status,
            content_type="application/problem+json",
            headers=dict(problem.headers),
        )


class Enveloped:
    """`{"code", "status", "result"}` with 200, errors too but for 401, 403 and 429; an imageUrl with its tag."""

    is_enveloped = True

    def answer(self, model: Any, headers: Mapping[str, str], *, result: bool = True) -> HttpResponse:
        """Return `model` in its envelope, always 200."""
        body: dict[str, Any] = {"code": "200", "status": "ok"}
        if result:
            body["result"] = with_tags(model)
        return HttpResponse(_json(body), content_type="application/json", headers=dict(headers))

    def error(self, problem: "Problem") -> HttpResponse:
        """Return the code and one message that holds everything; `errors` lists the fields once more."""
        body: dict[str, Any] = {
            "code": problem.code,
            "message": " ".join(f"{error.field}: {error.message}" for error in problem.errors) or problem.detail,
            "status": "error",
            "errors": _fields(problem),
            "requestId": problem.request_id,
        }
        status = problem.status if problem.status in KEPT_STATUSES else 200
        headers = dict(problem.headers)
        response = HttpResponse(_json(body), status=status, content_type="application/json", headers=headers)
        setattr(response, PROBLEM_STATUS, problem.status)
        return response


PLAIN: Final = Plain()
ENVELOPED: Final = Enveloped()


def dialect_of(path: str) -> Dialect:
    """Return the dialect that the address speaks, by the setting of now."""
    word = path.lstrip("/").partition("/")[0].lower()
    return ENVELOPED if word == "api" or settings.V1_ENVELOPE else PLAIN


def with_tags(model: Any) -> Any:
    """Return `model` with the tag in every imageUrl that has one beside it."""
    if isinstance(model, Mapping):
        shape = {name: with_tags(value) for name, value in model.items()}
        tag = next((shape[name] for name in TAGS if shape.get(name)), None)
        if tag and shape.get("imageUrl"):
            shape["imageUrl"] = f"{shape['imageUrl']}:{tag}"
        return shape
    return [with_tags(part) for part in model] if isinstance(model, list | tuple) else model


def _fields(problem: "Problem") -> list[dict[str, str]]:
    return [{"field": error.field, "message": error.message, "code": error.code} for error in problem.errors]


def _json(model: Any) -> bytes:
    text = json.dumps(model, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "backslashreplace")  # a surrogate in a quoted name becomes JSON's own escape of it
