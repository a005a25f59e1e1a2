"""What each setting may be. A rule takes the value and returns `what is wrong: what to write`, or None."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from django.core.exceptions import ValidationError

from builds.domain.address_ranges import check_range
from builds.domain.references import UNPRINTABLE, check_reference
from builds.domain.registry_addresses import SCHEME, host_problem, prefix_problem
from builds.domain.topics import TOPIC_NAME

HOST_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\.?\Z")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
SECRET_KEY_LENGTH: Final = 50  # Django's own check asks for as much, and for 5 different signs (security.W009)
SECRET_KEY_SIGNS: Final = 5
DATABASE_FORM: Final = (
    "write postgresql://user:password@host:port/name, in user and password %25 for %, %2F for /, %3A for :, %40 for @, "
    "%23 for # and %3F for ?."
)
PUBLIC_FORM: Final = "write http://host[:port] or https://host[:port]."
ENGINE_FORM: Final = "write unix:///path/to/docker.sock or tcp://host:port."
REGISTRY_FORM: Final = "write host[:port][/prefix], such as registry.example:5000/team."
CREDENTIAL_FORM: Final = (
    "write keys as `python3 -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'` prints "
    "them, newest first, with commas between."
)
PASSWORD_PROBLEMS: Final = {
    "password_too_short": "is too short: write at least 8 characters.",
    "password_too_common": "is among the passwords that everybody tries: write another one.",
    "password_entirely_numeric": "has only digits: write other signs too.",
    "password_too_similar": "is too much like the user name: write another one.",
}


def bind(value: str) -> str | None:
    """Hold BUILDHUB_BIND to one address; whether it is one of this machine is seen at the start."""
    if value == "localhost" or _is_address(value):
        return None
    return "no IP address: write one of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them."


def public_url(value: str) -> str | None:
    """Hold BUILDHUB_PUBLIC_URL to scheme, host and port; the host becomes one of Django's ALLOWED_HOSTS, so no `*`."""
    parts = _split(value)
    if parts is None or parts.scheme not in ("http", "https") or not _is_host(parts.hostname or ""):
        return f"no address of a host: {PUBLIC_FORM}"
    if "@" in parts.netloc:
        return f"a user stands before the host: {PUBLIC_FORM}"
    if parts.path.strip("/") or parts.query or parts.fragment or "?" in value or "#" in value:
        return f"something follows the host, and BuildHub has to be at the root: {PUBLIC_FORM}"
    return None


def database_url(value: str) -> str | None:
    """Hold DATABASE_URL to PostgreSQL's form; nothing of it is repeated, any part may be a piece of the password."""
    parts = _split(value)
    if parts is None or parts.scheme not in ("postgresql", "postgres") or parts.fragment:
        return f"no address of a PostgreSQL database: {DATABASE_FORM}"
    if not parts.path.strip("/") or "/" in parts.path[1:]:
        return f"names no database, or more than one: {DATABASE_FORM}"
    if parts.query and not _are_options(parts.query):
        return "what follows ? is no option of PostgreSQL: write such as ?sslmode=require, or leave it out."
    return None


def docker_host(value: str) -> str | None:
    """Hold DOCKER_HOST to what the engine's client can reach (builds/engine/client.py)."""
    parts = _split(value)
    if parts is None or len(value) > 255:
        return f"no address of an engine: {ENGINE_FORM}"
    if parts.scheme == "ssh":
        return f"BuildHub does not reach an engine through ssh: {ENGINE_FORM}"
    is_socket = parts.scheme == "unix" and not parts.netloc and parts.path.strip("/")
    is_tcp = parts.scheme == "tcp" and _is_host(parts.hostname or "") and parts.port and not parts.path.strip("/")
    if (is_socket or is_tcp) and not (parts.query or parts.fragment or "@" in parts.netloc):
        return None
    return f"no address of an engine: {ENGINE_FORM}"


def registry(value: str) -> str | None:
    """Hold BUILDHUB_REGISTRY to the host of an image reference with a prefix."""
    if SCHEME.match(value):
        return f"a registry has no scheme here: {REGISTRY_FORM}"
    if UNPRINTABLE.search(value):
        return f"it holds a blank: {REGISTRY_FORM}"
    host, slash, prefix = value.partition("/")
    if host.replace("-", "").isalnum() and host_problem(host):
        return f"Docker does not take {host!r} for a host: write its domain or its port too, such as {host}:443."
    if host_problem(host) or prefix_problem(prefix) or (slash and not prefix):
        return f"no address of a registry: {REGISTRY_FORM}"
    return None


def image(value: str) -> str | None:
    """Hold BUILDHUB_TOOLS_IMAGE to an image reference."""
    return check_reference(value) and "no image reference: write host/path:tag, or unset it for an image of busybox."


def registry_user(value: str) -> str | None:
    """Hold BUILDHUB_REGISTRY_USER to what may stand in a login (RFC 7617)."""
    if ":" in value or CONTROL.search(value) or len(value) > 200:
        return "no user of a registry: write up to 200 characters, no colon among them."
    return None


def outbound(entry: str) -> str | None:
    """Hold an entry of BUILDHUB_OUTBOUND_ALLOW to a host's name, an address or a range."""
    if "/" not in entry and HOST_NAME.match(entry) and not entry.rstrip(".").rpartition(".")[2].isdigit():
        return None
    return _range_problem(entry, "is neither host nor range: write such as git.example, 10.1.2.3 or 10.1.0.0/16")


def trusted_proxy(entry: str) -> str | None:
    """Hold an entry of BUILDHUB_TRUSTED_PROXIES to an address or a range."""
    return _range_problem(entry, "is neither address nor range: write such as 127.0.0.1 or 10.1.0.0/16")


def topic(entry: str) -> str | None:
    """Hold an entry of BUILDHUB_TOPICS to a topic's name."""
    if entry.startswith("topic:"):
        return f"`topic:` is for build servers: write only {entry.removeprefix('topic:').strip()[:100] or 'the name'}."
    if TOPIC_NAME.match(entry):
        return None
    return f"{entry[:100]!r} is no topic: write letters, digits and . _ - (at most 100), with commas between topics."


def secret_key(value: str) -> str | None:
    """Hold BUILDHUB_SECRET_KEY to what cannot be guessed."""
    if len(value) >= SECRET_KEY_LENGTH and len(set(value)) >= SECRET_KEY_SIGNS:
        return None
    return f"is too short or too uniform: write at least {SECRET_KEY_LENGTH} random characters, or let it be made."


def credential_keys(value: str) -> str | None:
    """Hold BUILDHUB_CREDENTIAL_KEYS to Fernet keys: 32 bytes in URL-safe base64, with commas between."""
    keys = [key.strip() for key in value.split(",")]
    for position, key in enumerate(keys, start=1):
        if not _is_fernet_key(key):
            return f"key {position} of {len(keys)} is no key: {CREDENTIAL_FORM}"
    return None


def admin_username(value: str) -> str | None:
    """Hold BUILDHUB_ADMIN_USERNAME to Django's rule for user names."""
    from django.contrib.auth.validators import UnicodeUsernameValidator  # noqa: PLC0415  as in `_are_options`

    try:
        UnicodeUsernameValidator()(value)
    except ValidationError:
        pass
    else:
        if len(value) <= 150:
            return None
    return "no user name: write up to 150 letters, digits and @ . + - _."


def admin_password(value: str, *, username: str, validators: Sequence[dict[str, Any]]) -> str | None:
    """Hold BUILDHUB_ADMIN_PASSWORD to `validators`, those that every password has to pass.

    Their own sentences cannot be had while the settings are being read (translation asks for them), so ours stand here.
    """
    from django.contrib.auth.password_validation import get_password_validators  # noqa: PLC0415  as in `_are_options`

    field = SimpleNamespace(verbose_name="user name")
    user: Any = SimpleNamespace(username=username, _meta=SimpleNamespace(get_field=lambda _name: field))
    checks: list[Any] = get_password_validators(validators)
    for validator in checks:
        validator.get_error_message = lambda *_args: ""
        try:
            validator.validate(value, user)
        except ValidationError as error:
            return PASSWORD_PROBLEMS.get(str(error.code), "is against the rules for passwords: write another one.")
    return None


def _range_problem(entry: str, else_: str) -> str | None:
    """Say why `entry` is no address or range; `else_` where it is nothing like one."""
    problem = check_range(entry)
    if problem is None:
        return None
    if "within a range" in problem:
        return problem.replace("; write", ": write", 1)
    return f"{entry[:60]!r} {else_}, by commas."


def _are_options(query: str) -> bool:
    """Say whether libpq knows what follows the ? of an address."""
    import psycopg.conninfo  # noqa: PLC0415  a quarter of the time of a start that stops

    try:
        psycopg.conninfo.make_conninfo(**dict(parse_qsl(query, strict_parsing=True)))
    except (psycopg.ProgrammingError, ValueError):
        return False
    return True


def _split(value: str) -> SplitResult | None:
    """Split an address; None where it cannot be read, or holds what `urlsplit` would silently drop."""
    if UNPRINTABLE.search(value):
        return None
    try:
        parts = urlsplit(value)
        return None if parts.port == 0 else parts
    except ValueError:
        return None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_host(text: str) -> bool:
    """Say whether `text` is a host's name or an address; of digits and dots alone only an address is."""
    is_name = HOST_NAME.match(text) and ".." not in text and not text.rstrip(".").rpartition(".")[2].isdigit()
    return bool(is_name) or _is_address(text)


def _is_fernet_key(text: str) -> bool:
    try:
        return text.isascii() and len(base64.b64decode(text, altchars=b"-_", validate=True)) == 32
    except (binascii.Error, ValueError):
        return False
