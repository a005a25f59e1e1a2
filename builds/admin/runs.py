"""Runs with all that belongs to them: read-only; Build, Cancel and Remove ask the services."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from builds.admin.actions import ask_each, cancel, press, remove
from builds.admin.base import OfRunAdmin, ReadOnlyAdmin
from builds.models import BuildRun, LogChunk, RunEvent, RunStep


@admin.register(BuildRun)
class BuildRunAdmin(ReadOnlyAdmin):
    """Runs."""

    actions = ("press_build", "cancel", "remove")
    list_display = (
        *("id", "build", "build_no", "run_type", "run_state", "end_reason", "tag_name", "server", "requested_by"),
        *("created_at", "removed_at"),
    )
    list_display_links = ("id", "build")
    list_filter = ("run_type", "run_state", "end_reason", ("removed_at", admin.EmptyFieldListFilter))
    list_select_related = ("build", "server", "requested_by")
    search_fields = ("id__exact", "build__name", "build__image_name", "tag_name", "image_digest", "commit_id")
    search_help_text = "Number of the run (buildRunSeq), name of build or image, tag, digest, commit"
    ordering = ("-id",)

    def view_on_site(self, obj: BuildRun) -> str:
        """Return the run's own page."""
        return reverse("run", args=[obj.pk])

    @admin.action(description="Build")
    def press_build(self, request: HttpRequest, queryset: "QuerySet[BuildRun]") -> None:
        """Press Build for the build of each, once for each build."""
        ask_each(request, dict.fromkeys(queryset.values_list("build_id", flat=True)), press, what="Build")

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, queryset: "QuerySet[BuildRun]") -> None:
        """Ask for each to be cancelled."""
        ask_each(request, queryset.values_list("pk", flat=True), cancel, what="Run")

    @admin.action(description="Remove")
    def remove(self, request: HttpRequest, queryset: "QuerySet[BuildRun]") -> None:
        """Ask for each to be removed with its image."""
        ask_each(request, queryset.values_list("pk", flat=True), remove, what="Run")


@admin.register(RunStep)
class RunStepAdmin(OfRunAdmin):
    """Steps of runs."""

    list_display = ("id", "run", "attempt", "order", "step_type", "step_state", "begin_time", "end_time")
    list_filter = ("step_type", "step_state")
    unlisted = ("config", "vertices")


@admin.register(RunEvent)
class RunEventAdmin(OfRunAdmin):
    """Facts in the history of runs."""

    list_display = ("id", "run", "what", "run_state", "because", "at")


@admin.register(LogChunk)
class LogChunkAdmin(OfRunAdmin):
    """Stored output; its bytes and its layout are for programs."""

    list_display = ("id", "run", "sequence", "first_line", "line_count")
    exclude = ("raw", "layout")
    unlisted = ("text", "raw", "layout")
