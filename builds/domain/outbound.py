"""Which addresses a callback may name (build-api.md section 5 "Run"; security.md, F1)."""

import ipaddress
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
SHARED: Final = ipaddress.ip_network("100.64.0.0/10")  # carrier-grade NAT: not private by name, yet never public


def check_callback_url(url: str, *, allowed: Sequence[str] = ()) -> str | None:
    """Say what is wrong with one callback address, or None. `allowed`: hosts and networks that may be private."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return "The callback address cannot be read; use http://host/path or https://host/path."
    if any(ord(sign) <= 32 or ord(sign) == 127 for sign in url):
        return "The callback address holds a blank or a control character; encode it."
    if parts.scheme not in ("http", "https") or not host:
        return "Use http://host/path or https://host/path for the callback."
    if parts.username is not None or parts.password is not None:
        return "Leave user and password out of the callback address; deliveries are signed instead."
    address = literal_address(host)
    if host.rstrip(".") == "localhost" or (address is not None and not is_public(address)):
        return None if is_allowed(host, address, allowed) else _PRIVATE
    return None


_PRIVATE = (
    "This callback address is private; ask the operator to add it to BUILDHUB_OUTBOUND_ALLOW, or use a public one."
)


def literal_address(host: str) -> Address | None:
    """Return the address that `host` writes down, in any dress that a resolver takes (127.1, 0x7f000001, 017.1)."""
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return _old_form(host.rstrip("."))


def is_public(address: Address) -> bool:
    """Say whether an address can be reached by everybody, looking through the IPv6 forms that carry IPv4."""
    inner = _carried(address)
    if inner is not None:
        return is_public(inner)
    if isinstance(address, ipaddress.IPv4Address) and address in SHARED:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_allowed(host: str, address: Address | None, allowed: Sequence[str]) -> bool:
    """Say whether the operator's list names this host or a network that holds this address."""
    for entry in allowed:
        if entry.lower().rstrip(".") == host.lower().rstrip("."):
            return True
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            continue
        if address is not None and address.version == network.version and address in network:
            return True
    return False


def _carried(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in ipaddress.ip_network("64:ff9b::/96"):  # NAT64
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _old_form(host: str) -> ipaddress.IPv4Address | None:
    """Read the forms of inet_aton: one to four numbers, decimal, octal or hexadecimal; the last fills the rest."""
    parts = host.split(".")
    if not 1 <= len(parts) <= 4:
        return None
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:
        return None
    *heads, last = numbers
    if any(head > 255 for head in heads) or last >= 256 ** (4 - len(heads)):
        return None
    value = last + sum(head << (24 - 8 * place) for place, head in enumerate(heads))
    return ipaddress.IPv4Address(value)


def _number(part: str) -> int:
    if not part.isascii() or not part.isalnum():
        raise ValueError(part)
    if part.lower().startswith("0x"):
        return int(part[2:] or "0", 16)
    return int(part, 8) if part.startswith("0") and len(part) > 1 else int(part, 10)
