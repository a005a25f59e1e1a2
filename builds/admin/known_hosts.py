"""Keys of ssh servers that BuildHub has seen: one that was changed on purpose is removed here, and learnt anew."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from builds.admin.actions import caller_of
from builds.admin.base import TableAdmin
from builds.models import Activity, Did, KnownHost


@admin.register(KnownHost)
class KnownHostAdmin(TableAdmin):
    """Known hosts."""

    list_display = ("host", "learnt_at")
    search_fields = ("host",)
    readonly_fields = ("learnt_at",)

    def log_addition(self, request: HttpRequest, obj: KnownHost, message: Any) -> Any:
        """Write down who has added one, beside Django's own log."""
        _record(request, obj)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: KnownHost, message: Any) -> Any:
        """Write down who has changed one."""
        _record(request, obj)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Write down who has deleted some."""
        for obj in queryset:
            _record(request, obj)
        return super().log_deletions(request, queryset)


def _record(request: HttpRequest, known: KnownHost) -> None:
    Activity.record(by=caller_of(request).user, did=Did.CHANGE_KNOWN_HOST, detail=known.host)
