"""The start that `make run` makes, run up to its stop: `manage.py supervise` with nothing in reach to start from."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from supervisor.plan import CHECKOUT
from tests.support.measuring import measuring
from tests.support.waiting import free_port

# Root without its rights: files and low ports are refused as to any other user, and the checkout stays readable.
WITHOUT_RIGHTS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--") if os.geteuid() == 0 else ()


@dataclass(frozen=True)
class Stopped:
    """How a start ended."""

    code: int
    said: str

    @property
    def sentence(self) -> str:
        """The one line that it said; more than one is a failure."""
        assert self.said.count("\n") == 1, self.said
        return self.said.rstrip("\n")


def start(data_dir: Path, *words: str, prefix: tuple[str, ...] = (), **environment: str) -> Stopped:
    """Run `manage.py supervise`, or the command in `words`, until it stops.

    Were a wrong value taken, the start would still go no further than the database, which does not answer; and an
    engine that is named is never replaced by one of our own.
    """
    given = {
        "PATH": os.environ["PATH"],
        "BUILDHUB_DATA_DIR": str(data_dir),
        "PORT": str(free_port()),
        "DOCKER_HOST": "unix:///nowhere/docker.sock",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nowhere",
        **measuring(),
        **environment,
    }
    done = subprocess.run(
        [*prefix, sys.executable, "manage.py", *(words or ("supervise",))],
        cwd=CHECKOUT,
        env={name: value for name, value in given.items() if value},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=25,
        check=False,
    )
    return Stopped(done.returncode, done.stdout)
