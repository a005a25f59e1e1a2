"""Where a registry may be: host[:port] as Docker reads it, and a fixed path there."""

import ipaddress
import re
from contextlib import suppress
from typing import Final

from builds.domain.references import check_reference

SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
PORT: Final = re.compile(r":(\d{1,5})\Z")
HUB: Final = "docker.io"
HUB_NAMES: Final = ("index.docker.io", "registry-1.docker.io", "https://index.docker.io/v1/")
HOST_FORM: Final = (
    "Give host or host:port without path, such as registry.example:5000; the path goes to registryPrefix."
)
# Docker reads the first part of a name as a host only if it has a dot or a port, or is localhost: anything else would
# be sent to Docker's own hub.
NO_HOST: Final = "Docker would not take this for a host; give it with its domain or its port, such as {host}:443."


def pulled_host(host: str) -> str:
    """Return the host of a registry as image names have it: the names of Docker's own hub are one."""
    return HUB if host in HUB_NAMES else host


def host_problem(host: str) -> str | None:
    """Say why `host` cannot be that of a registry, or None."""
    if SCHEME.match(host):
        bare = SCHEME.sub("", host).rpartition("@")[2]  # a login is not said again
        return f"Leave the scheme out: {bare[:100]}; plain HTTP is plainHttp."
    port = PORT.search(host)
    wrong_port = port is not None and not 1 <= int(port[1]) <= 65_535
    if not host or "/" in host or "@" in host or wrong_port or len(host) > 255 or check_reference(f"{host}/image:1"):
        return HOST_FORM
    if "." not in host and ":" not in host and host != "localhost":
        return NO_HOST.format(host=host)
    with suppress(ValueError):  # an address that machines use for themselves, such as that of a cloud's metadata
        address = ipaddress.ip_address(name_of(host))
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            return "Nobody's registry is at such an address; give another one."
    return None


def name_of(host: str) -> str:
    """Return the name or the address of `host`, without port and brackets."""
    return PORT.sub("", host).strip("[]")


def prefix_problem(prefix: str) -> str | None:
    """Say why `prefix` cannot be the path before all images of a registry, or None; it may be empty."""
    if not prefix:
        return None
    if len(prefix) > 200 or ":" in prefix or "@" in prefix or check_reference(f"host.invalid/{prefix}/image:1"):
        return "Give a path of lower-case parts, such as team/images, without / at its ends."
    return None
