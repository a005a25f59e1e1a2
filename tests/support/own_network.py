"""A network namespace for each process of a test run, which changes nothing of the machine's and which nobody disturbs.

A browser drops its requests when an interface gets or loses an address (ERR_NETWORK_CHANGED): the bridge of an engine
that another process of the run starts or stops, or the veth of a RUN, to which the kernel gives an IPv6 address. Hence
a namespace for each of xdist's workers, too, in which interfaces get none by themselves. A test that uses a browser
must give none, either. The tests reach no outer network.
"""

import ctypes
import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

CLONE_NEWNET: Final = 0x40000000  # <linux/sched.h>; os.unshare is there from Python 3.12 on
NO_ADDRESS_OF_ITS_OWN: Final = "1"  # IN6_ADDR_GEN_MODE_NONE of <linux/if_link.h>


def enter_own_network() -> None:
    """Move this process and those that it will start into a new network namespace; without the right it stays."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        return
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, env={"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"})
    with suppress(OSError):  # without IPv6, or where the kernel's settings may only be read
        Path("/proc/sys/net/ipv6/conf/default/addr_gen_mode").write_text(NO_ADDRESS_OF_ITS_OWN)
