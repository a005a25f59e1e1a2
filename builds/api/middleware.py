"""Errors under /v1 that never reach a view (unknown host, CSRF, a failing middleware) are problems too, not pages."""

import re
from collections.abc import Callable
from typing import Final

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from builds.api.dialects import dialect_of
from builds.api.errors import of_status, request_id_of

API_PATH: Final = re.compile(r"/v1(?:/|\Z)")
KEPT_HEADERS: Final = ("Allow", "Retry-After", "WWW-Authenticate", "X-Request-Id")


class ProblemMiddleware:
    """Turns an error page under /v1 into application/problem+json. Stands before all that may answer by itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer `request`; only errors without a document of their own are rewritten."""
        if not API_PATH.match(request.path_info):
            return self.get_response(request)
        try:
            request.get_host()
        except DisallowedHost:  # asked here, before a page would be rendered for it
            return dialect_of(request.path_info).error(of_status(400))
        return _as_problem(request, self.get_response(request))


def _as_problem(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    has_document = response.headers.get("Content-Type", "").startswith("application/problem+json")
    if response.status_code < 400 or has_document:
        return response
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    problem = of_status(response.status_code, headers=headers, request_id=request_id_of(request))
    return dialect_of(request.path_info).error(problem)
