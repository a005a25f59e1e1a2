"""Wrong passwords, for each name and address: who is locked, until when, and the way to unlock."""

from datetime import datetime

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from builds.admin.actions import caller_of
from builds.admin.base import ReadOnlyAdmin
from builds.services.accounts import sign_in


@admin.register(AccessAttempt)
class WrongPasswordsAdmin(ReadOnlyAdmin):
    """Wrong passwords of the last day; nothing of what was typed is shown."""

    actions = ("unlock",)
    list_display = ("username", "ip_address", "user_agent", "failures_since_start", "attempt_time", "locked_until")
    search_fields = ("username", "ip_address")
    ordering = ("-attempt_time",)
    fields = ("username", "ip_address", "user_agent", "path_info", "failures_since_start", "attempt_time")

    @admin.display(description="Locked until")
    def locked_until(self, attempt: AccessAttempt) -> datetime | None:
        """Return until when this row alone locks its name; None where it does not."""
        if attempt.failures_since_start < settings.AXES_FAILURE_LIMIT:
            return None
        return sign_in.locked_until(attempt.failures_since_start, attempt.attempt_time)

    def has_unlock_permission(self, request: HttpRequest) -> bool:
        """Say whether the reader may unlock."""
        return request.user.has_perm("axes.delete_accessattempt")

    @admin.action(description="Unlock", permissions=["unlock"])
    def unlock(self, request: HttpRequest, queryset: "QuerySet[AccessAttempt]") -> None:
        """Let the names sign in again at once."""
        count = sign_in.unlock(queryset, by=caller_of(request).user)
        messages.success(request, f"Unlocked; wrong passwords of {count} rows are forgotten.")
