"""Registries, build servers and worker hosts. Passwords and keys go in and never come out."""

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from builds.admin.base import ReadOnlyAdmin, TableAdmin
from builds.admin.connection_forms import BuildServerForm, RegistryForm
from builds.models import BuildServer, Registry, WorkerHost
from builds.services.dispatch import dispatch


class ConnectionAdmin(TableAdmin):
    """A registry or a build server: which one is the default is the environment's matter, and that one stays."""

    ordering = ("id",)
    readonly_fields = ("is_default", "created_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say no for the default one, which every start would make again."""
        return not (obj is not None and obj.is_default) and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return no action: the one that deletes would not look at each."""
        return {}


@admin.register(Registry)
class RegistryAdmin(ConnectionAdmin):
    """Registries."""

    form = RegistryForm
    list_display = ("id", "name", "account", "host", "prefix", "username", "plain_http", "enabled", "is_default")
    list_display_links = ("id", "name")
    list_filter = ("enabled", "is_default", "plain_http")
    list_select_related = ("account",)
    search_fields = ("name", "host", "prefix", "username")

    def get_fields(self, request: HttpRequest, obj: Registry | None = None) -> list[Any]:
        """Return the fields; who may only look has no use for the one that goes in."""
        shown = ["name", "account", "host", "prefix", "plain_http", "username", "ca_certificate", "enabled"]
        may_set = self.has_change_permission(request, obj) if obj else True
        return [*shown, *(["password"] if may_set else []), "is_default", "created_at"]

    @method_decorator(sensitive_post_parameters("password"))
    def changeform_view(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show or store a registry; an error report does not hold the password."""
        return super().changeform_view(*args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Registry, form: Any, change: bool) -> None:  # noqa: FBT001  Django's
        """Store the registry and say when its password has gone."""
        super().save_model(request, obj, form, change)
        if form.has_cleared_password:
            messages.warning(request, f"The stored password of {obj} was cleared, because {form.cleared_because}.")


@admin.register(BuildServer)
class BuildServerAdmin(ConnectionAdmin):
    """Build servers."""

    form = BuildServerForm
    list_display = ("id", "name", "url", "capacity", "enabled", "is_default")
    list_display_links = ("id", "name")
    list_filter = ("enabled", "is_default", "tls_verify")
    search_fields = ("name", "url")
    filter_horizontal = ("accounts",)

    def get_fields(self, request: HttpRequest, obj: BuildServer | None = None) -> list[Any]:
        """Return the fields; who may only look has no use for the one that goes in."""
        shown = ["name", "url", "capacity", "enabled", "accounts", "allowed_host_paths", "tls_verify"]
        may_set = self.has_change_permission(request, obj) if obj else True
        key = ["client_key"] if may_set else []
        return [*shown, "ca_cert", "client_cert", *key, "is_default", "created_at"]

    @method_decorator(sensitive_post_parameters("client_key"))
    def changeform_view(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show or store a build server; an error report does not hold the key."""
        return super().changeform_view(*args, **kwargs)

    def save_model(self, request: HttpRequest, obj: BuildServer, form: Any, change: bool) -> None:  # noqa: FBT001  Django's
        """Store the server and start what it has room for now."""
        super().save_model(request, obj, form, change)
        if form.cleared_because:
            messages.warning(request, f"The stored key of {obj} was cleared, because {form.cleared_because}.")
        transaction.on_commit(partial(dispatch, obj.pk))


@admin.register(WorkerHost)
class WorkerHostAdmin(ReadOnlyAdmin):
    """Machines whose workers take runs, as they announce themselves."""

    list_display = ("name", "workers", "topics", "beat_at")
    search_fields = ("name",)
    ordering = ("name",)
