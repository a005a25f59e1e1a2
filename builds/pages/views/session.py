"""Signing in and out."""

from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.contrib.auth import views
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.template.loader import render_to_string
from django.templatetags.static import static


class SignIn(views.LoginView):
    """The sign-in page: fields `username` and `password`; who is signed in already goes on."""

    redirect_authenticated_user = True


def locked(request: HttpRequest, *_: Any) -> HttpResponse:
    """Answer a sign-in, at whatever door, while the name is locked at the caller's address (AXES_LOCKOUT_CALLABLE)."""
    seconds = AxesProxyHandler.get_implementation().seconds_left(request)
    minutes = -(-seconds // 60)
    wait = f"{minutes} minutes" if minutes > 1 else f"{seconds} seconds"
    page = render_to_string("429.html", {"wait": wait, "request_id": request.META.get("HTTP_X_REQUEST_ID")})
    return HttpResponse(page, status=429, headers={"Retry-After": str(seconds), "Cache-Control": "no-store"})


def favicon(request: HttpRequest) -> HttpResponsePermanentRedirect:
    """Send browsers that ask for the old fixed address to the file."""
    return HttpResponsePermanentRedirect(static("img/favicon.ico"))
