"""Build servers and registries: list, register, change, remove, test."""

from typing import Final

from django.http import HttpResponse

from builds.api.documented import documented
from builds.api.examples import NEW_REGISTRY, NEW_SERVER
from builds.api.pagination import KeysetPagination
from builds.api.requests import ApiRequest
from builds.api.views.base import ApiView
from builds.contract import parameters
from builds.contract.bodies import read_draft
from builds.contract.connections import (
    BuildServer,
    Registry,
    RegistryTest,
    ServerTest,
    registry_answers,
    server_answers,
)
from builds.contract.fields import Answer
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import NotFound
from builds.models import BuildServer as ServerRow
from builds.models import Registry as RegistryRow
from builds.queries.connections import visible_registries, visible_servers
from builds.services.connections.registries import (
    RegistryDraft,
    create_registry,
    edit_registry,
    remove_registry,
    try_registry,
)
from builds.services.connections.servers import ServerDraft, create_server, edit_server, remove_server, try_server

NO_SERVER: Final = [ErrorCode.SERVER_NOT_FOUND]
NO_REGISTRY: Final = [ErrorCode.REGISTRY_NOT_FOUND]
NOTHING: Final = {"type": "null"}


class ServerListView(ApiView):
    """`/build/server`: where docker runs."""

    tag = "Build servers"

    @documented("listServers", "List build servers", BuildServer(many=True), query=parameters.Page, paged=True)
    def get(self, request: ApiRequest) -> HttpResponse:
        """Return a page of the build servers that the caller's accounts may use, in the order of their numbers."""
        pages = KeysetPagination("buildServerSeq", lambda servers, after: servers.filter(pk__gt=after))
        servers = pages.paginate_queryset(visible_servers(self.caller), request, self)
        return pages.get_paginated_response(server_answers(servers, self.caller))

    @documented("createServer", "Register a build server", BuildServer, body=BuildServer, body_example=NEW_SERVER)
    def post(self, request: ApiRequest) -> HttpResponse:
        """Register a build server."""
        server = create_server(caller=self.caller, draft=read_draft(ServerDraft, BuildServer, request.data))
        return self.answer(_changed_server(self, server))


class ServerDetailView(ApiView):
    """`/build/server/{buildServerSeq}`."""

    tag = "Build servers"

    @documented("getServer", "Get a build server", BuildServer, errors=NO_SERVER)
    def get(self, request: ApiRequest, build_server_seq: int) -> HttpResponse:
        """Return a build server."""
        shapes = server_answers(visible_servers(self.caller).filter(pk=build_server_seq), self.caller)
        if not shapes:
            raise NotFound(f"There is no build server {build_server_seq}.")
        return self.answer(shapes[0])

    @documented(
        "editServer",
        "Change a build server",
        BuildServer,
        body=BuildServer,
        body_example={"capacity": 4},
        errors=NO_SERVER,
    )
    def put(self, request: ApiRequest, build_server_seq: int) -> HttpResponse:
        """Change a build server; what is absent stays."""
        draft = read_draft(ServerDraft, BuildServer, request.data)
        server = edit_server(server_id=build_server_seq, caller=self.caller, draft=draft)
        return self.answer(_changed_server(self, server))

    @documented("removeServer", "Remove a build server", NOTHING, errors=NO_SERVER)
    def delete(self, request: ApiRequest, build_server_seq: int) -> HttpResponse:
        """Remove a build server that nothing refers to."""
        remove_server(server_id=build_server_seq, caller=self.caller)
        return self.answer(None)


class ServerTestView(ApiView):
    """`/build/server/{buildServerSeq}/test`."""

    tag = "Build servers"

    @documented("testServer", "Ask a build server who it is", ServerTest, errors=NO_SERVER)
    def post(self, request: ApiRequest, build_server_seq: int) -> HttpResponse:
        """Ask a build server who it is, as a build would reach it; `ok` false with the reason where it does not."""
        probe = try_server(server_id=build_server_seq, caller=self.caller)
        return self.answer(ServerTest(probe).data)


class RegistryListView(ApiView):
    """`/build/registry`: where images go."""

    tag = "Registries"

    @documented("listRegistries", "List registries", Registry(many=True), query=parameters.Page, paged=True)
    def get(self, request: ApiRequest) -> HttpResponse:
        """Return a page of the registries that the caller's accounts may use, in the order of their numbers."""
        pages = KeysetPagination("externalRegistrySeq", lambda registries, after: registries.filter(pk__gt=after))
        registries = pages.paginate_queryset(visible_registries(self.caller), request, self)
        return pages.get_paginated_response(registry_answers(registries))

    @documented("createRegistry", "Register a registry", Registry, body=Registry, body_example=NEW_REGISTRY)
    def post(self, request: ApiRequest) -> HttpResponse:
        """Register a registry."""
        registry = create_registry(caller=self.caller, draft=read_draft(RegistryDraft, Registry, request.data))
        return self.answer(_changed_registry(registry))


class RegistryDetailView(ApiView):
    """`/build/registry/{externalRegistrySeq}`."""

    tag = "Registries"

    @documented("getRegistry", "Get a registry", Registry, errors=NO_REGISTRY)
    def get(self, request: ApiRequest, external_registry_seq: int) -> HttpResponse:
        """Return a registry."""
        shapes = registry_answers(visible_registries(self.caller).filter(pk=external_registry_seq))
        if not shapes:
            raise NotFound(f"There is no registry {external_registry_seq}.")
        return self.answer(shapes[0])

    @documented(
        "editRegistry", "Change a registry", Registry, body=Registry, body_example={"useYn": "Y"}, errors=NO_REGISTRY
    )
    def put(self, request: ApiRequest, external_registry_seq: int) -> HttpResponse:
        """Change a registry; what is absent stays."""
        draft = read_draft(RegistryDraft, Registry, request.data)
        found = edit_registry(registry_id=external_registry_seq, caller=self.caller, draft=draft)
        return self.answer(_changed_registry(found))

    @documented("removeRegistry", "Remove a registry", NOTHING, errors=NO_REGISTRY)
    def delete(self, request: ApiRequest, external_registry_seq: int) -> HttpResponse:
        """Remove a registry that nothing refers to."""
        remove_registry(registry_id=external_registry_seq, caller=self.caller)
        return self.answer(None)


class RegistryTestView(ApiView):
    """`/build/registry/{externalRegistrySeq}/test`."""

    tag = "Registries"

    @documented("testRegistry", "Push to a registry and delete there", RegistryTest, errors=NO_REGISTRY)
    def post(self, request: ApiRequest, external_registry_seq: int) -> HttpResponse:
        """Push a tiny image, by BuildHub and by the default build server's engine, and delete it again.

        `ok` is false with the reason where the registry does not answer, does not accept the login, or cannot be
        reached by the engine. A login that may not push is told by `mayPush`: it may still be one to pull bases with.
        """
        probe = try_registry(registry_id=external_registry_seq, caller=self.caller)
        return self.answer(RegistryTest(probe).data)


def _changed_registry(registry: RegistryRow) -> Answer:
    """Return a registry that the caller has just written."""
    return registry_answers(RegistryRow.objects.filter(pk=registry.pk))[0]


def _changed_server(view: ApiView, server: ServerRow) -> Answer:
    """Return a build server that the caller has just written."""
    return server_answers(ServerRow.objects.filter(pk=server.pk), view.caller)[0]
