"""What tests of builds from git share."""

from pathlib import Path

from django.conf import settings

from tests.engine.certificates import Authority

PASSWORD = "pass-of-ada-7c1"
AUTHORITY = Authority()


def private(user="ada", password=PASSWORD):
    """Return what a private repository's step has besides."""
    return {"common_type": "PRIVATE", "user_id": user, "password": password}


def workspaces():
    """Return the workspaces that are on the worker's disk now."""
    folder = Path(settings.DATA_DIR) / "work"
    return list(folder.iterdir()) if folder.exists() else []
