"""From whatever went wrong to `Wrong`, by one table of codes; the renderer of the address writes it down."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions
from rest_framework.response import Response

from builds.api.authentication import CHALLENGE, TooManyWrongTokens
from builds.api.renderers import renderer_of
from builds.api.requests import UPLOADS, too_large
from builds.contract.errors import KEPT_STATUSES, Wrong
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import FieldError, Invalid, Refused

logger = logging.getLogger(__name__)

BUSY_SECONDS: Final = 10  # when to come again where no limit of a minute says so

# status: code, for what is refused before a service is asked
CODES: Final[Mapping[int, ErrorCode]] = {
    400: ErrorCode.UNREADABLE,
    401: ErrorCode.NOT_SIGNED_IN,
    403: ErrorCode.NO_RIGHT,
    404: ErrorCode.NO_ROUTE,
    405: ErrorCode.METHOD_NOT_ALLOWED,
    406: ErrorCode.NOT_ACCEPTABLE,
    413: ErrorCode.UNREADABLE,
    415: ErrorCode.MEDIA_TYPE_NOT_SUPPORTED,
    416: ErrorCode.INVALID_PARAMETER,
    429: ErrorCode.TOO_MANY_REQUESTS,
    502: ErrorCode.NO_ANSWER_BELOW,
    503: ErrorCode.NO_ANSWER_BELOW,
    504: ErrorCode.NO_ANSWER_BELOW,
}
SENTENCES: Final[Mapping[int, str]] = {
    400: "This request cannot be read; check its address, its headers and its host name.",
    401: "Sign in, or send Authorization: Bearer <token>.",
    403: "You have no right to do this.",
    404: "There is nothing at this address; check the path against the API's documentation.",
    406: "This is answered as application/json; send Accept: application/json or leave it out.",
    413: "The body is larger than 2 MiB; shorten it.",
}
# errors of the framework that carry no status of their own; the first that fits
PLAIN_ERRORS: Final[Sequence[tuple[type[Exception], int]]] = (
    (RequestDataTooBig, 413),
    (SuspiciousOperation, 400),
    (BadRequest, 400),
    (MultiPartParserError, 400),  # of a form in which the CSRF check looks for the token
    (Http404, 404),
    (PermissionDenied, 403),
)
DATABASE_AWAY: Final = "The database does not answer now; try again in a few seconds."


def handle(error: Exception, context: Mapping[str, Any]) -> Response:
    """Answer `error`, raised anywhere in an API view, in the dialect of the address (DRF's exception handler)."""
    request = context.get("request")
    return written(problem_of(error, request), request)


def written(problem: Wrong, request: Any) -> Response:
    """Return the answer, rendered, that tells `problem` in the dialect of the request, under the request's name."""
    named = replace(problem, request_id=problem.request_id or request_id_of(request))
    renderer = renderer_of(getattr(request, "path", ""))
    status = 200 if renderer.is_enveloped and named.status not in KEPT_STATUSES else named.status
    response = Response(named, status, headers=named.headers, exception=True, content_type=renderer.problem_type)
    response.accepted_renderer, response.accepted_media_type = renderer, renderer.problem_type
    response.renderer_context = {}  # type: ignore[attr-defined]  # the stubs lack it
    response.render()
    return response


def problem_of(error: Exception, request: Any = None) -> Wrong:
    """Return what to say about `error`; what is not known becomes a 500 with the request's id, and is logged."""
    if isinstance(error, Refused):
        fields = tuple(error.errors) if isinstance(error, Invalid) else ()
        headers = {"Retry-After": str(BUSY_SECONDS)} if error.status == 429 else {}
        return Wrong(error.status, error.code, error.sentence, fields, headers)
    if isinstance(error, exceptions.APIException):
        return _framework_problem(error)
    if isinstance(error, OperationalError | InterfaceError):
        logger.warning("The database did not answer: %s", error)
        return Wrong(
            ErrorCode.NO_ANSWER_BELOW.status, ErrorCode.NO_ANSWER_BELOW, DATABASE_AWAY, headers={"Retry-After": "5"}
        )
    for kind, status in PLAIN_ERRORS:
        if isinstance(error, kind):
            return of_status(status)
    request_id = request_id_of(request)
    logger.error("Request %s failed", request_id, exc_info=error)
    return of_status(500, request_id=request_id)


def of_status(status: int, *, headers: Mapping[str, str] | None = None, request_id: str | None = None) -> Wrong:
    """Return the problem of a bare status, for what was refused before any of our code was asked."""
    detail = SENTENCES.get(status) or f"{HTTPStatus(status).phrase}."
    code = CODES.get(status, ErrorCode.UNEXPECTED if status >= 500 else ErrorCode.UNREADABLE)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:  # the pages' word for it, which the contract does not know
        status = ErrorCode.NO_ANSWER_BELOW.status
    if status == 500:
        request_id = request_id or request_id_of(None)
        detail = f"Something unexpected happened here; tell the operator the request id {request_id}."
    return Wrong(status, code, detail, headers=headers or {}, request_id=request_id)


def silent_body(path: str, seconds: int) -> Response:
    """Return the answer to a request at `path` whose body has not come for `seconds`; it closes the connection."""
    detail = f"Nothing of the body came for {seconds} s; send all that Content-Length promises, or leave both out."
    return _unread(path, Wrong(408, ErrorCode.UNREADABLE, detail))


def oversized_body(path: str) -> Response:
    """Return the answer to a request at `path` whose body is larger than any may be; it closes the connection."""
    return _unread(path, problem_of(too_large()) if UPLOADS.search(path) else of_status(413))


def _unread(path: str, problem: Wrong) -> Response:
    """Return the answer to a request whose body is not read to its end, with its length, as no server adds it."""
    request = HttpRequest()
    request.path = path
    headers = {"Connection": "close", "Cache-Control": "no-store"}
    answer = written(replace(problem, headers=headers), request)
    answer.headers["Content-Length"] = str(len(answer.content))
    return answer


def request_id_of(request: Any) -> str:
    """Return the name that the pages' middleware has given to a request, a new one where it had no chance to."""
    meta = getattr(request, "META", {})
    return str(meta.get("HTTP_X_REQUEST_ID") or secrets.token_hex(8))


def _framework_problem(error: exceptions.APIException) -> Wrong:
    """Return what DRF refuses: authentication, CSRF, method, media types."""
    status = int(error.status_code)
    headers: dict[str, str] = {}
    if isinstance(error, exceptions.NotAuthenticated):
        return Wrong(401, CODES[401], SENTENCES[401], headers={"WWW-Authenticate": CHALLENGE})
    if status == 401:
        headers["WWW-Authenticate"] = f'{CHALLENGE} error="invalid_token"'
    detail = SENTENCES[406] if status == 406 else str(error.detail)
    wait = getattr(error, "wait", None)
    if wait:
        headers["Retry-After"] = str(int(wait))
        if not isinstance(error, TooManyWrongTokens):
            detail = f"This token has used up its requests of this minute; come again in {int(wait)} s."
    code = CODES.get(status, ErrorCode.UNREADABLE)
    field = getattr(error, "field", "")
    errors = [FieldError(field, detail, code)] if field else []
    return Wrong(status, code, detail, errors, headers)
