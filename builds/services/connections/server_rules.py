"""What a build server has to be: every error of a draft at once, with the field's name at the API."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit

from django.conf import settings

from builds.contract import connections as contract
from builds.contract.fields import Number, value_errors
from builds.credentials import decrypt
from builds.domain.certificates import check_tls
from builds.domain.errors import FieldError, joined
from builds.domain.steps.user_task import NEVER, opens_server
from builds.domain.topics import TOPIC_NAME
from builds.models import Account, BuildServer

TOPIC: Final = re.compile(rf"topic:{TOPIC_NAME.pattern}")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
COLUMNS: Final = (
    "name",
    "url",
    "tls_verify",
    "ca_cert",
    "client_cert",
    "capacity",
    "enabled",
    "draining",
    "allowed_host_paths",
)
VALUES: Final = contract.BuildServer()  # whose lengths and bounds are the contract's
NO_CAPACITY: Final = cast(Number, VALUES.fields["capacity"]).wrong("") or ""
MOST_PATHS: Final = 64
PEM_FIELDS: Final = {
    "ca": "buildServerCacrt",
    "certificate": "buildServerClientCert",
    "key": "buildServerClientKey",
}
KEY_OF_OTHER_ADDRESS: Final = (
    "The address has changed, and the stored client key belongs to the old one; give it again."
)
HOST_FORMS: Final = "Give tcp://host:port or topic:NAME; other addresses are only for the default build server."


@dataclass(frozen=True, slots=True)
class ServerDraft:
    """What a body says of a build server; None: not given. `errors`: what is wrong with its types already."""

    name: str | None = None
    url: str | None = None
    tls_verify: bool | None = None
    ca_cert: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    capacity: int | None = None
    enabled: bool | None = None
    draining: bool | None = None
    allowed_host_paths: Sequence[str] | None = None
    account_ids: Sequence[int] | None = None
    errors: Sequence[FieldError] = ()

    def columns(self) -> dict[str, Any]:
        """Return what is given under the names of the columns; the key and the accounts are stored apart."""
        given = {name: getattr(self, name) for name in COLUMNS}
        return {name: value for name, value in given.items() if value is not None}


def server_errors(server: BuildServer, draft: ServerDraft) -> list[FieldError]:
    """Return all that is wrong with `draft` as a new server, or as a change of the stored `server`."""
    found = [*_name_errors(server, draft), *_host_errors(server, draft)]
    wanted = draft.account_ids or ()
    accounts = set(Account.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    found += [
        *_path_errors(draft),
        *(
            FieldError(f"accountSeqs[{index}]", f"There is no account {account_id}.")
            for index, account_id in enumerate(wanted)
            if account_id not in accounts
        ),
        *_tls_errors(server, draft),
    ]
    return joined([*draft.errors, *value_errors(VALUES, draft)], found)


def kept_key(server: BuildServer, draft: ServerDraft) -> str:
    """Return the stored key where it stays: it is bound to its address and sent to no other."""
    moves = draft.url is not None and draft.url != server.url
    return "" if moves else decrypt(server.client_key_encrypted)


def _name_errors(server: BuildServer, draft: ServerDraft) -> list[FieldError]:
    field, name = "buildServerName", draft.name if draft.name is not None else server.name
    if not name.strip():
        return [FieldError(field, "Give the build server a name.")]
    if CONTROL.search(name):
        return [FieldError(field, "The name may have no control characters.")]
    if BuildServer.objects.filter(name=name).exclude(pk=server.pk).exists():
        return [FieldError(field, f"There is a build server {name} already; choose another name.")]
    return []


def _host_errors(server: BuildServer, draft: ServerDraft) -> list[FieldError]:
    field, host = "buildServerHost", draft.url
    if server.pk and host in (None, server.url):
        return []
    if server.is_default:
        return [FieldError(field, "The default build server follows DOCKER_HOST; change it there and start again.")]
    if server.given_by_builds:
        return [FieldError(field, "Builds bring this address with them; change it there.")]
    if not host or not (TOPIC.match(host) or _is_tcp(host)):
        return [FieldError(field, HOST_FORMS)]
    if other := BuildServer.objects.filter(url=host, given_by_builds=False).exclude(pk=server.pk).first():
        return [FieldError(field, f"This address is that of {other.name} already; change that one.")]
    return []


def _path_errors(draft: ServerDraft) -> list[FieldError]:
    paths = draft.allowed_host_paths or ()
    if len(paths) > MOST_PATHS:
        return [FieldError("allowedHostPaths", f"At most {MOST_PATHS} paths are allowed; name a folder above some.")]
    wrong = {
        index: "Give an absolute path without '..', such as /srv/cache."
        for index, path in enumerate(paths)
        if not path.startswith("/") or ".." in path.split("/") or len(path) > 1000 or CONTROL.search(path)
    }
    opening = {index: NEVER for index, path in enumerate(paths) if opens_server(path, settings.DEFAULT_ENGINE)}
    return [FieldError(f"allowedHostPaths[{index}]", sentence) for index, sentence in (wrong | opening).items()]


def _tls_errors(server: BuildServer, draft: ServerDraft) -> list[FieldError]:
    """Return what is wrong with the TLS fields as they would be stored.

    With TLS N they are kept unlooked at, and so are those that stay: a certificate that has expired meanwhile must
    not keep anybody from switching its server off.
    """
    tls = draft.tls_verify if draft.tls_verify is not None else server.tls_verify
    stored = (server.url, server.tls_verify, server.ca_cert, server.client_cert)
    given = (draft.url, draft.tls_verify, draft.ca_cert, draft.client_cert)
    changes = any(new is not None and new != old for new, old in zip(given, stored, strict=True))
    if not tls or not (changes or draft.client_key):
        return []
    if not (server.url if draft.url is None else draft.url).startswith("tcp://"):
        return [FieldError("buildServerTlsVerify", "TLS is for tcp:// addresses; use N with any other.")]
    texts = {
        "ca": draft.ca_cert if draft.ca_cert is not None else server.ca_cert,
        "certificate": draft.client_cert if draft.client_cert is not None else server.client_cert,
        "key": draft.client_key or kept_key(server, draft),
    }
    if missing := {which: f"With TLS, give {PEM_FIELDS[which]} in PEM." for which, text in texts.items() if not text}:
        if "key" in missing and server.client_key_encrypted:
            missing["key"] = KEY_OF_OTHER_ADDRESS
        return [FieldError(PEM_FIELDS[which], sentence) for which, sentence in missing.items()]
    return [FieldError(PEM_FIELDS[which], sentence) for which, sentence in check_tls(**texts)]


def _is_tcp(url: str) -> bool:
    """Say whether `url` is tcp://host:port and nothing more."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or "@" in parts.netloc or parts.path)
    return plain and parts.scheme == "tcp" and bool(parts.hostname) and bool(port) and url.isascii() and " " not in url
