"""What the page of registries shows: where images go, who uses each, and what its reader may change."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from builds.domain.access import Permission
from builds.models import Account, Caller, Registry
from builds.queries.connections import visible_registries, with_use
from builds.services.accounts.access import why_not
from builds.services.connections.clients import is_local

MOST_ACCOUNTS: Final = 100  # to choose from
MOST: Final = 200  # registries on the page


@dataclass(frozen=True, slots=True)
class RegistryRow:
    """One registry, with `used_by` and `last_used`, and whether its reader may change it."""

    registry: Any
    may_change: bool

    @property
    def connection(self) -> str:
        """Say how it is reached; engines and BuildHub speak plain HTTP to registries of this machine."""
        if is_local(self.registry.host):
            return "plain HTTP, this machine"
        if self.registry.plain_http:
            return "plain HTTP"
        return "TLS, own CA" if self.registry.ca_certificate else "TLS"


@dataclass(frozen=True, slots=True)
class RegistriesScreen:
    """The registries that somebody may know of."""

    rows: Sequence[RegistryRow]
    may_add: bool


def registries_screen(caller: Caller) -> RegistriesScreen:
    """Read the registries of the caller's accounts and those of all."""
    found = with_use(visible_registries(caller).select_related("account")[:MOST])
    rows = [RegistryRow(registry, may_change=may_change(caller, registry)) for registry in found]
    return RegistriesScreen(rows, may_add=bool(possible_owners(caller)))


def may_change(caller: Caller, registry: Registry) -> bool:
    """Say whether the caller may change, test and remove a registry."""
    return why_not(caller, Permission.MANAGE_CONNECTIONS, registry) is None


def possible_owners(caller: Caller) -> list[tuple[object, str]]:
    """Return whose registry a new one of the caller may become, by number and name; every account's has no number."""
    accounts = Account.objects.order_by("pk")
    if not caller.sees_everything:
        accounts = accounts.filter(pk__in=caller.account_ids)
    managed = [one for one in accounts[:MOST_ACCOUNTS] if why_not(caller, Permission.MANAGE_CONNECTIONS, one) is None]
    everybody: list[tuple[object, str]] = [("", "Every account")] if caller.is_instance_admin else []
    return [*everybody, *((one.pk, one.name) for one in managed)]
