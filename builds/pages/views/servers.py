"""`/servers`: where builds run; instance admins add, edit, test, drain, switch off and remove a build server."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from builds.domain.errors import Refused
from builds.models import BuildServer
from builds.pages.access import PageRequest, is_part, only_by_post, signed_in
from builds.pages.deeds import done, stored
from builds.pages.question import Question, ask
from builds.pages.screens.servers import servers_screen, why_not_change
from builds.pages.server_form import ServerForm
from builds.queries.connections import visible_servers
from builds.services.connections.servers import (
    ServerDraft,
    create_server,
    edit_server,
    remove_server,
    try_server,
)

FORM = "pages/server_form.html"


def servers_page(request: PageRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    """Render the list, with what was refused or found where something was."""
    template = "components/servers_now.html" if is_part(request) == "now" else "pages/servers.html"
    return render(request, template, {"screen": servers_screen(request.caller), **more}, status=status)


@require_safe
@signed_in
def servers(request: PageRequest) -> HttpResponse:
    """Answer `/servers`."""
    return servers_page(request)


@sensitive_post_parameters("buildServerClientKey")
@require_http_methods(["GET", "POST"])
@signed_in
def new(request: PageRequest) -> HttpResponse:
    """Show the form of a new build server, and store it."""
    if sentence := why_not_change(request.caller):
        return render(request, "403.html", {"sentence": sentence}, status=403)
    form = ServerForm(request.POST if request.method == "POST" else None)

    def save() -> str:
        server = create_server(caller=request.caller, draft=form.draft())
        return f"The build server {server.name} is registered."

    return stored(request, form, save, FORM, "servers")


@sensitive_post_parameters("buildServerClientKey")
@require_http_methods(["GET", "POST"])
@signed_in
def edit(request: PageRequest, server_seq: int) -> HttpResponse:
    """Show the form of a build server, and store it."""
    server = _changeable(request, server_seq)
    form = ServerForm(request.POST, stored=server) if request.method == "POST" else ServerForm.of_server(server)

    def save() -> str:
        changed = edit_server(server_id=server_seq, caller=request.caller, draft=form.draft())
        return f"The build server {changed.name} is stored."

    return stored(request, form, save, FORM, "servers", server=server)


@only_by_post("servers")
def test(request: PageRequest, server_seq: int) -> HttpResponse:
    """Connect to a build server as a build would, and show on the page what it answers."""
    server = _changeable(request, server_seq)
    try:
        probe = try_server(server_id=server_seq, caller=request.caller)
    except Refused as refused:
        return servers_page(request, banner=refused.sentence, status=refused.status)
    return servers_page(request, probe=probe, tested=server)


@only_by_post("servers")
def drain(request: PageRequest, server_seq: int) -> HttpResponse:
    """Drain a build server, or let it take runs again."""
    says = "ends what it has, and what comes waits" if request.POST.get("draining") == "Y" else "takes runs again"
    return _edited(request, server_seq, ServerDraft(draining=request.POST.get("draining") == "Y"), says)


@only_by_post("servers")
def switch(request: PageRequest, server_seq: int) -> HttpResponse:
    """Switch a build server off or on."""
    enabled = request.POST.get("useYn") == "Y"
    says = "is switched on" if enabled else "is switched off: it takes no further runs"
    return _edited(request, server_seq, ServerDraft(enabled=enabled), says)


@require_http_methods(["GET", "POST"])
@signed_in
def remove(request: PageRequest, server_seq: int) -> HttpResponse:
    """Ask, then remove a build server."""
    server = _changeable(request, server_seq)
    if request.method == "GET":
        question = Question(
            title=f"Remove the build server {server.name}?",
            sentence="BuildHub forgets its address and its keys; nothing is changed on the machine itself.",
            confirm="Remove build server",
            action=reverse("remove-server", args=[server.pk]),
            back=reverse("servers"),
            losses=(("Address", server.url), ("Client key", "stored" if server.client_key_encrypted else "none")),
        )
        return ask(request, question)

    def away() -> str:
        remove_server(server_id=server_seq, caller=request.caller)
        return f"The build server {server.name} is removed."

    return done(request, away, servers_page, "servers")


def _changeable(request: PageRequest, server_seq: int) -> BuildServer:
    """Return a build server that its reader may change. Raises `Http404`."""
    server = visible_servers(request.caller).filter(pk=server_seq).first()
    if server is None or why_not_change(request.caller):
        raise Http404
    return server


def _edited(request: PageRequest, server_seq: int, draft: ServerDraft, says: str) -> HttpResponse:
    """Change a build server by a button, and say what it does from now on."""
    server = _changeable(request, server_seq)

    def change() -> str:
        edit_server(server_id=server_seq, caller=request.caller, draft=draft)
        return f"{server.name} {says}."

    return done(request, change, servers_page, "servers")
