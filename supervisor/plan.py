"""What is to be started, from the settings: given services are used, missing ones are ours."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from supervisor.engine import DEFAULT_SOCKET
from supervisor.place import reached_at, url_of
from supervisor.processes import FIRST_ROWS, KEYS, Command, given

CHECKOUT = Path(__file__).resolve().parents[1]
CLUSTERS = ("builds", "service", "callbacks")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Where BuildHub runs and what it was given; an empty address means that we start that service ourselves.

    An engine of ours listens on `engine_socket` and gets `engine_options` (dockerd's).
    """

    data_dir: Path
    bind: str
    port: int
    database_url: str = ""
    docker_host: str = ""
    registry: str = ""
    public_url: str = ""
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
            **given(KEYS),
        }


def preparation(plan: Plan, environment: dict[str, str]) -> Command:
    """Return the command that makes database and first rows; it answers with a line of JSON."""
    told = {**environment, **given(FIRST_ROWS)}
    return replace(_manage(plan, "prepare", told, key="prepare", name=""), captured=True)


def programs(plan: Plan, environment: dict[str, str]) -> tuple[Command, ...]:
    """Return our own long-running programs: web, the three clusters of workers, the sweeper.

    Workers get three seconds: django-q2 waits for its tasks without limit, and a build that is interrupted begins
    its next attempt at the next start (docs/architecture.md, "The life of a run", step 10).
    """
    # The web server ends by the signal that stops it (exit -15), which is clean. Forwarded headers are not its business
    # (buildhub/proxies.py): by itself it would believe every local peer.
    argv = (
        *(sys.executable, "-m", "uvicorn", "buildhub.asgi:application", "--host", plan.bind, "--port", str(plan.port)),
        *("--lifespan", "off", "--ws", "websockets-sansio", "--ws-max-size", "4096"),
        *("--ws-per-message-deflate", "false", "--log-level", "warning", "--no-access-log"),
        *("--no-server-header", "--no-proxy-headers", "--timeout-graceful-shutdown", "3"),
    )
    pooled = {**environment, "BUILDHUB_DATABASE_POOL": "true"}
    return (
        Command(key="web", name="web", argv=argv, env=pooled, cwd=plan.checkout, phase=1, patience_seconds=4.0),
        *(
            _manage(plan, "qcluster", {**environment, "BUILDHUB_CLUSTER": word}, key=f"worker-{word}", name="worker")
            for word in CLUSTERS
        ),
        _manage(plan, "sweep", environment, key="sweeper", name="sweeper"),
    )


def _manage(plan: Plan, word: str, environment: dict[str, str], *, key: str, name: str) -> Command:
    """Return a management command as a child."""
    argv = (sys.executable, str(plan.checkout / "manage.py"), word)
    return Command(key=key, name=name, argv=argv, env=environment, cwd=plan.checkout)
