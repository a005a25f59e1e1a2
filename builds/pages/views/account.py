"""`/account`: an account's settings and its webhook secret; `/account/members`: who belongs to it."""

from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from builds.domain.access import Role
from builds.domain.errors import NoRight, Refused
from builds.models import Membership
from builds.pages import shown_once
from builds.pages.access import PageRequest, only_by_post, signed_in
from builds.pages.forms import AccountForm, MemberForm
from builds.pages.question import Question, ask
from builds.pages.screens.account import AccountScreen, account_screen, member_rows
from builds.pages.views.builds import number_of
from builds.services.accounts import members as accounts
from builds.services.accounts.accounts import change_account
from builds.services.accounts.webhook_secret import rotate_webhook_secret

WHAT: Final = "webhook-secret"


def screen_of(request: PageRequest) -> AccountScreen:
    """Return the account that the address names. Raises `Http404`."""
    wanted = request.GET.get("account")
    number = number_of(wanted)
    screen = account_screen(request.caller, number) if wanted is None or number is not None else None
    if screen is None:
        raise Http404
    return screen


def managed_screen(request: PageRequest) -> AccountScreen:
    """Return the account of a deed; somebody without account has nothing to do. Raises `Http404`."""
    screen = screen_of(request)
    if screen.account is None:
        raise Http404
    return screen


@require_http_methods(["GET", "POST"])
@signed_in
def account(request: PageRequest) -> HttpResponse:
    """Answer `/account`, and store its form."""
    if request.method == "GET":
        return _account_page(request, screen_of(request), secret=shown_once.take(request, WHAT))
    screen = managed_screen(request)
    form = AccountForm(request.POST)
    name, time_zone = form.values["name"], form.values["timeZone"]
    try:
        change_account(account_id=screen.account.pk, caller=request.caller, name=name, time_zone=time_zone)
    except Refused as refused:
        return _account_page(request, screen, form=form, **form.refuse(refused))
    messages.info(request, "The account is stored.")
    return redirect(reverse("account") + screen.query)


@require_http_methods(["GET", "POST"])
@signed_in
def webhook_secret(request: PageRequest) -> HttpResponse:
    """Ask, then make a new signing secret and lead to the page that shows it this once."""
    screen = managed_screen(request)
    if request.method == "GET":
        question = Question(
            title="Make a new webhook secret?",
            sentence="Callbacks are signed with the new one from now on; receivers that check with the old one refuse "
            "them until you give them the new one. It is shown once.",
            confirm="Make a new secret",
            action=reverse("webhook-secret") + screen.query,
            back=reverse("account") + screen.query,
        )
        return ask(request, question)
    try:
        secret = rotate_webhook_secret(account_id=screen.account.pk, caller=request.caller)
    except Refused as refused:
        return _account_page(request, screen, banner=refused.sentence, status=refused.status)
    shown_once.keep(request, WHAT, secret)
    return redirect(reverse("account") + screen.query)


@require_http_methods(["GET", "POST"])
@signed_in
def members(request: PageRequest) -> HttpResponse:
    """Answer `/account/members`, and add who is named in its form."""
    if request.method == "GET":
        return _members_page(request, screen_of(request))
    screen, form = managed_screen(request), MemberForm(request.POST)
    name, role = form.values["userName"], form.values["role"]

    def add() -> str:
        accounts.add_member(account_id=screen.account.pk, user_name=name, role=role, caller=request.caller)
        return f"{name} is a member now."

    return _done(request, screen, add, form)


@only_by_post("members")
def change_role(request: PageRequest, membership_seq: int) -> HttpResponse:
    """Give a member another role."""
    screen = managed_screen(request)
    member = _member(request, screen, membership_seq)

    def change() -> str:
        role = request.POST.get("role", "")
        changed = accounts.change_role(membership_id=member.pk, role=role, caller=request.caller)
        return f"{member.user} is {Role(changed.role).words} now."

    return _done(request, screen, change)


@require_http_methods(["GET", "POST"])
@signed_in
def remove_member(request: PageRequest, membership_seq: int) -> HttpResponse:
    """Ask, then take somebody out of the account."""
    screen = managed_screen(request)
    member = _member(request, screen, membership_seq)
    if request.method == "GET":
        question = Question(
            title=f"Remove {member.user} from {screen.account}?",
            sentence="Whoever is removed sees nothing of this account any more, and tokens issued for it stop to work. "
            "Builds and runs stay.",
            confirm="Remove member",
            action=reverse("remove-member", args=[member.pk]) + screen.query,
            back=reverse("members") + screen.query,
            losses=(("Role", Role(member.role).words),),
        )
        return ask(request, question)

    def remove() -> str:
        accounts.remove_member(membership_id=member.pk, caller=request.caller)
        return f"{member.user} is no member any more."

    return _done(request, screen, remove)


def _account_page(request: PageRequest, screen: AccountScreen, *, status: int = 200, **more: Any) -> HttpResponse:
    if screen.account and "form" not in more:
        more["form"] = AccountForm(initial={"name": screen.account.name, "timeZone": screen.account.time_zone})
    return render(request, "pages/account.html", {"screen": screen, "tab": "account", **more}, status=status)


def _members_page(request: PageRequest, screen: AccountScreen, *, status: int = 200, **more: Any) -> HttpResponse:
    rows = None
    if screen.account:
        try:
            rows = member_rows(screen, request.caller, after=number_of(request.GET.get("after")))
        except NoRight as refused:
            more["banner"], status = refused.sentence, refused.status
    context = {"screen": screen, "tab": "members", "form": MemberForm(), "list": rows, **more}
    return render(request, "pages/members.html", context, status=status)


def _done(
    request: PageRequest, screen: AccountScreen, deed: Callable[[], str], form: MemberForm | None = None
) -> HttpResponse:
    """Do something to the members and say so, or show why not; without `form` an error has no field."""
    try:
        said = deed()
    except Refused as refused:
        if form:
            return _members_page(request, screen, form=form, **form.refuse(refused))
        return _members_page(request, screen, banner=refused.sentence, status=refused.status)
    messages.info(request, said)
    return redirect(reverse("members") + screen.query)


def _member(request: PageRequest, screen: AccountScreen, membership_seq: int) -> Membership:
    """Return a member of this very account. Raises `Http404`."""
    try:
        found = accounts.members_of(screen.account.pk, request.caller).filter(pk=membership_seq)
    except Refused as refused:
        raise Http404 from refused
    member = found.select_related("user").first()
    if member is None:
        raise Http404
    return member
