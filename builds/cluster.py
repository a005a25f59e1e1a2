"""django-q2's cluster of workers without the locks that a killed process leaves taken.

Its queues, events and timers come from `multiprocessing`, which guards them with semaphores. A process that is killed
while it holds one leaves it taken for ever: the idle worker that waits in `Queue.get()` always holds the reader's, so
that SIGKILL (the kernel's own, for want of memory, too) of just that process stops its cluster for good, while
everything looks healthy. What stands here instead needs no lock, because the kernel gives each packet of a socket to
exactly one reader, and a single writer needs none either.
"""

import os
import pickle
import select
import signal
import socket
import time
import uuid
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.sharedctypes import RawValue
from typing import Any, Final

from django.conf import settings
from django_q import cluster

from builds.domain.worker_queues import process_name
from supervisor.processes import rename

TASKS_BUFFER_BYTES: Final = (
    16 * 1024
)  # about a dozen tasks: who pulls more than workers can take, keeps them from others
PACKET_BYTES: Final = 32 * 1024  # of one packet at most; the kernel cuts longer ones (net/unix/af_unix.c)


class PacketQueue:
    """What `django_q.queues.Queue` is to a cluster, over a pair of sockets; made before the fork, used on both sides.

    With `maxsize`, `put` waits once that much is under way; how much that is, the kernel's buffer decides.
    """

    def __init__(self, maxsize: int = 0) -> None:
        self._reading, self._writing = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._longest = PACKET_BYTES
        if maxsize:
            self._writing.setsockopt(
                socket.SOL_SOCKET, socket.SO_SNDBUF, TASKS_BUFFER_BYTES // 2
            )  # the kernel doubles it
            self._longest = TASKS_BUFFER_BYTES // 2 - 64

    def put(self, item: object) -> None:
        """Hand over one item. Raises `ValueError` for one that is longer than a packet."""
        packet = pickle.dumps(item)
        if len(packet) > self._longest:
            raise ValueError(f"An item of {len(packet)} bytes is longer than a packet ({self._longest}).")
        self._writing.send(packet)

    def get(self) -> Any:
        """Wait for the next item that no other process has got."""
        return pickle.loads(self._reading.recv(PACKET_BYTES))  # noqa: S301  from our own processes only

    def empty(self) -> bool:
        """Say whether nothing is under way just now."""
        return not select.select([self._reading], [], [], 0)[0]

    def qsize(self) -> int:
        """Return 1 where something is under way: the kernel does not count packets."""
        return 0 if self.empty() else 1

    def close(self) -> None:
        """Do nothing: the sockets end with their processes."""

    def join_thread(self) -> None:
        """Do nothing: what was put is in the kernel's hands already."""


class Flag:
    """What `multiprocessing.Event` is to a cluster: once set it stays so, and who waits looks again when time is up."""

    def __init__(self) -> None:
        self._value = RawValue("b", 0)

    def set(self) -> None:
        """Set it, for all processes that have it."""
        self._value.value = 1

    def is_set(self) -> bool:
        """Say whether somebody has set it."""
        return bool(self._value.value)

    def wait(self, timeout: float) -> bool:
        """Wait `timeout` seconds (half a second between the sentinel's looks) and say whether it is set."""
        time.sleep(timeout)
        return self.is_set()


class Timer:
    """What `multiprocessing.Value` is to a worker and its sentinel; one number is written in one go."""

    def __init__(self, _kind: str, value: float) -> None:
        self._value = RawValue("f", value)

    @property
    def value(self) -> float:
        """Seconds that the worker's task may still take; below zero it has none."""
        return float(self._value.value)

    @value.setter
    def value(self, seconds: float) -> None:
        self._value.value = seconds

    def get_lock(self) -> AbstractContextManager[None]:
        """Return a lock that nobody can leave taken."""
        return nullcontext()


class Stat:
    """What `django_q.status.Stat` is to a sentinel, which saves one twice a second."""

    def __init__(self, sentinel: object) -> None: ...

    def save(self) -> None:
        """Do nothing: nobody could read it, as the cache is the process's own memory."""


def run(name: str) -> None:
    """Start the cluster `name`, and guard it until it is asked to stop."""
    settings.CLUSTER = name
    cluster.Conf.WORKERS = settings.CLUSTER_WORKERS[name]
    cluster.Conf.CLUSTER_NAME = name
    cluster.Queue, cluster.Event, cluster.Value, cluster.Stat = PacketQueue, Flag, Timer, Stat
    rename(process_name(name))
    _guard()


def _guard() -> None:
    """Be the sentinel of a cluster, which django-q2 would fork a further process for."""
    stop_asked, started = Flag(), Flag()
    sentinel = cluster.Sentinel(stop_asked, started, uuid.uuid4(), start=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop_asked.set())
    # Its own processes end at once: a build that is interrupted begins its next attempt at the next start.
    os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))
    sentinel.start()
