"""`/account/tokens`: issue, list and revoke API tokens. A token is on the page that follows its issue, once."""

from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from builds.domain.access import Scope
from builds.domain.errors import FieldError, Invalid, Refused
from builds.pages import shown_once
from builds.pages.access import PageRequest, signed_in
from builds.pages.form_values import TypedForm, typed_number
from builds.pages.labels import TOKEN
from builds.pages.question import Question, ask
from builds.pages.screens.account import AccountScreen, builds_to_choose, token_rows
from builds.pages.views.account import managed_screen, screen_of
from builds.pages.views.builds import number_of
from builds.services.accounts.tokens import issue_token, revoke_token, tokens_of

SCOPES: Final = (
    (Scope.READ, "read", "see builds, runs and logs"),
    (Scope.RUN, "run", "press Build, cancel, push again"),
    (Scope.WRITE, "write", "create, edit and remove"),
)
WHAT: Final = "token"
NEW: Final = {"days": "90", "requestsPerMinute": "0"}
TEXTS: Final = ("name", "days", "allowedRanges", "blockedRanges", "requestsPerMinute", "onlyBuilds")


@require_http_methods(["GET", "POST"])
@signed_in
def tokens(request: PageRequest) -> HttpResponse:
    """Answer `/account/tokens`, and issue a token."""
    if request.method == "GET":
        shown = {"word": shown_once.take(request, WHAT), "address": request.build_absolute_uri("/v1/build")}
        return _page(request, screen_of(request), TypedForm(TOKEN, dict(NEW)), chosen_scopes=[Scope.READ], **shown)
    screen = managed_screen(request)
    form = TypedForm(TOKEN, {name: request.POST.get(name, "") for name in TEXTS})
    chosen = {"chosen_scopes": request.POST.getlist("scopes"), "chosen_builds": _numbers(request)}
    try:
        word = _issued(request, screen, form)
    except Invalid as refused:
        form.refuse(refused.errors)
        return _page(request, screen, form, status=refused.status, **chosen)
    except Refused as refused:
        return _page(request, screen, form, banner=refused.sentence, status=refused.status, **chosen)
    shown_once.keep(request, WHAT, word)
    return redirect(reverse("tokens") + screen.query)


@require_http_methods(["GET", "POST"])
@signed_in
def revoke(request: PageRequest, token_seq: int) -> HttpResponse:
    """Ask, then revoke a token."""
    screen = managed_screen(request)
    token = tokens_of(request.caller).filter(pk=token_seq).first()
    if token is None:
        raise Http404
    if request.method == "GET":
        question = Question(
            title=f"Revoke the token {token.name}?",
            sentence="Programs that use it are refused from now on. It cannot be taken back.",
            confirm="Revoke token",
            action=reverse("revoke-token", args=[token.pk]) + screen.query,
            back=reverse("tokens") + screen.query,
            losses=(("Owner", token.owner.get_username()),),
        )
        return ask(request, question)
    try:
        revoke_token(token_id=token.pk, caller=request.caller)
    except Refused as refused:
        form = TypedForm(TOKEN, dict(NEW))
        return _page(request, screen, form, banner=refused.sentence, status=refused.status)
    messages.info(request, f"The token {token.name} is revoked.")
    return redirect(reverse("tokens") + screen.query)


def _issued(request: PageRequest, screen: AccountScreen, form: TypedForm) -> str:
    """Return the new token. Raises `Refused`; what the services would never see is refused with what they refuse."""
    values = form.values
    known = {scope.value for scope in Scope}
    chosen = [Scope(word) for word in request.POST.getlist("scopes") if word in known]
    return issue_token(
        owner=request.user,
        account=screen.account,
        name=values["name"].strip(),
        scopes=chosen,
        days=_days(values["days"]),
        build_ids=_numbers(request) if values["onlyBuilds"] else None,
        allowed_ranges=values["allowedRanges"].split(),
        blocked_ranges=values["blockedRanges"].split(),
        requests_per_minute=typed_number(values["requestsPerMinute"] or "0"),
    )


def _days(text: str) -> int | None:
    """Return a number of days, None for a token that does not expire. Raises `Invalid`."""
    if not text.strip():
        return None
    if (days := typed_number(text)) < 1:
        raise Invalid([FieldError("days", "Give a number of days from 1 up, or nothing for a token without end.")])
    return days


def _numbers(request: PageRequest) -> list[int]:
    return [number for word in request.POST.getlist("builds") if (number := number_of(word)) is not None]


def _page(request: PageRequest, screen: AccountScreen, form: TypedForm, **more: Any) -> HttpResponse:
    status = more.pop("status", 200)
    context: dict[str, Any] = {"screen": screen, "tab": "tokens", "form": form, "scopes": SCOPES}
    if screen.account:
        context["list"] = token_rows(screen, request.caller, after=number_of(request.GET.get("after")))
        context["builds"] = builds_to_choose(screen, request.caller)
    return render(request, "pages/tokens.html", {**context, **more}, status=status)
