"""The forms of the pages. Labels and hints stand here and nowhere else."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django import forms

from builds.domain.access import Scope
from builds.models import Build
from builds.models.accounts import ACCOUNT_ROLES
from builds.pages.service_form import Number, ServiceForm

PLAIN: Final = {"class": "input", "autocomplete": "off"}
CODE: Final = {"class": "input input--mono", "autocomplete": "off", "spellcheck": "false"}


@dataclass(frozen=True, slots=True)
class Choice:
    """The label of a choice that is explained beside it."""

    word: str
    meaning: str = ""


class AccountForm(ServiceForm):
    """The settings of an account."""

    name = forms.CharField(label="Name", widget=forms.TextInput(PLAIN))
    timeZone = forms.CharField(
        label="Time zone",
        help_text="Of automatic tags with date and time, such as UTC or Europe/Vienna.",
        widget=forms.TextInput(PLAIN),
    )


class MemberForm(ServiceForm):
    """Who is to belong to an account."""

    userName = forms.CharField(
        label="User name",
        help_text="Of somebody who can sign in here already; users are created by an instance admin.",
        widget=forms.TextInput(PLAIN),
    )
    role = forms.CharField(
        label="Role",
        widget=forms.Select({"class": "input"}, choices=[(role.value, role.words) for role in ACCOUNT_ROLES]),
    )


class TokenForm(ServiceForm):
    """A token that is to be issued."""

    name = forms.CharField(label="Name", help_text="What uses it, such as ci-deploy.", widget=forms.TextInput(PLAIN))
    days = Number(label="Days until it expires", help_text="Empty: it does not expire.", initial=90, empty_value=None)
    scopes = forms.Field(
        label="Scopes",
        initial=[Scope.READ],
        widget=forms.CheckboxSelectMultiple(
            choices=[
                (Scope.READ, Choice("read", "see builds, runs and logs")),
                (Scope.RUN, Choice("run", "press Build, cancel, push again")),
                (Scope.WRITE, Choice("write", "create, edit and remove")),
            ]
        ),
    )
    onlyBuilds = forms.BooleanField(
        label="Only the builds that are ticked here; else every build of the account",
        widget=forms.CheckboxInput({"value": "1"}),
    )
    builds = forms.Field(label="Builds")
    allowedRanges = forms.CharField(
        label="Allowed addresses",
        help_text="Addresses or ranges such as 10.1.0.0/16, one a line. Empty: from anywhere.",
        widget=forms.Textarea({**CODE, "rows": 2}),
    )
    blockedRanges = forms.CharField(
        label="Blocked addresses",
        help_text="They win over the allowed ones.",
        widget=forms.Textarea({**CODE, "rows": 2}),
    )
    requestsPerMinute = Number(label="Requests a minute", help_text="0: no limit.", initial=0, empty_value=0)

    def __init__(self, *args: Any, builds: Iterable[Build], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(build.pk, build.name) for build in builds]
        self.fields["builds"].widget = forms.CheckboxSelectMultiple(choices=choices)
