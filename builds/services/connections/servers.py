"""Build servers: found for a run, and registered, changed, removed and tested by instance admins.

A server that runs refer to is never deleted, since their history names it: it is switched off instead.
"""

from functools import partial
from hashlib import sha256
from typing import Final

from django.db import transaction
from django.db.models import Q

from builds.credentials import encrypt
from builds.domain.access import Permission
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import Invalid, NotFound, NotPossible
from builds.models import Activity, Build, BuildServer, Caller, Did
from builds.queries.connections import usable_servers, visible_servers
from builds.queries.waiting import load_of
from builds.services.accounts.access import require_on
from builds.services.connections.clients import EngineProbe
from builds.services.connections.engine_facts import look_at
from builds.services.connections.server_rules import ServerDraft, kept_key, server_errors
from builds.services.dispatch import dispatch

__all__ = ["ServerDraft", "create_server", "edit_server", "find_server", "remove_server", "server_of_run", "try_server"]

REMOVE: Final = "REMOVE"
NAME_LENGTH: Final = 100
KEYS_OF_BUILDS: Final = "Builds bring the keys of this server with them; BuildHub keeps none. Press Build to try it."
SWITCHES: Final = (("switched off", "switched on"), ("drained no more", "drained"))
OFF_INSTEAD: Final = "set useYn to N instead, then it takes no further runs."


def find_server(host: str, *, account_id: int) -> BuildServer:
    """Return the enabled server that `buildServerHost` names, of those that the account may use.

    Empty is the default one, `topic:NAME` or `tcp://host:port` a stored one. A `tcp://` address that nobody has
    registered for the account is one that builds bring with them: its row is made by the first run (`server_of_run`).
    Raises `NotFound` (SERVER_NOT_FOUND).
    """
    usable = usable_servers(account_id).filter(Q(url=host) if host else Q(is_default=True))
    server = usable.filter(given_by_builds=False).order_by("-enabled", "pk").first()
    if server is None and host.startswith("tcp://"):
        given = BuildServer.objects.filter(url=host, given_by_builds=True).first()
        server = given or BuildServer(url=host, given_by_builds=True)
    if server is None or not server.enabled:
        name = host or "the default build server"
        why = "is switched off" if server else "is not known here"
        raise NotFound(
            f"{name} {why}; choose another build server, or ask an administrator.", code=ErrorCode.SERVER_NOT_FOUND
        )
    return server


def server_of_run(host: str, *, account_id: int) -> BuildServer:
    """Return the server that `find_server` finds, stored: one that builds bring with them is kept from the first run.

    So its slots are counted like those of any other, and an instance admin can set, drain and switch it off.
    """
    server = find_server(host, account_id=account_id)
    if not server.given_by_builds:
        return server
    found = {"url": host, "given_by_builds": True}
    server, _ = BuildServer.objects.get_or_create(**found, defaults={"name": _free_name(host)})
    if not server.accounts.filter(pk=account_id).exists():
        server.accounts.add(account_id)
    return server


def create_server(*, caller: Caller, draft: ServerDraft) -> BuildServer:
    """Register a build server; raises `NoRight`, or `Invalid` with all that is wrong."""
    server = BuildServer()
    with transaction.atomic():
        require_on(caller, Permission.MANAGE_SERVERS, server)
        _apply(server, draft)
        _record(caller, Did.ADD_SERVER, server)
    return server


def edit_server(*, server_id: int, caller: Caller, draft: ServerDraft) -> BuildServer:
    """Change a build server; what the draft leaves out stays, a blank key stays unless the address changes.

    The default server's address follows DOCKER_HOST and is not changed here. Raises `NotFound`, `NoRight`, `Invalid`.
    """
    with transaction.atomic():
        server = _locked(server_id, caller)
        before = (server.enabled, server.draining)
        _apply(server, draft)
        now = (server.enabled, server.draining)
        switched = [words[new] for words, old, new in zip(SWITCHES, before, now, strict=True) if new != old]
        _record(caller, Did.EDIT_SERVER, server, *switched)
        transaction.on_commit(partial(dispatch, server.pk))
    return server


def remove_server(*, server_id: int, caller: Caller) -> None:
    """Remove a build server that nothing refers to; raises `NotPossible` with what does and what to do instead."""
    with transaction.atomic():
        server = _locked(server_id, caller)
        if reason := _why_kept(server):
            raise NotPossible(REMOVE, reason)
        _record(caller, Did.REMOVE_SERVER, server)
        server.delete()


def try_server(*, server_id: int, caller: Caller) -> EngineProbe:
    """Connect to a build server as a build would; a topic answers by the worker hosts that serve it now.

    Only for those who may change the server: whoever may test may make BuildHub connect.
    """
    server = visible_servers(caller).filter(pk=server_id).first()
    if server is None:
        raise _unknown(server_id)
    require_on(caller, Permission.MANAGE_SERVERS, server)
    if server.given_by_builds:
        return EngineProbe(ok=False, message=KEYS_OF_BUILDS)
    if server.topic is None:
        return look_at(server)
    if hosts := [place.host for place in load_of(server).places]:
        return EngineProbe(ok=True, message=f"{server.url} is served by {', '.join(hosts)}.")
    remedy = f"start workers with BUILDHUB_TOPICS={server.topic} on the machine whose engine is to build."
    return EngineProbe(ok=False, message=f"No live worker host serves {server.url}; {remedy}")


def _locked(server_id: int, caller: Caller) -> BuildServer:
    """Return a server that the caller may change, its row locked."""
    server = BuildServer.objects.select_for_update().filter(pk__in=visible_servers(caller), pk=server_id).first()
    if server is None:
        raise _unknown(server_id)
    require_on(caller, Permission.MANAGE_SERVERS, server)
    return server


def _free_name(host: str) -> str:
    """Return the name of a server that builds bring with them: its address where that fits and is no other's name."""
    if len(host) <= NAME_LENGTH and not BuildServer.objects.filter(name=host).exists():
        return host
    return f"{host[: NAME_LENGTH - 9]} {sha256(host.encode()).hexdigest()[:8]}"


def _unknown(server_id: int) -> NotFound:
    return NotFound(f"There is no build server {server_id}.")


def _apply(server: BuildServer, draft: ServerDraft) -> None:
    """Check and store a draft; the key is bound to the address, so another address takes it away."""
    if errors := server_errors(server, draft):
        raise Invalid(errors)
    if draft.client_key:
        server.client_key_encrypted = encrypt(draft.client_key)
    elif not kept_key(server, draft):
        server.client_key_encrypted = ""
    for name, value in draft.columns().items():
        setattr(server, name, value)
    server.save()
    if draft.account_ids is not None:
        server.accounts.set(draft.account_ids)


def _record(caller: Caller, did: Did, server: BuildServer, *more: str) -> None:
    Activity.record(by=caller.user, did=did, detail=", ".join([f"{server.name} ({server.url})", *more]))


def _why_kept(server: BuildServer) -> str | None:
    """Say why a server cannot be removed, or None."""
    if server.is_default:
        return "The default build server follows DOCKER_HOST and cannot be removed; switch it off instead."
    if active := server.runs.active().count():
        return f"Runs wait or run on it ({active}); cancel them, or wait for their end."
    if builds := Build.objects.filter(server_host=server.url, removed_at=None).count():
        return f"Builds name it as buildServerHost ({builds}); let them name another one, or {OFF_INSTEAD}"
    if runs := server.runs.count():
        return f"The history of runs refers to it ({runs}); {OFF_INSTEAD}"
    return None
