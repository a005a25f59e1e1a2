"""What the form of a build offers: the build servers and registries that its account may use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from builds.models import Build, Caller, Registry
from builds.queries.connections import usable_servers
from builds.services.builds.edit import may_create_in

Choices = Sequence[tuple[str, str]]

OWN_ENGINE: Final = "tcp://"  # chosen for an engine that nobody has registered: its address is typed beside the choice
ADMINS: Final = "account admins only"  # choose what is reached by tcp://
OFF: Final = "switched off"
DRAINING: Final = "draining: new runs wait"


@dataclass(frozen=True, slots=True)
class Places:
    """Values of `buildServerHost` and `externalRegistrySeq` with their words."""

    servers: Choices
    registries: Choices


def places_of_new(caller: Caller) -> Places:
    """Return what the account may use that a new build of the caller goes to. Raises as `may_create_in` does."""
    return _places(may_create_in(caller, None).pk)


def places_of(build: Build) -> Places:
    """Return what the account of a stored build may use."""
    return _places(build.account_id)


def _places(account_id: int) -> Places:
    usable = usable_servers(account_id).filter(given_by_builds=False).order_by("-is_default", "name")
    servers = []
    for one in usable:
        value, name = ("", "Default build server") if one.is_default else (one.url, one.name)
        states = {ADMINS: value.startswith(OWN_ENGINE), OFF: not one.enabled, DRAINING: one.draining}
        servers.append((value, _words(name, states)))
    servers.append((OWN_ENGINE, f"Another engine, by its address ({ADMINS})"))
    registries = []
    for registry in Registry.objects.of_account(account_id).order_by("-is_default", "name"):
        place = "/".join(part for part in (registry.host, registry.prefix) if part)
        value, name = ("0", "Default registry") if registry.is_default else (str(registry.pk), registry.name)
        registries.append((value, _words(f"{name}: {place}", {OFF: not registry.enabled})))
    return Places(servers, registries)


def _words(name: str, states: Mapping[str, bool]) -> str:
    said = ", ".join(words for words, is_so in states.items() if is_so)
    return f"{name} ({said})" if said else name
