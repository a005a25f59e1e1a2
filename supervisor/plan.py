"""What is to be started, from the settings: given services are used, missing ones are ours."""

import sys
from dataclasses import dataclass
from pathlib import Path

from supervisor.engine import DEFAULT_SOCKET
from supervisor.place import reached_at, url_of
from supervisor.processes import FIRST_ROWS, KEYS, Command, given

CHECKOUT = Path(__file__).resolve().parents[1]
CLUSTERS = ("builds", "service")
CLUSTERS_OF_TOPICS = ("builds",)  # removals and callbacks are for the host of the web server


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Where BuildHub runs and what it was given; an empty address means that we start that service ourselves.

    An engine of ours listens on `engine_socket` and gets `engine_options` (dockerd's). `serves` False: the workers of
    another machine, which serve topics alone; database and engine are given then.
    """

    data_dir: Path
    bind: str
    port: int
    database_url: str = ""
    docker_host: str = ""
    registry: str = ""
    public_url: str = ""
    serves: bool = True
    checkout: Path = CHECKOUT
    engine_socket: Path = DEFAULT_SOCKET
    engine_options: tuple[str, ...] = ()

    @property
    def local_host(self) -> str:
        """The address at which this machine reaches the web process."""
        return reached_at(self.bind)

    @property
    def url(self) -> str:
        """The address for people."""
        return self.public_url or url_of(self.bind, self.port)


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where the services are, known once they run; what `run/services.json` holds."""

    database_url: str
    docker_host: str
    registry_host: str

    def environment(self, plan: Plan) -> dict[str, str]:
        """Return the environment by which our own programs find everything; the database by run/services.json."""
        return {
            "BUILDHUB_DATA_DIR": str(plan.data_dir),
            "DOCKER_HOST": self.docker_host,
            "BUILDHUB_REGISTRY": self.registry_host,
            "PYTHONUNBUFFERED": "1",
            **({} if plan.serves else {"BUILDHUB_TOPICS_ONLY": "true"}),
            **given(KEYS),
        }


def fork_server(plan: Plan, environment: dict[str, str]) -> Command:
    """Return the command that loads our programs once, and from which all others here are forked."""
    argv = (sys.executable, "-m", "buildhub.programs")
    return Command(
        key="fork-server", name="", argv=argv, env=environment, cwd=plan.checkout, phase=2, is_fork_server=True
    )


def preparation(*, engine_pid: int | None) -> Command:
    """Return the command that makes database and first rows; it answers with a line of JSON.

    `engine_pid`: of an engine that we have started, which may not answer yet.
    """
    told = {**given(FIRST_ROWS), **({"BUILDHUB_ENGINE_PID": str(engine_pid)} if engine_pid else {})}
    return Command(key="prepare", name="", argv=("prepare",), env=told, captured=True, forked=True)


def programs(plan: Plan) -> tuple[Command, ...]:
    """Return our own long-running programs: web, the clusters of workers, the sweeper.

    Workers get three seconds: django-q2 waits for its tasks without limit, and a build that is interrupted begins
    its next attempt at the next start (docs/architecture.md, "The life of a run", step 10).
    """
    web = ("web", plan.bind, str(plan.port))
    # The web server ends by the signal that stops it (exit -15), which is clean.
    first = (Command(key="web", name="web", argv=web, phase=1, patience_seconds=4.0, forked=True),)
    clusters = CLUSTERS if plan.serves else CLUSTERS_OF_TOPICS
    return (
        *(first if plan.serves else ()),
        *(Command(key=f"worker-{word}", name="worker", argv=("qcluster", word), forked=True) for word in clusters),
        Command(key="sweeper", name="sweeper", argv=("sweep",), forked=True),
    )
