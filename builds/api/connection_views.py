"""Build servers and registries: list, register, change, remove, test."""

from django.http import HttpResponse
from rest_framework.request import Request

from builds.api.connection_bodies import read_registry, read_server
from builds.api.connection_shapes import registry_shape, server_shapes
from builds.api.json_body import read_object
from builds.api.pagination import KeysetPagination
from builds.api.params import read_number
from builds.api.views import ApiView
from builds.domain.errors import NotFound
from builds.models import BuildServer
from builds.queries.connections import visible_registries, visible_servers
from builds.queries.shapes import Shape
from builds.services.connections.registries import create_registry, edit_registry, remove_registry, try_registry
from builds.services.connections.servers import create_server, edit_server, remove_server, try_server


class ServerList(ApiView):
    """`/build/server`: where docker runs."""

    def get(self, request: Request) -> HttpResponse:
        """Return a page of the build servers that the caller's accounts may use, in the order of their numbers."""
        pages = KeysetPagination("buildServerSeq", lambda servers, after: servers.filter(pk__gt=after))
        servers = pages.paginate_queryset(visible_servers(self.caller), request)
        return pages.get_paginated_response(server_shapes(servers, self.caller))

    def post(self, request: Request) -> HttpResponse:
        """Register a build server."""
        server = create_server(caller=self.caller, draft=read_server(read_object(request)))
        return self.answer(_changed_server(self, server))


class ServerDetail(ApiView):
    """`/build/server/{buildServerSeq}`."""

    def get(self, request: Request, seq: str) -> HttpResponse:
        """Return a build server."""
        number = _number_of_server(seq)
        shapes = server_shapes(visible_servers(self.caller).filter(pk=number), self.caller)
        if not shapes:
            raise NotFound(f"There is no build server {number}.")
        return self.answer(shapes[0])

    def put(self, request: Request, seq: str) -> HttpResponse:
        """Change a build server; what is absent stays."""
        draft = read_server(read_object(request))
        server = edit_server(server_id=_number_of_server(seq), caller=self.caller, draft=draft)
        return self.answer(_changed_server(self, server))

    def delete(self, request: Request, seq: str) -> HttpResponse:
        """Remove a build server that nothing refers to."""
        remove_server(server_id=_number_of_server(seq), caller=self.caller)
        return self.answer(None)


class ServerTest(ApiView):
    """`/build/server/{buildServerSeq}/test`."""

    def post(self, request: Request, seq: str) -> HttpResponse:
        """Ask a build server who it is, as a build would reach it."""
        probe = try_server(server_id=_number_of_server(seq), caller=self.caller)
        return self.answer(
            {
                "ok": probe.ok,
                "message": probe.message,
                "version": probe.version,
                "apiVersion": probe.api_version,
                "storageDriver": probe.storage_driver,
                "warnings": list(probe.warnings),
            }
        )


class RegistryList(ApiView):
    """`/build/registry`: where images go."""

    def get(self, request: Request) -> HttpResponse:
        """Return a page of the registries that the caller's accounts may use, in the order of their numbers."""
        pages = KeysetPagination("externalRegistrySeq", lambda registries, after: registries.filter(pk__gt=after))
        registries = pages.paginate_queryset(visible_registries(self.caller), request)
        return pages.get_paginated_response([registry_shape(registry) for registry in registries])

    def post(self, request: Request) -> HttpResponse:
        """Register a registry."""
        registry = create_registry(caller=self.caller, draft=read_registry(read_object(request)))
        return self.answer(registry_shape(registry))


class RegistryDetail(ApiView):
    """`/build/registry/{externalRegistrySeq}`."""

    def get(self, request: Request, seq: str) -> HttpResponse:
        """Return a registry."""
        number = _number_of_registry(seq)
        found = visible_registries(self.caller).filter(pk=number).first()
        if found is None:
            raise NotFound(f"There is no registry {number}.")
        return self.answer(registry_shape(found))

    def put(self, request: Request, seq: str) -> HttpResponse:
        """Change a registry; what is absent stays."""
        draft = read_registry(read_object(request))
        found = edit_registry(registry_id=_number_of_registry(seq), caller=self.caller, draft=draft)
        return self.answer(registry_shape(found))

    def delete(self, request: Request, seq: str) -> HttpResponse:
        """Remove a registry that nothing refers to."""
        remove_registry(registry_id=_number_of_registry(seq), caller=self.caller)
        return self.answer(None)


class RegistryTest(ApiView):
    """`/build/registry/{externalRegistrySeq}/test`."""

    def post(self, request: Request, seq: str) -> HttpResponse:
        """Ask a registry whether it answers and takes the stored login."""
        probe = try_registry(registry_id=_number_of_registry(seq), caller=self.caller)
        return self.answer({"ok": probe.ok, "message": probe.message, "warnings": list(probe.warnings)})


def _number_of_server(seq: str) -> int:
    return read_number("buildServerSeq", seq)


def _number_of_registry(seq: str) -> int:
    return read_number("externalRegistrySeq", seq)


def _changed_server(view: ApiView, server: BuildServer) -> Shape:
    """Return a build server that the caller has just written."""
    return server_shapes(BuildServer.objects.filter(pk=server.pk), view.caller)[0]
