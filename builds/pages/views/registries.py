"""`/registries`: where images go; add, edit, test, switch off and remove one."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from builds.domain.errors import Refused
from builds.models import Registry
from builds.pages.access import PageRequest, only_by_post, signed_in
from builds.pages.deeds import done, stored
from builds.pages.question import Question, ask
from builds.pages.registry_form import RegistryForm
from builds.pages.screens.registries import may_change, possible_owners, registries_screen
from builds.queries.connections import visible_registries
from builds.services.connections.registries import (
    RegistryDraft,
    create_registry,
    edit_registry,
    remove_registry,
    try_registry,
)

FORM = "pages/registry_form.html"
NO_RIGHT = "Add registries: this needs the role account admin."


@require_safe
@signed_in
def registries(request: PageRequest) -> HttpResponse:
    """Answer `/registries`."""
    return registries_page(request)


@sensitive_post_parameters("password", "loginId")
@require_http_methods(["GET", "POST"])
@signed_in
def new(request: PageRequest) -> HttpResponse:
    """Show the form of a new registry, and store it."""
    owners = possible_owners(request.caller)
    if not owners:
        return render(request, "403.html", {"sentence": NO_RIGHT}, status=403)
    form = RegistryForm(request.POST if request.method == "POST" else None, owners=owners)

    def save() -> str:
        made = create_registry(caller=request.caller, draft=form.draft())
        return f"The registry {made.name} is registered."

    return stored(request, form, save, FORM, "registries")


@sensitive_post_parameters("password", "loginId")
@require_http_methods(["GET", "POST"])
@signed_in
def edit(request: PageRequest, registry_seq: int) -> HttpResponse:
    """Show the form of a registry, and store it."""
    registry = _changeable(request, registry_seq)
    is_sent = request.method == "POST"
    form = RegistryForm(request.POST, stored=registry) if is_sent else RegistryForm.of_registry(registry)

    def save() -> str:
        changed = edit_registry(registry_id=registry_seq, caller=request.caller, draft=form.draft())
        return f"The registry {changed.name} is stored."

    return stored(request, form, save, FORM, "registries", registry=registry)


@only_by_post("registries")
def test(request: PageRequest, registry_seq: int) -> HttpResponse:
    """Test a registry and show what was found on the page."""
    registry = _changeable(request, registry_seq)
    try:
        probe = try_registry(registry_id=registry_seq, caller=request.caller)
    except Refused as refused:
        return registries_page(request, banner=refused.sentence, status=refused.status)
    return registries_page(request, probe=probe, tested=registry)


@only_by_post("registries")
def switch(request: PageRequest, registry_seq: int) -> HttpResponse:
    """Switch a registry off or on."""
    registry, enabled = _changeable(request, registry_seq), request.POST.get("useYn") == "Y"

    def change() -> str:
        edit_registry(registry_id=registry_seq, caller=request.caller, draft=RegistryDraft(enabled=enabled))
        return f"{registry.name} is switched {'on' if enabled else 'off: it takes no further images'}."

    return done(request, change, registries_page, "registries")


@require_http_methods(["GET", "POST"])
@signed_in
def remove(request: PageRequest, registry_seq: int) -> HttpResponse:
    """Ask, then remove a registry."""
    registry = _changeable(request, registry_seq)
    if request.method == "GET":
        question = Question(
            title=f"Remove the registry {registry.name}?",
            sentence="Its images stay where they are; BuildHub forgets its address and its login.",
            confirm="Remove registry",
            action=reverse("remove-registry", args=[registry.pk]),
            back=reverse("registries"),
            losses=(("Address", registry.host), ("Login", "stored" if registry.username else "none")),
        )
        return ask(request, question)

    def away() -> str:
        remove_registry(registry_id=registry_seq, caller=request.caller)
        return f"The registry {registry.name} is removed."

    return done(request, away, registries_page, "registries")


def _changeable(request: PageRequest, registry_seq: int) -> Registry:
    """Return a registry that its reader may change. Raises `Http404`."""
    registry = visible_registries(request.caller).filter(pk=registry_seq).first()
    if registry is None or not may_change(request.caller, registry):
        raise Http404
    return registry


def registries_page(request: PageRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    """Render the list, with what was refused or found where something was."""
    context = {"screen": registries_screen(request.caller), **more}
    return render(request, "pages/registries.html", context, status=status)
