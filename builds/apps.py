"""The app's configuration."""

import importlib
import sys

from django.apps import AppConfig


class BuildsConfig(AppConfig):
    """BuildHub's one app."""

    name = "builds"
    verbose_name = "BuildHub"

    def ready(self) -> None:
        """Load what workers run before django-q2 forks them: the first run starts as quickly as the next."""
        if "qcluster" in sys.argv:
            importlib.import_module("builds.tasks")
