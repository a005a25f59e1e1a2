"""A place to fetch code to, with all that git said, and looks at the processes of this machine meanwhile."""

import os
import threading
from contextlib import contextmanager
from pathlib import Path

from builds.engine.git.client import opened
from builds.engine.git.process import Work

PASSWORD = "s3cret-of-ada'$x"  # a quote and a dollar, that no shell may touch
HERE = ("127.0.0.0/8", "localhost")
GIB = 1024**3


class Desk:
    """A place to work in, with all that git said."""

    def __init__(self, home: Path) -> None:
        self.code, self.private = home / "code", home / "private"
        self.code.mkdir(parents=True)
        self.private.mkdir()
        self.lines: list[str] = []
        self.stopping = threading.Event()

    def say(self, line, is_step):
        self.lines.append(line)

    @contextmanager
    def at(self, repository, *, allowed=HERE, limit=GIB):
        work = Work(self.code, self.private, allowed, limit, self.stopping, self.say)
        with opened(repository, work) as found:
            yield found

    def fetch(self, repository, ref="", **bounds):
        with self.at(repository, **bounds) as found:
            return found.fetch(ref, self.code / "app")

    def read(self, name):
        return (self.code / "app" / name).read_text(encoding="utf-8")


@contextmanager
def sampled():
    """Give a list that grows, as long as the block lasts, by arguments and environments of all processes."""
    seen, stop = [], threading.Event()
    sampler = threading.Thread(target=_sample, args=(seen, stop))
    sampler.start()
    try:
        yield seen
    finally:
        stop.set()
        sampler.join()


def _sample(seen, stop):
    """Keep arguments and environment of every process, as often as they can be read."""
    while not stop.is_set():
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                for name in ("cmdline", "environ"):
                    seen.append(_read(entry / name))


def processes_with(path, where="environ"):
    """Return the processes that have `path` in their environment, or their `cmdline`."""
    return [found for found in Path("/proc").glob(f"[0-9]*/{where}") if os.fsencode(path) in _read(found)]


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""
