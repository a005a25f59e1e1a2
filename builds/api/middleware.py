"""Errors under /v1 and /api that never reach a view (unknown host, CSRF, a failing middleware) are no pages either."""

import re
from collections.abc import Callable
from typing import Final

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from builds.api.exceptions import handle, of_status, request_id_of, written
from builds.contract.errors import PROBLEM_JSON

API_PATH: Final = re.compile(r"/(?:v1|api)(?:/|\Z)")
# what only looks like an address of the API (`//v1/build`, `/API/build`, `/v1;.jsp`): nobody gets a page for it
ALIKE: Final = re.compile(r"/+(?:v1|api)(?![a-z0-9_-])", re.IGNORECASE)
KEPT_HEADERS: Final = ("Allow", "Retry-After", "WWW-Authenticate", "X-Request-Id")
DOCUMENTS: Final = (PROBLEM_JSON, "application/json")


class ProblemMiddleware:
    """Turns an error page under /v1 and /api into an error of their dialect. Stands before all that may answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer `request`; only errors without a document of their own are rewritten."""
        if not ALIKE.match(request.path_info):
            return self.get_response(request)
        try:
            request.get_host()
        except DisallowedHost:  # asked here, before a page would be rendered for it
            return written(of_status(400), request)
        if not API_PATH.match(request.path_info):
            return written(of_status(404), request)
        response = self.get_response(request)
        if response.status_code < 400 or response.headers.get("Content-Type", "").startswith(DOCUMENTS):
            return response
        headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        problem = of_status(response.status_code, headers=headers, request_id=request_id_of(request))
        return written(problem, request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer what fails behind a view of the API: an answer that cannot be written down."""
        return handle(exception, {"request": request}) if API_PATH.match(request.path_info) else None
