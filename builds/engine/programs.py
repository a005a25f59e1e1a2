"""How programs of ours are started: they end with whoever needs them, and are found where they do not."""

import os
from typing import Final

MARK: Final = "BUILDHUB_SUPERVISED"  # by which the supervisor finds whatever has outlived its worker
# The kernel kills it with the worker's thread: a worker that is killed leaves no program behind.
WITH_ITS_PARENT: Final = ("setpriv", "--pdeathsig", "KILL", "--")


def own_mark() -> dict[str, str]:
    """Return what of our environment every program of ours gets."""
    return {MARK: os.environ[MARK]} if MARK in os.environ else {}
