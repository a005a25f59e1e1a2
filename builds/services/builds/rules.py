"""What makes the fields of a build valid, apart from its steps (docs/contract.md, "Definitions")."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from builds.contract.builds import BuildHead, BuildLimits
from builds.contract.fields import value_errors
from builds.credentials import decrypt
from builds.domain.certificates import check_tls
from builds.domain.errors import FieldError, joined
from builds.domain.outbound import is_allowed, literal_address, private_place
from builds.domain.references import check_image_name, check_project
from builds.domain.steps.places import check_url
from builds.domain.tags import AutoTagSeqType, check_prefix, check_tag
from builds.models import Build
from builds.queries.connections import usable_servers

VALUES: Final = (BuildHead(), BuildLimits())  # whose lengths, bounds and words are the contract's
TLS_FIELDS: Final = {"ca": "buildServerCacrt", "certificate": "buildServerClientCert", "key": "buildServerClientKey"}
MISSING: Final = {
    "ca": "TLS needs the CA of the build server; paste its certificate (PEM).",
    "certificate": "TLS needs a client certificate; paste it (PEM).",
    "key": "TLS needs the client key; paste it (PEM). It is kept for one buildServerHost only.",
}
SERVER_FORMS: Final = "Leave it empty for the default server, or use topic:NAME or tcp://host:port."
PRIVATE_SERVER: Final = (
    "This address is private; ask the operator to add it to BUILDHUB_OUTBOUND_ALLOW, or to register the server."
)
PLAIN_SERVER: Final = (
    "An engine without TLS can be taken over by anybody on its network; set buildServerTlsVerify Y, or ask the"
    " operator to add the address to BUILDHUB_OUTBOUND_ALLOW."
)


def build_errors(build: Build) -> list[FieldError]:
    """Return what is wrong with names, tag rule, limits and the address of the build server."""
    return joined([error for model in VALUES for error in value_errors(model, build)], _rule_errors(build))


def _rule_errors(build: Build) -> Iterator[FieldError]:
    yield from _control_errors("buildName", build.name or build.image_name)
    yield from _control_errors("buildDesc", build.description)
    if sentence := check_project(build.project):
        yield FieldError("registryName", sentence)
    if sentence := check_image_name(build.image_name):
        yield FieldError("imageName", sentence)
    yield from _tag_errors(build)
    yield from _server_errors(build)


def tls_errors(build: Build) -> Iterator[FieldError]:
    """Yield what is wrong with CA, certificate and key: all three are there where TLS is on, and fit together."""
    texts = {
        "ca": build.server_ca_cert,
        "certificate": build.server_client_cert,
        "key": decrypt(build.server_client_key_encrypted),
    }
    needed = build.server_tls_verify and bool(build.server_host)
    missing = [which for which, text in texts.items() if needed and not text]
    yield from (FieldError(TLS_FIELDS[which], MISSING[which]) for which in missing)
    for which, sentence in check_tls(**texts):
        if which not in missing:
            yield FieldError(TLS_FIELDS[which], sentence)


def _control_errors(name: str, text: str) -> Iterator[FieldError]:
    if any(ord(character) < 32 and character not in "\n\t\r" for character in text) or (
        name == "buildName" and not text.isprintable()
    ):
        yield FieldError(name, "Control characters are not allowed here; leave them out.")


def _tag_errors(build: Build) -> Iterator[FieldError]:
    if not build.auto_tag:
        if not build.tag_name:
            yield FieldError("tagName", "Give tagName, or switch the automatic tag on (autotagUseYn Y).")
        elif sentence := check_tag(build.tag_name):
            yield FieldError("tagName", sentence)
        return
    if sentence := check_prefix(build.auto_tag_prefix):
        yield FieldError("autotagPrefix", sentence)
    if not build.auto_tag_sequence:
        yield FieldError("autotagSeqType", f"Give autotagSeqType, one of {', '.join(AutoTagSeqType)}.")


def _server_errors(build: Build) -> Iterator[FieldError]:
    host = build.server_host
    if not host and build.server_tls_verify:
        yield FieldError("buildServerTlsVerify", "TLS needs a buildServerHost; leave it N for the default server.")
    if host.startswith("tcp://"):
        is_registered = usable_servers(build.account_id).filter(url=host, given_by_builds=False).exists()
        if not is_registered and (sentence := _direct_problem(host, tls=build.server_tls_verify)):
            yield FieldError("buildServerHost", sentence)
    elif host and (not host.startswith("topic:") or not host.removeprefix("topic:").strip() or not host.isprintable()):
        yield FieldError("buildServerHost", SERVER_FORMS)


def _direct_problem(host: str, *, tls: bool) -> str | None:
    """Say what is wrong with the address of an engine that is reached directly, or None."""
    if sentence := check_url(host, ("tcp",)):
        return sentence
    parts = urlsplit(host)
    name = parts.hostname or ""
    if not parts.port or parts.path or parts.query or parts.fragment:
        return "Write it as tcp://host:port, with nothing behind the port."
    if private_place(name, allowed=settings.OUTBOUND_ALLOW):
        return PRIVATE_SERVER
    return None if tls or is_allowed(name, literal_address(name), settings.OUTBOUND_ALLOW) else PLAIN_SERVER
