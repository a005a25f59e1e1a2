"""Keys of ssh servers that BuildHub has seen: one that was changed on purpose is removed here, and learnt anew."""

from django.contrib import admin

from builds.admin.base import TableAdmin
from builds.models import KnownHost


@admin.register(KnownHost)
class KnownHostAdmin(TableAdmin):
    """Known hosts."""

    list_display = ("host", "learnt_at")
    search_fields = ("host",)
    readonly_fields = ("learnt_at",)
