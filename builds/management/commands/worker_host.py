"""`manage.py worker_host`: the workers and the sweeper of another machine, which serve topics with the engine there."""

from typing import Final

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from builds.credentials import decrypt
from builds.management.commands.supervise import Command as Supervise
from builds.management.database import need_database
from builds.models import Account, WorkerHost
from supervisor.plan import Plan

NO_TOPIC: Final = "BUILDHUB_TOPICS: it names no topic: write those that this host serves, such as BUILDHUB_TOPICS=arm."
NO_DATABASE: Final = (
    "DATABASE_URL: it is not set: write the address of the database that the web server uses, as postgresql://…"
)
SAME_NAME: Final = (
    "BUILDHUB_WORKER_HOST={name!r}: the workers beside the web server are called so: write another name for this host."
)
OTHER_VERSION: Final = (
    "The database is not that of this version of BuildHub: bring this checkout and that of the web server to the same"
    " version."
)
OTHER_KEYS: Final = (
    "BUILDHUB_CREDENTIAL_KEYS: these are not the keys that the secrets in this database were stored with: write those"
    " of the web server, which keeps them in credential-keys of its data directory unless it was given any."
)


class Command(Supervise):
    """Run the workers of the topics in BUILDHUB_TOPICS until SIGTERM or Ctrl-C."""

    help = "Serve the topics in BUILDHUB_TOPICS with this machine's engine, until SIGTERM or Ctrl-C."

    def plan(self) -> Plan:
        """Return what is started; raises what keeps it from starting, with the setting that has to change."""
        if not settings.TOPICS:
            raise ImproperlyConfigured(NO_TOPIC)
        if not settings.DATABASE_URL:
            raise ImproperlyConfigured(NO_DATABASE)
        self._check_database()
        if WorkerHost.objects.filter(name=settings.WORKER_HOST, topics_only=False).exists():
            raise ImproperlyConfigured(SAME_NAME.format(name=settings.WORKER_HOST))
        connection.close()
        return Plan(
            data_dir=settings.DATA_DIR,
            bind=settings.BIND,
            port=settings.PORT,
            database_url=settings.DATABASE_URL,
            docker_host=settings.DEFAULT_ENGINE,
            registry=settings.DEFAULT_REGISTRY,
            serves=False,
        )

    def begin(self) -> None:
        """Say what this host is to others."""
        topics = ", ".join(settings.TOPICS)
        workers = "1 worker" if settings.WORKERS == 1 else f"{settings.WORKERS} workers"
        self.say(f"Worker host {settings.WORKER_HOST} serves {topics} with {workers}.")

    @staticmethod
    def _check_database() -> None:
        """Raise `CommandError` or `ImproperlyConfigured` where workers of this checkout could not work with it."""
        need_database()
        executor = MigrationExecutor(connection)
        ours = set(executor.loader.graph.nodes)
        is_newer = any(key[0] == "builds" and key not in ours for key in executor.loader.applied_migrations)
        if is_newer or executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise CommandError(OTHER_VERSION)
        try:
            for stored in Account.objects.exclude(webhook_secret_encrypted="").values_list(
                "webhook_secret_encrypted", flat=True
            )[:1]:
                decrypt(stored)
        except InvalidToken:
            raise ImproperlyConfigured(OTHER_KEYS) from None
