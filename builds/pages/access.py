"""The door of every page: signed in, with the rights of now."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from builds.models import Caller
from builds.pages.labels import for_people
from builds.services.accounts.access import caller_for

P = ParamSpec("P")


class PageRequest(HttpRequest):
    """A request that came through `signed_in`."""

    caller: Caller
    user: User


View = Callable[Concatenate[PageRequest, P], HttpResponseBase]
Checked = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def signed_in(view: View[P]) -> Checked[P]:
    """Let only people with a session in, with `request.caller`; others go to the sign-in page and back."""

    @wraps(view)
    def checked(request: PageRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        request.caller = caller_for(request.user)
        return view(request, *args, **kwargs)

    return cast("Checked[P]", never_cache(login_required(checked)))


def only_by_post(lead_to: str, *kept: str) -> Callable[[View[P]], Checked[P]]:
    """Let a signed-in person's POST in. GET, as after a reload or a sign-in, leads to the page named `lead_to`.

    `kept` are the parts of the address that the other page has as well.
    """

    def decorate(view: View[P]) -> Checked[P]:
        def checked(request: PageRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if request.method == "POST":
                return view(request, *args, **kwargs)
            return redirect(reverse(lead_to, kwargs={name: kwargs[name] for name in kept}))

        return require_http_methods(["GET", "HEAD", "POST"])(wraps(view)(signed_in(checked)))

    return decorate


def is_part(request: HttpRequest) -> str:
    """Return which part of a page the page's own script asks for, empty for the whole."""
    return request.GET.get("part", "") if is_own_script(request) else ""


def is_own_script(request: HttpRequest) -> bool:
    """Say whether a page's own script asks (static/js/server.js); other origins cannot set this header."""
    return request.headers.get("X-Requested-With") == "buildhub"


def plain_text(sentence: str, status: int) -> HttpResponse:
    """Answer a page's own script with one sentence."""
    return HttpResponse(for_people(sentence), status=status, content_type="text/plain; charset=utf-8")
