"""The page of a request that cannot be read."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.template.loader import render_to_string


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400. Django's own handler looks for a CSRF token, so it would read the unreadable body once more."""
    return HttpResponseBadRequest(render_to_string("400.html"))
