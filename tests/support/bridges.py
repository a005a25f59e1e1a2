"""A network bridge for the engine of the tests, so that two of them (or one beside `make run`) do not meet.

Measured on docker.io 20.10.24: with `--bridge=none` every BuildKit RUN fails ("network bridge not found"), and docker0
is deleted, another engine's too; two daemons on one docker0 give the same addresses to two containers; with a bridge of
its own and `--iptables=false` a RUN works, has an address, and nothing of the machine's packet filter is touched. The
tests' builds reach no outer network.
"""

import ipaddress
import json
import os
import random
import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from supervisor.processes import is_running

# What else keeps a dockerd from touching the machine's packet filter and routes.
QUIET = ("--iptables=false", "--ip6tables=false", "--ip-forward=false")
OF_A_TEST_RUN = re.compile(r"bh-(\d+)-")  # the process that made it
RANGES = tuple(ipaddress.ip_network("172.24.0.0/13").subnets(new_prefix=24))  # 2,048 of them


@contextmanager
def own_bridge() -> Iterator[tuple[str, ...]]:
    """Give dockerd's options for a bridge that exists during the block."""
    name = make_bridge()
    try:
        yield (f"--bridge={name}", *QUIET)
    finally:
        remove_bridge(name)


def make_bridge() -> str:
    """Make a bridge with an address of a range that no interface here has; return its name."""
    _remove_abandoned()
    name = f"bh-{os.getpid()}-{secrets.token_hex(2)}"  # 15 signs at most
    for network in random.SystemRandom().sample(RANGES, 64):  # two runs at one moment choose unlike ones
        if not _is_used(network):
            _ip("link", "add", "name", name, "type", "bridge")
            _ip("address", "add", f"{network[1]}/24", "dev", name)
            _ip("link", "set", name, "up")
            return name
    raise RuntimeError("no free address range for a bridge")


def remove_bridge(name: str) -> None:
    """Remove the bridge; one that has gone is no error."""
    subprocess.run(["ip", "link", "delete", name], check=False, capture_output=True)


def _remove_abandoned() -> None:
    """Remove bridges of test runs that were killed."""
    for name in (link["ifname"] for link in links()):
        if (found := OF_A_TEST_RUN.match(name)) and not is_running(int(found[1])):
            remove_bridge(name)


def links() -> list[dict[str, Any]]:
    """Return the interfaces with their addresses, as `ip` tells them: /sys may be that of another network namespace."""
    shown = subprocess.run(["ip", "-json", "address"], capture_output=True, text=True, check=True).stdout
    return [link for link in json.loads(shown) if link]


def _is_used(network: ipaddress.IPv4Network) -> bool:
    """Say whether an interface of this machine has an address in `network`."""
    shown = subprocess.run(["ip", "-4", "-o", "address"], check=True, capture_output=True, text=True).stdout
    interfaces = (ipaddress.ip_interface(line.split()[3]) for line in shown.splitlines())
    return any(interface.network.overlaps(network) for interface in interfaces)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
