"""What a registry has to be: every error of a draft at once, with the field's name at the API."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from builds.contract import connections as contract
from builds.contract.fields import value_errors
from builds.credentials import encrypt
from builds.domain.certificates import check_tls
from builds.domain.errors import FieldError, joined
from builds.domain.outbound import private_place
from builds.domain.registry_addresses import host_problem, name_of, prefix_problem
from builds.models import Registry

STAYS: Final = "A registry stays with its account; create another one for that account."
PRIVATE: Final = (
    "This address is private; ask the operator to add it to BUILDHUB_OUTBOUND_ALLOW, or an instance admin to register"
    " the registry."
)
VALUES: Final = contract.Registry()  # whose lengths are the contract's
COLUMNS: Final = ("name", "host", "prefix", "plain_http", "ca_certificate", "enabled")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class RegistryDraft:
    """What a body says of a registry; None: not given. `errors`: what is wrong with its types already."""

    name: str | None = None
    host: str | None = None
    prefix: str | None = None
    plain_http: bool | None = None
    username: str | None = None
    password: str | None = None
    has_login: bool | None = None  # False takes a stored login away
    ca_certificate: str | None = None
    account_id: int | None = None
    enabled: bool | None = None
    errors: Sequence[FieldError] = ()

    def columns(self) -> dict[str, Any]:
        """Return what is given under the names of the columns; the login and the account are stored apart."""
        given = {name: getattr(self, name) for name in COLUMNS}
        return {name: value for name, value in given.items() if value is not None}

    def login_columns(self, registry: Registry) -> dict[str, Any]:
        """Return the columns of the login as this changes them: it is bound to the address of `registry`."""
        if self.has_login is False and not self.username:
            return {"username": "", "password_encrypted": ""}
        kept = {} if not self.moves(registry) else {"username": "", "password_encrypted": ""}
        named = {"username": self.username} if self.username else {}
        return {**kept, **named, **({"password_encrypted": encrypt(self.password)} if self.password else {})}

    def moves(self, registry: Registry) -> bool:
        """Say whether the address changes; TLS given up counts, since the login would then cross in the open."""
        to_plain = bool(self.plain_http) and not registry.plain_http
        return (self.host is not None and self.host != registry.host) or to_plain


def registry_errors(registry: Registry, draft: RegistryDraft, *, may_be_private: bool) -> list[FieldError]:
    """Return all that is wrong with `draft` as a new registry, or as a change of the stored `registry`.

    `may_be_private`: an instance admin gives it, who may name any address.
    """
    found = [
        *_name_errors(registry, draft),
        *_host_errors(registry, draft, may_be_private=may_be_private),
        *_prefix_errors(registry, draft),
        *_login_errors(registry, draft),
    ]
    if registry.pk and draft.account_id not in (None, registry.account_id):
        found.append(FieldError("accountSeq", STAYS))
    certificates = check_tls(ca=draft.ca_certificate or "", certificate="", key="")
    found += [FieldError("caCertificate", sentence) for _, sentence in certificates]
    return joined([*draft.errors, *value_errors(VALUES, draft)], found)


def _name_errors(registry: Registry, draft: RegistryDraft) -> list[FieldError]:
    field, name = "registryName", draft.name if draft.name is not None else registry.name
    if not name.strip():
        return [FieldError(field, "Give the registry a name.")]
    if CONTROL.search(name):
        return [FieldError(field, "The name may have no control characters.")]
    same = Registry.objects.filter(name=name, account=registry.account).exclude(pk=registry.pk)
    return [FieldError(field, f"There is a registry {name} already; choose another name.")] if same.exists() else []


def is_private(host: str) -> bool:
    """Say whether a registry's `host` is written down as a private address that the operator's list has not."""
    return private_place(name_of(host), allowed=settings.OUTBOUND_ALLOW)


def _host_errors(registry: Registry, draft: RegistryDraft, *, may_be_private: bool) -> list[FieldError]:
    field, host = "registryUrl", draft.host
    if registry.pk and host in (None, registry.host):
        return []
    if registry.is_default:
        return [FieldError(field, "The default registry follows BUILDHUB_REGISTRY; change it there and start again.")]
    sentence = host_problem(host or "")
    if not sentence and not may_be_private and is_private(host or ""):
        sentence = PRIVATE
    return [FieldError(field, sentence)] if sentence else []


def _prefix_errors(registry: Registry, draft: RegistryDraft) -> list[FieldError]:
    field, prefix = "registryPrefix", draft.prefix
    if not prefix or prefix == registry.prefix:
        return []
    if registry.is_default:
        return [FieldError(field, "The default registry follows BUILDHUB_REGISTRY; change it there and start again.")]
    sentence = prefix_problem(prefix)
    return [FieldError(field, sentence)] if sentence else []


def _login_errors(registry: Registry, draft: RegistryDraft) -> list[FieldError]:
    """Return what is wrong with the login as it would be stored: a user with a password, or neither."""
    moves = draft.moves(registry)
    stored_user = "" if moves or draft.has_login is False else registry.username
    if draft.password and not (draft.username or stored_user):
        return [FieldError("loginId", "A password needs a user; give loginId with it.")]
    if draft.username and (":" in draft.username or CONTROL.search(draft.username)):
        return [FieldError("loginId", "The user may hold neither a colon nor control characters (RFC 7617).")]
    if draft.password and CONTROL.search(draft.password):
        return [FieldError("password", "The password may hold no control characters, such as a line end.")]
    if draft.username and draft.username != stored_user and not draft.password:
        return [
            FieldError("password", "Give the password of this user; a stored one belongs to another address or user.")
        ]
    return []
