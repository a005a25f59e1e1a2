"""`manage.py qcluster`: django-q2's cluster, so made that the death of one process does not stop the others."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from builds import cluster


class Command(BaseCommand):
    """Takes the place of django-q2's command of this name."""

    help = "Run the workers of one cluster in the foreground."

    requires_system_checks: list[str] = []  # noqa: RUF012  Django's own annotation; they run in `prepare`

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the cluster's name."""
        names = tuple(settings.CLUSTER_WORKERS)
        parser.add_argument("cluster", nargs="?", choices=names, default=settings.CLUSTER, help="else BUILDHUB_CLUSTER")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Start it; ends with its sentinel."""
        cluster.run(options["cluster"])
