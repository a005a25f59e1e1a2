"""`/account/tokens`: issue, list and revoke API tokens. A token is on the page that follows its issue, once."""

from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from builds.domain.access import Scope
from builds.domain.errors import Refused
from builds.pages import shown_once
from builds.pages.access import PageRequest, signed_in
from builds.pages.forms import TokenForm
from builds.pages.question import Question, ask
from builds.pages.screens.account import AccountScreen, builds_to_choose, token_rows
from builds.pages.views.account import managed_screen, screen_of
from builds.pages.views.builds import number_of
from builds.services.accounts.tokens import issue_token, revoke_token, tokens_of

WHAT: Final = "token"


@require_http_methods(["GET", "POST"])
@signed_in
def tokens(request: PageRequest) -> HttpResponse:
    """Answer `/account/tokens`, and issue a token."""
    if request.method == "GET":
        address = request.build_absolute_uri("/v1/build")
        return _page(request, screen_of(request), word=shown_once.take(request, WHAT), address=address)
    screen = managed_screen(request)
    form = TokenForm(request.POST, builds=builds_to_choose(screen, request.caller))
    try:
        word = _issued(request, screen, form)
    except Refused as refused:
        return _page(request, screen, form=form, **form.refuse(refused))
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
        return _page(request, screen, banner=refused.sentence, status=refused.status)
    messages.info(request, f"The token {token.name} is revoked.")
    return redirect(reverse("tokens") + screen.query)


def _issued(request: PageRequest, screen: AccountScreen, form: TokenForm) -> str:
    """Return the new token. Raises `Refused`."""
    typed = form.values
    ids = [number for word in typed["builds"] if (number := number_of(word)) is not None]
    return issue_token(
        owner=request.user,
        account=screen.account,
        name=typed["name"],
        scopes=[scope for scope in Scope if scope in typed["scopes"]],
        days=typed["days"],
        build_ids=ids if typed["onlyBuilds"] else None,
        allowed_ranges=typed["allowedRanges"].split(),
        blocked_ranges=typed["blockedRanges"].split(),
        requests_per_minute=typed["requestsPerMinute"],
    )


def _page(request: PageRequest, screen: AccountScreen, *, status: int = 200, **more: Any) -> HttpResponse:
    context: dict[str, Any] = {"screen": screen, "tab": "tokens"}
    if screen.account:
        context["list"] = token_rows(screen, request.caller, after=number_of(request.GET.get("after")))
        if "form" not in more:
            context["form"] = TokenForm(builds=builds_to_choose(screen, request.caller))
    return render(request, "pages/tokens.html", {**context, **more}, status=status)
