"""The app's configuration."""

from django.apps import AppConfig


class BuildsConfig(AppConfig):
    """BuildHub's one app."""

    name = "builds"
    verbose_name = "BuildHub"
