"""Registries: found for a build, and registered, changed, removed and tested by the admins whose they are.

One of an account is its admins'; one that all accounts share is the instance admins'. A registry that runs refer to is
never deleted, since their images are removed through it: it is switched off instead.
"""

from typing import Final

from django.db import transaction

from builds.domain.access import Permission
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import FieldError, Invalid, NotFound, NotPossible
from builds.models import Account, Activity, BuildRun, Caller, Did, Registry
from builds.queries.connections import visible_registries
from builds.services.accounts.access import require, require_on
from builds.services.connections.registry_probe import RegistryProbe, probe_registry
from builds.services.connections.registry_rules import RegistryDraft, registry_errors

__all__ = ["RegistryDraft", "create_registry", "edit_registry", "remove_registry", "try_registry", "usable_registry"]

REMOVE: Final = "REMOVE"
OFF_INSTEAD: Final = "set useYn to N instead, then it takes no further images."


def usable_registry(seq: int, *, account_id: int) -> Registry | None:
    """Return the registry `seq` that builds of the account may push to; None for 0, the default one.

    Raises `NotFound` (REGISTRY_NOT_FOUND) for one that is unknown, of another account, or switched off.
    """
    if seq == 0:
        return None
    registry = Registry.objects.of_account(account_id).filter(pk=seq).first()
    if registry is None:
        raise NotFound(
            f"There is no registry {seq}; choose another, or 0 for the default one.", code=ErrorCode.REGISTRY_NOT_FOUND
        )
    if not registry.enabled:
        raise NotFound(f"{registry.name} is switched off; choose another registry.", code=ErrorCode.REGISTRY_NOT_FOUND)
    return registry


def create_registry(*, caller: Caller, draft: RegistryDraft) -> Registry:
    """Register a registry of the account that the draft names: of the caller's only one, else shared by all.

    Raises `NotFound` for an account that the caller may not know of, `NoRight`, or `Invalid` with all that is wrong.
    """
    with transaction.atomic():
        account_id = draft.account_id
        if account_id is not None:
            if caller.role_in(account_id) is None or not Account.objects.filter(pk=account_id).exists():
                raise NotFound(f"There is no account {account_id}.")
            require(caller, Permission.MANAGE_CONNECTIONS, account_id)
        elif not caller.is_instance_admin and caller.account_ids:
            if len(caller.account_ids) > 1:
                sentence = "You are in several accounts; name one in accountSeq."
                raise Invalid([*draft.errors, FieldError("accountSeq", sentence)])
            account_id = caller.account_ids[0]
        registry = Registry(account_id=account_id)
        require_on(caller, Permission.MANAGE_CONNECTIONS, registry)
        _apply(registry, draft, caller)
        _record(caller, Did.ADD_REGISTRY, registry)
    return registry


def edit_registry(*, registry_id: int, caller: Caller, draft: RegistryDraft) -> Registry:
    """Change a registry; what the draft leaves out stays, a login stays unless the address changes.

    The default registry's address follows BUILDHUB_REGISTRY and is not changed here. Raises `NotFound`, `NoRight`,
    `Invalid`.
    """
    with transaction.atomic():
        registry = _locked(registry_id, caller)
        _apply(registry, draft, caller)
        _record(caller, Did.EDIT_REGISTRY, registry)
    return registry


def remove_registry(*, registry_id: int, caller: Caller) -> None:
    """Remove a registry that nothing refers to; raises `NotPossible` with what does and what to do instead."""
    with transaction.atomic():
        registry = _locked(registry_id, caller)
        if reason := _why_kept(registry):
            raise NotPossible(REMOVE, reason)
        _record(caller, Did.REMOVE_REGISTRY, registry)
        registry.delete()


def try_registry(*, registry_id: int, caller: Caller) -> RegistryProbe:
    """Test a registry as builds use it (`registry_probe.py`); only for those who may change it."""
    registry = visible_registries(caller).filter(pk=registry_id).first()
    if registry is None:
        raise _unknown(registry_id)
    require_on(caller, Permission.MANAGE_CONNECTIONS, registry)
    return probe_registry(registry)


def _locked(registry_id: int, caller: Caller) -> Registry:
    """Return a registry that the caller may change, its row locked."""
    found = Registry.objects.select_for_update().filter(pk__in=visible_registries(caller), pk=registry_id).first()
    if found is None:
        raise _unknown(registry_id)
    require_on(caller, Permission.MANAGE_CONNECTIONS, found)
    return found


def _unknown(registry_id: int) -> NotFound:
    return NotFound(f"There is no registry {registry_id}.")


def _apply(registry: Registry, draft: RegistryDraft, caller: Caller) -> None:
    """Check and store a draft; the login is bound to the address, so another address takes it away."""
    if errors := registry_errors(registry, draft, may_be_private=caller.is_instance_admin):
        raise Invalid(errors)
    if caller.is_instance_admin or draft.host not in (None, registry.host):
        registry.may_be_private = caller.is_instance_admin
    for name, value in {**draft.login_columns(registry), **draft.columns()}.items():
        setattr(registry, name, value)
    registry.save()


def _record(caller: Caller, did: Did, registry: Registry) -> None:
    detail = f"{registry.name} ({registry.host})"
    Activity.record(by=caller.user, did=did, account_id=registry.account_id, detail=detail)


def _why_kept(registry: Registry) -> str | None:
    """Say why a registry cannot be removed, or None."""
    if registry.is_default:
        return "The default registry follows BUILDHUB_REGISTRY and cannot be removed; switch it off instead."
    if builds := registry.builds.filter(removed_at=None).count():
        return f"Builds push to it ({builds}); let them use another registry, or {OFF_INSTEAD}"
    runs = BuildRun.objects.filter(registry=registry).count()
    if runs or registry.builds.exists():
        return f"The history of runs refers to it ({runs}); {OFF_INSTEAD}"
    return None
