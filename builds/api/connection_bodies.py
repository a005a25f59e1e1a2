"""The bodies of build servers and registries as drafts. Types are checked here, what they mean in the services."""

from collections.abc import Mapping
from typing import Any, Final

from builds.api.fields import Fields
from builds.api.params import INT32
from builds.domain.steps.checks import unstorable
from builds.services.connections.certificates import LONGEST as LONGEST_PEM
from builds.services.connections.registries import RegistryDraft
from builds.services.connections.servers import ServerDraft

MOST_ITEMS: Final = 1000
LONGEST_PASSWORD: Final = 4000


def read_server(body: Mapping[str, Any]) -> ServerDraft:
    """Read a BuildServerAdd; null is the same as absent, and unknown keys are ignored."""
    fields = Fields(body)
    return ServerDraft(
        name=fields.text("buildServerName"),
        host=fields.text("buildServerHost", most=255),
        tls_verify=fields.yes_no("buildServerTlsVerify"),
        ca=fields.text("buildServerCacrt", most=LONGEST_PEM),
        certificate=fields.text("buildServerClientCert", most=LONGEST_PEM),
        client_key=fields.text("buildServerClientKey", most=LONGEST_PEM),
        capacity=fields.number("capacity"),
        enabled=fields.yes_no("useYn"),
        allowed_host_paths=_texts(fields, "allowedHostPaths"),
        account_ids=_numbers(fields, "accountSeqs"),
        errors=fields.errors,
    )


def read_registry(body: Mapping[str, Any]) -> RegistryDraft:
    """Read a RegistryAdd; null is the same as absent, and unknown keys are ignored."""
    fields = Fields(body)
    return RegistryDraft(
        name=fields.text("registryName"),
        host=fields.text("registryUrl", most=255),
        prefix=fields.text("registryPrefix"),
        plain_http=fields.flag("plainHttp"),
        username=fields.text("loginId"),
        password=fields.text("password", most=LONGEST_PASSWORD),
        has_login=fields.flag("hasLogin"),
        ca_certificate=fields.text("caCertificate", most=LONGEST_PEM),
        account_id=fields.number("accountSeq", least=1),
        enabled=fields.yes_no("useYn"),
        errors=fields.errors,
    )


def _items(fields: Fields, name: str) -> list[Any] | None:
    value = fields.values.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > MOST_ITEMS:
        fields.refuse(name, f"{name} has to be a list of at most {MOST_ITEMS:,} items.")
        return None
    return value


def _texts(fields: Fields, name: str) -> list[str] | None:
    """Return a list of texts; each item that is none is an error of its own."""
    items = _items(fields, name)
    for index, item in enumerate(items or ()):
        if not isinstance(item, str) or unstorable(item) is not None:
            fields.refuse(f"{name}[{index}]", "This has to be text without NUL; write it in quotes.")
    return None if items is None else [item for item in items if isinstance(item, str) and unstorable(item) is None]


def _numbers(fields: Fields, name: str) -> list[int] | None:
    """Return a list of numbers from 1; each item that is none is an error of its own."""
    items = _items(fields, name)
    good = [type(item) is int and 1 <= item <= INT32 for item in items or ()]
    for index, is_good in enumerate(good):
        if not is_good:
            fields.refuse(f"{name}[{index}]", f"This has to be a whole number from 1 to {INT32:,}.")
    return None if items is None else [item for item, is_good in zip(items, good, strict=True) if is_good]
