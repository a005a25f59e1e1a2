"""`manage.py prepare`: migrations and first rows; prints one JSON line about the administrator."""

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from builds.models import BuildServer
from builds.services import setup
from builds.services.connections.clients import EngineError, EngineUnreachable, EngineUnsupported, ensure_base_image
from supervisor.processes import is_running

COLLECTED: Final = "static-files"  # in the data directory: of which files those in its `static` were made
LOOK_SECONDS: Final = 0.05
ENGINE_SECONDS: Final = 60.0  # as long as the supervisor waits for one that it has started


class Command(BaseCommand):
    """Bring database and static files to the state of this checkout."""

    help = (
        "Migrate, make the first account, administrator and sample, and bring default server and registry up to date."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Prepare; everything here may run again without harm."""
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, verbosity=0)
        collect_static()
        account = setup.ensure_account()
        password = setup.ensure_administrator(
            account, username=settings.ADMIN_USERNAME, password=settings.ADMIN_PASSWORD
        )
        server = setup.ensure_default_server(capacity=settings.WORKERS)
        if settings.DEFAULT_REGISTRY:
            setup.ensure_default_registry(
                settings.DEFAULT_REGISTRY, username=settings.REGISTRY_USER, password=settings.REGISTRY_PASSWORD
            )
        setup.ensure_sample(account)
        self._ensure_base(server)
        first = User.objects.filter(is_superuser=True).order_by("pk").first()
        username = first.get_username() if first else settings.ADMIN_USERNAME
        self.stdout.write(json.dumps({"username": username, "password": password}))

    def _ensure_base(self, server: BuildServer) -> None:
        """Make the sample's base image; an engine that cannot be used does not keep BuildHub from starting."""
        try:
            last = time.monotonic() + ENGINE_SECONDS
            while (missing := self._try_base(server)) and self._engine_comes() and time.monotonic() < last:
                time.sleep(LOOK_SECONDS)
            if missing:
                raise missing
        except EngineUnsupported as error:
            self.stderr.write(f"No build can run at DOCKER_HOST={settings.DEFAULT_ENGINE}: {error.answered}")
        except (EngineError, OSError) as error:
            self.stderr.write(f"The sample's base image could not be made: {error}")

    @staticmethod
    def _try_base(server: BuildServer) -> EngineUnreachable | None:
        """Make the base image; return why not where no engine answers."""
        try:
            ensure_base_image(server, setup.SAMPLE_BASE)
        except EngineUnreachable as error:
            return error
        return None

    @staticmethod
    def _engine_comes() -> bool:
        """Say whether the supervisor has started an engine that still runs: it answers soon, or ends."""
        pid = os.environ.get("BUILDHUB_ENGINE_PID", "")
        return pid.isdigit() and is_running(int(pid))


def collect_static() -> None:
    """Collect the static files, which takes seconds (each is hashed and compressed), unless they are as they were."""
    sources = [str(settings.STORAGES["staticfiles"])]
    for finder in get_finders():
        for name, storage in finder.list(None):
            facts = Path(storage.path(name)).stat()
            sources.append(f"{name} {facts.st_size} {facts.st_mtime_ns}")
    state = hashlib.sha256("\n".join(sources).encode()).hexdigest()
    kept = settings.DATA_DIR / COLLECTED
    if not (kept.exists() and kept.read_text() == state and settings.STATIC_ROOT.exists()):
        kept.unlink(missing_ok=True)
        call_command("collectstatic", interactive=False, verbosity=0)
        kept.write_text(state)
