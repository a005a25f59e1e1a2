"""Registries, build servers and worker hosts. Passwords and keys go in and never come out.

What is added, changed or deleted here goes through the services, which check it and write who did it.
"""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from builds.admin.base import ReadOnlyAdmin
from builds.admin.connection_forms import BuildServerForm, RegistryForm
from builds.admin.service_admin import ServiceAdmin
from builds.models import BuildServer, Caller, Registry, WorkerCluster, WorkerHost
from builds.services.connections.registries import create_registry, edit_registry, remove_registry
from builds.services.connections.servers import create_server, edit_server, remove_server


class ConnectionAdmin(ServiceAdmin):
    """A registry or a build server: which one is the default is the environment's matter, and that one stays."""

    ordering = ("id",)
    readonly_fields = ("is_default", "created_at")
    secret = ""  # what the stored secret is called

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001  Django's
        """Say when the stored secret has gone."""
        super().save_model(request, obj, form, change)
        if form.cleared_because:
            messages.warning(request, f"The stored {self.secret} of {obj} was cleared, because {form.cleared_because}.")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say no for the default one, which every start would make again."""
        return not (obj is not None and obj.is_default) and super().has_delete_permission(request, obj)


@admin.register(Registry)
class RegistryAdmin(ConnectionAdmin):
    """Registries."""

    form = RegistryForm
    secret = "password"  # noqa: S105  its name
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

    def get_readonly_fields(self, request: HttpRequest, obj: Registry | None = None) -> tuple[str, ...]:
        """Return what is only shown: a registry stays with its account."""
        return (*self.readonly_fields, "account") if obj else self.readonly_fields

    def store(self, pk: int | None, caller: Caller, form: RegistryForm) -> Registry:
        """Create or change a registry."""
        if pk is None:
            return create_registry(caller=caller, draft=form.draft)
        return edit_registry(registry_id=pk, caller=caller, draft=form.draft)

    def remove(self, pk: int, caller: Caller) -> None:
        """Remove a registry."""
        remove_registry(registry_id=pk, caller=caller)


@admin.register(BuildServer)
class BuildServerAdmin(ConnectionAdmin):
    """Build servers."""

    form = BuildServerForm
    secret = "key"  # noqa: S105  its name
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

    def store(self, pk: int | None, caller: Caller, form: BuildServerForm) -> BuildServer:
        """Create or change a build server; what it has room for starts then."""
        if pk is None:
            return create_server(caller=caller, draft=form.draft)
        return edit_server(server_id=pk, caller=caller, draft=form.draft)

    def remove(self, pk: int, caller: Caller) -> None:
        """Remove a build server."""
        remove_server(server_id=pk, caller=caller)


@admin.register(WorkerHost)
class WorkerHostAdmin(ReadOnlyAdmin):
    """Machines whose workers take runs, as they announce themselves."""

    list_display = ("name", "workers", "topics", "beat_at")
    search_fields = ("name",)
    ordering = ("name",)


@admin.register(WorkerCluster)
class WorkerClusterAdmin(ReadOnlyAdmin):
    """Their clusters: when each was asked through its queue and has answered."""

    list_display = ("name", "host", "asked_at", "heard_at", "process_group")
    list_select_related = ("host",)
    search_fields = ("name", "host__name")
    ordering = ("host", "name")
