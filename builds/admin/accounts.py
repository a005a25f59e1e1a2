"""Accounts and memberships; the installation's name, only shown."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from builds.admin.base import ReadOnlyAdmin
from builds.admin.service_admin import ServiceAdmin, ServiceForm
from builds.domain.errors import FieldError
from builds.models import Account, Caller, Installation, Membership
from builds.services.accounts.accounts import (
    AccountLimits,
    account_errors,
    change_account,
    create_account,
    remove_account,
)
from builds.services.accounts.members import NO_ROLE, add_member, change_role, member_errors, remove_member

LIMITS = ("build_limit", "parallel_limit", "parallel_refuse")


class AccountForm(ServiceForm):
    """An account."""

    class Meta:
        model = Account
        fields = ("name", "time_zone", *LIMITS)

    def rule_errors(self, cleaned: Mapping[str, Any]) -> list[FieldError]:
        """Return what is wrong with name and time zone."""
        return account_errors(self.instance, cleaned.get("name") or "", cleaned.get("time_zone") or "")


@admin.register(Account)
class AccountAdmin(ServiceAdmin):
    """Accounts."""

    form = AccountForm
    list_display = ("id", "name", "time_zone", "build_limit", "parallel_limit", "created_at")
    list_display_links = ("id", "name")
    search_fields = ("name", "id__exact")
    ordering = ("id",)

    def store(self, pk: int | None, caller: Caller, form: AccountForm) -> Account:
        """Create or change an account."""
        told = {**form.cleaned_data}
        given = {"limits": AccountLimits(**{name: told.pop(name) for name in LIMITS}), **told}
        if pk is None:
            return create_account(caller=caller, **given)
        return change_account(account_id=pk, caller=caller, **given)

    def remove(self, pk: int, caller: Caller) -> None:
        """Remove an account."""
        remove_account(account_id=pk, caller=caller)


class MembershipForm(ServiceForm):
    """A member; of one that is stored only the role may change."""

    places = {"user_name": "user"}

    class Meta:
        model = Membership
        fields = ("user", "account", "role")
        error_messages = {"role": {"invalid_choice": NO_ROLE}}

    def rule_errors(self, cleaned: Mapping[str, Any]) -> list[FieldError]:
        """Return what is wrong with a new member; a role is one of those to choose from."""
        if self.instance.pk:
            return []
        account: Account | None = cleaned.get("account")
        if account is None:
            return [FieldError("account", "Choose the account.")]
        return member_errors(account, cleaned.get("user"), cleaned.get("role") or "")


@admin.register(Membership)
class MembershipAdmin(ServiceAdmin):
    """Who belongs to which account, in which role."""

    form = MembershipForm
    list_display = ("id", "user", "account", "role")
    list_display_links = ("id", "user")
    list_filter = ("role",)
    list_select_related = ("user", "account")
    raw_id_fields = ("user", "account")
    search_fields = ("user__username", "account__name", "role")
    ordering = ("account", "user")

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        """Return what is only shown: who is a member of what stays."""
        return ("user", "account") if obj else ()

    def store(self, pk: int | None, caller: Caller, form: MembershipForm) -> Membership:
        """Add a member, or change the role of one."""
        told = form.cleaned_data
        if pk is not None:
            return change_role(membership_id=pk, role=told["role"], caller=caller)
        user, account = told["user"], told["account"]
        return add_member(account_id=account.pk, user_name=user.get_username(), role=told["role"], caller=caller)

    def remove(self, pk: int, caller: Caller) -> None:
        """Take somebody out of an account."""
        remove_member(membership_id=pk, caller=caller)


@admin.register(Installation)
class InstallationAdmin(ReadOnlyAdmin):
    """The one row that names this installation in labels."""

    list_display = ("name", "created_at")
    search_fields = ("name",)
