"""Accounts and memberships, edited here; the installation's name, only shown."""

from zoneinfo import available_timezones

from django import forms
from django.contrib import admin

from builds.admin.base import ReadOnlyAdmin, TableAdmin
from builds.models import Account, Installation, Membership


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for the type checker only
    """An account; a zone that does not exist would stop every press."""

    class Meta:
        model = Account
        fields = ("name", "time_zone", "build_limit", "parallel_limit", "parallel_refuse")

    def clean_time_zone(self) -> str:
        """Return the zone; raises `ValidationError` for one that is not known."""
        zone: str = self.cleaned_data["time_zone"]
        if zone not in available_timezones():
            raise forms.ValidationError("There is no such time zone; give one such as UTC or Europe/Vienna.")
        return zone


@admin.register(Account)
class AccountAdmin(TableAdmin):
    """Accounts."""

    form = AccountForm
    list_display = ("id", "name", "time_zone", "build_limit", "parallel_limit", "created_at")
    list_display_links = ("id", "name")
    search_fields = ("name", "id__exact")
    ordering = ("id",)


@admin.register(Membership)
class MembershipAdmin(TableAdmin):
    """Who belongs to which account, in which role."""

    list_display = ("id", "user", "account", "role")
    list_display_links = ("id", "user")
    list_filter = ("role",)
    list_select_related = ("user", "account")
    raw_id_fields = ("user", "account")
    search_fields = ("user__username", "account__name", "role")
    ordering = ("account", "user")


@admin.register(Installation)
class InstallationAdmin(ReadOnlyAdmin):
    """The one row that names this installation in labels."""

    list_display = ("name", "created_at")
    search_fields = ("name",)
