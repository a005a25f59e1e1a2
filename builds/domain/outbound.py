"""Which addresses users may send BuildHub to (docs/security.md, "Addresses that users give")."""

import ipaddress
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit, urlunsplit

# What localhost is without asking a resolver (RFC 6761); a delivery looks at the address that is really reached.
LOOPBACK: Final = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# What Python 3.11 takes for public although it leads, or may lead, to where nobody else can go.
NEVER_PUBLIC: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",  # carrier-grade NAT
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "::/96",  # an IPv4 address inside, as it was written long ago
        "64:ff9b::/96",  # NAT64: any IPv4 address inside
        "64:ff9b:1::/48",  # NAT64 of a local network
        "2001::/23",  # Teredo, ORCHID and their like
        "2002::/16",  # 6to4: any IPv4 address inside
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local, as it was before fc00::/7
    )
)


def check_callback_url(url: str, *, allowed: Sequence[str] = ()) -> str | None:
    """Say what is wrong with one callback address, or None. `allowed`: hosts and networks that may be private."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return "The callback address cannot be read; use http://host/path or https://host/path."
    if any(ord(character) <= 32 or ord(character) == 127 for character in url):
        return "The callback address holds a blank or a control character; encode it."
    if parts.scheme not in ("http", "https") or not host:
        return "Use http://host/path or https://host/path for the callback."
    if parts.username is not None or parts.password is not None:
        return "Leave user and password out of the callback address; deliveries are signed instead."
    return _PRIVATE if private_place(host, allowed=allowed) else None


def private_place(host: str, *, allowed: Sequence[str] = ()) -> bool:
    """Say whether `host` is localhost or writes down a private address, and the operator's list has it not."""
    address = literal_address(host)
    own = LOOPBACK if host.rstrip(".").lower() == "localhost" else (address,) if address else ()
    is_private = bool(own) and not all(is_public(one) for one in own)
    return is_private and not any(is_allowed(host, one, allowed) for one in own)


_PRIVATE = "This address is private; ask the operator to add it to BUILDHUB_OUTBOUND_ALLOW, or use a public one."


def literal_address(host: str) -> Address | None:
    """Return the address that `host` writes down, in any form that a resolver takes (127.1, 0x7f000001, 017.1)."""
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return _old_form(host.rstrip("."))


def is_public(address: Address) -> bool:
    """Say whether an address can be reached by everybody; one that carries an IPv4 address inside never counts."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)  # the same address in another form
    if any(address.version == network.version and address in network for network in NEVER_PUBLIC):
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


def without_query(url: str) -> str:
    """Return an address as it may be shown and logged: scheme, host and path."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


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
