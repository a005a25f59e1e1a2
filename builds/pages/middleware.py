"""What every answer gets: a request id, no place in a cache, and a plain page where the database does not answer."""

import logging
import re
import secrets
from collections.abc import Callable
from typing import Final

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string

SANE_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
RETRY_SECONDS: Final = 5
NO_PAGE: Final = ("/v1/", "/api/", "/healthz", "/readyz")  # they speak for themselves, in JSON

logger = logging.getLogger(__name__)


def no_store(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Keep answers out of caches, a proxy's or a shared browser's; files and the API's document say otherwise."""

    def answered(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return answered


class RequestIdMiddleware:
    """Names every request, so that what a person reports is found in the log; takes over a sane incoming name."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request under its name."""
        given = request.headers.get("X-Request-Id", "")
        request_id = given if SANE_ID.fullmatch(given) else secrets.token_hex(8)
        request.META["HTTP_X_REQUEST_ID"] = request_id
        response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer 503 with a page that needs no database where the database is what failed."""
        if not isinstance(exception, OperationalError | InterfaceError) or request.path.startswith(NO_PAGE):
            return None
        logger.warning("The database did not answer %s: %s", request.path, exception)
        page = render_to_string("503.html", {"request_id": request.META["HTTP_X_REQUEST_ID"]})
        return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"})
