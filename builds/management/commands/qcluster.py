"""`manage.py qcluster`: django-q2's cluster, so made that the death of one process does not stop the others."""

from typing import Any

from django.core.management.base import BaseCommand

from builds import cluster


class Command(BaseCommand):
    """Takes the place of django-q2's command of this name."""

    help = "Run the workers of one cluster (BUILDHUB_CLUSTER: builds, service, callbacks) in the foreground."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Start it; ends with its sentinel."""
        cluster.run()
