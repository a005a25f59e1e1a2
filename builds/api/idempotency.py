"""`Idempotency-Key`: the same request within 24 hours is done once and answered alike.

The view runs inside one transaction that holds the key's row: its act and its answer are committed together, and
whoever comes with the same key at the same moment waits for both (ADR 15).
"""

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.http import HttpResponse
from rest_framework.response import Response

from builds.api.requests import ApiRequest
from builds.domain.errors import FieldError, Invalid
from builds.models import ApiToken
from builds.services import idempotency

if TYPE_CHECKING:
    from builds.api.views.base import ApiView

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
METHODS: Final = ("POST", "PUT")
KEY: Final = re.compile(r"[\x20-\x7e]{1,255}\Z")
# they say who may ask or that something failed, not what came of the request
NOT_KEPT: Final = (401, 403, 429)

Handler = Callable[..., Response]


def key_of(request: ApiRequest) -> str | None:
    """Return the request's key, None where it has none or its method needs none; raises `Invalid` for a bad one."""
    key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None or request.method not in METHODS:
        return None
    if not KEY.match(key) or not key.strip():
        raise Invalid([FieldError(HEADER, "Use 1 to 255 printable ASCII characters, such as a UUID.")])
    return key


def answer_once(view: "ApiView", handler: Handler, key: str) -> Callable[..., HttpResponse]:
    """Return `handler` as it answers a request with `key`: by doing it, or with the answer given before."""

    @wraps(handler)  # it stays `documented`
    def answer(request: ApiRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        fingerprint = _fingerprint(request)
        token = request.auth if isinstance(request.auth, ApiToken) else None
        name = idempotency.key_owner(view.caller, token.pk if token else None)
        with view.turn(), transaction.atomic():
            row = idempotency.hold(name=name, key=key, fingerprint=fingerprint)
            if row.status:
                headers = {**row.headers, REPLAYED: "true"}
                return HttpResponse(bytes(row.body), status=row.status, headers=headers)
            response = _done(view, handler, request, *args, **kwargs)
            status = response.data.status if response.exception else response.status_code  # as without the envelope
            if status not in NOT_KEPT and status < 500:
                headers = {name: str(value) for name, value in response.items()}
                idempotency.keep(row, status=response.status_code, headers=headers, body=response.content)
            else:
                idempotency.let_go(row)
        return response

    return answer


def _done(view: "ApiView", handler: Handler, request: ApiRequest, *args: Any, **kwargs: Any) -> Response:
    """Return the handler's answer, or its error, rendered; what an error leaves is undone, the key's row stays held."""
    try:
        with transaction.atomic():
            response = view.finalize_response(request, handler(request, *args, **kwargs))
            response.render()
            return response
    except Exception as error:  # noqa: BLE001  DRF's own handling, which answers whatever it is
        return view.handle_exception(error)


def _fingerprint(request: ApiRequest) -> str:
    """Return what tells requests apart: method, address, query and body."""
    head = f"{request.method} {request.path}?{request.META.get('QUERY_STRING', '')}\n"
    digest = hashlib.sha256(head.encode("utf-8", "surrogateescape"))
    request.hash_body(digest)
    return digest.hexdigest()
