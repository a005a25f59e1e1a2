"""From where a token may be used: addresses and CIDR ranges, the blocked ones win."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def check_range(text: str) -> str | None:
    """Say what is wrong with an address or range, or None where it can be kept."""
    try:
        ip_network(text)
    except ValueError as error:
        if "host bits" in str(error):
            return f"{text} names an address within a range; write {ip_network(text, strict=False)}, or the address."
        return f"{text[:60]} is no address; write one such as 192.0.2.7, or a range such as 192.0.2.0/24."
    return None


def normal_range(text: str) -> str:
    """Return a valid address or range as it is kept: `192.0.2.7` is `192.0.2.7/32`."""
    return str(ip_network(text))


def refused_address(address: str, *, allowed: Iterable[str], blocked: Iterable[str]) -> str | None:
    """Say why `address` is refused, or None; no allowed range means from anywhere.

    An address that cannot be read (a socket file has none) is refused as soon as any range is set.
    """
    allowed_ranges, blocked_ranges = _networks(allowed), _networks(blocked)
    if not allowed_ranges and not blocked_ranges:
        return None
    found = _address(address)
    if found is None:
        return "This token may be used from certain addresses only, and the address of this call is not known."
    if any(found in network for network in blocked_ranges):
        return f"This token is blocked for the address {found}; call from another one, or change its ranges."
    if allowed_ranges and not any(found in network for network in allowed_ranges):
        return f"This token may not be used from {found}; call from an address within its allowed ranges."
    return None


def plain_address(text: str) -> str | None:
    """Return `text` as addresses are compared: no zone, IPv4 where it is that within IPv6; None where it is none."""
    found = _address(text)
    return None if found is None else str(found)


def _networks(ranges: Iterable[str]) -> list[Network]:
    return [ip_network(text) for text in ranges]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address; one of IPv4 that came in over IPv6 is what it is."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
