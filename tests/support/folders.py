"""Folders of a test run, named after its process, so that what a killed run left can be told and removed."""

import os
import shutil
import tempfile
from pathlib import Path

from supervisor import engine
from supervisor.processes import is_running

PREFIX = "buildhub-test-"


def make_folder() -> Path:
    """Make a folder that every user can reach (pytest's tmp_path is closed, and as root PostgreSQL is another user)."""
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    folder.chmod(0o755)
    return folder


def remove_abandoned() -> None:
    """Remove the folders of test runs whose process is no more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not is_running(int(owner)):
            engine.clean_up(folder)
            shutil.rmtree(folder, ignore_errors=True)
