"""Builds and their steps: edited on the Build pages, where one validator holds; only `in use` is switched here."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from builds.admin.actions import ask_each, press
from builds.admin.base import ReadOnlyAdmin
from builds.admin.service_admin import ServiceAdmin
from builds.models import Build, BuildStep, Caller, UploadedContext
from builds.services.builds.edit import switch_build


@admin.register(Build)
class BuildAdmin(ServiceAdmin):
    """Builds, with Build as an action."""

    actions = ("press_build",)
    list_display = ("id", "name", "image_name", "account", "in_use", "last_run", "active_at", "removed_at")
    list_display_links = ("id", "name")
    list_filter = ("in_use", "when_running", ("removed_at", admin.EmptyFieldListFilter))
    list_select_related = ("account", "last_run")
    search_fields = ("name", "image_name", "project", "id__exact")
    ordering = ("-active_at", "-id")
    fields = (
        ("account", "name", "description", "in_use"),
        ("registry", "project", "image_name"),
        ("auto_tag", "auto_tag_prefix", "auto_tag_sequence", "tag_name"),
        ("server_host", "server_tls_verify", "when_running"),
        ("time_limit_seconds", "queue_limit_seconds", "max_attempts"),
        ("last_build_no", "last_run"),
        ("created_at", "updated_at", "active_at", "removed_at"),
    )
    readonly_fields = tuple(name for line in fields for name in line if name != "in_use")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Say no: a build is created on its own page, with its steps."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Build | None = None) -> bool:
        """Say no: a build is removed with its images, by a run."""
        return False

    def view_on_site(self, obj: Build) -> str:
        """Return the build's own page."""
        return reverse("build", args=[obj.pk])

    def store(self, pk: int | None, caller: Caller, form: Any) -> Build:
        """Turn the switch; nothing is created here."""
        return switch_build(build_id=pk or 0, caller=caller, in_use=form.cleaned_data["in_use"])

    @admin.action(description="Build")
    def press_build(self, request: HttpRequest, queryset: "QuerySet[Build]") -> None:
        """Press Build for each."""
        ask_each(request, queryset.values_list("pk", flat=True), press, what="Build")


@admin.register(BuildStep)
class BuildStepAdmin(ReadOnlyAdmin):
    """Steps of builds."""

    unlisted = ("config",)
    list_display = ("id", "build", "order", "step_type", "use")
    list_filter = ("step_type", "use")
    list_select_related = ("build",)
    search_fields = ("build__name", "build__image_name", "build__id__exact")
    ordering = ("-build", "order")


@admin.register(UploadedContext)
class UploadedContextAdmin(ReadOnlyAdmin):
    """Contexts that were uploaded, without their bytes."""

    list_display = ("id", "created_at", "build", "uploaded_by", "kind", "file_count", "byte_count")
    list_select_related = ("build", "uploaded_by")
    search_fields = ("build__name", "uploaded_by__username", "sha256", "id__exact")
    ordering = ("-id",)
