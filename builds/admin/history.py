"""Who did what: read-only."""

from django.contrib import admin

from builds.admin.base import ReadOnlyAdmin
from builds.models import Activity


@admin.register(Activity)
class ActivityAdmin(ReadOnlyAdmin):
    """Deeds of people and programs."""

    list_display = ("id", "at", "by", "did", "build", "run", "account", "detail")
    list_select_related = ("by", "build", "run", "account")
    search_fields = ("by__username", "did", "build__name", "detail", "run__id__exact")
    search_help_text = "User, deed, build, detail, number of the run (buildRunSeq)"
    ordering = ("-id",)
