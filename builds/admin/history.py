"""Who did what: read-only."""

from django.contrib import admin

from builds.admin.base import ReadOnlyAdmin
from builds.models import Activity


@admin.register(Activity)
class ActivityAdmin(ReadOnlyAdmin):
    """Acts of people and programs."""

    list_display = ("id", "at", "by", "did", "build", "run", "account", "detail")
    list_select_related = ("by", "build", "run", "account")
    search_fields = ("by__username", "did", "build__name", "detail", "run__id__exact")
    search_help_text = "User, what was done, build, detail, number of the run (buildRunSeq)"
    ordering = ("-id",)
