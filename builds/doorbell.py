"""The only door to those who watch: short typed hints by NOTIFY, delivered by PostgreSQL when the transaction commits.

A hint may be lost; the rows it points to cannot (docs/architecture.md, "The life of a run", step 6).
"""

import json
from typing import Literal, TypedDict

from django.db import connection

WATCHERS = "buildhub_watchers"  # web processes listen here
WORKERS = "buildhub_workers"  # the heartbeats of runs listen here


class LogGrew(TypedDict):
    """Lines up to `up_to` of a run can be read, and what is open; sent by what stores them (services/runs/log.py)."""

    type: Literal["log.grew"]
    run: int
    up_to: int


class StepsChanged(TypedDict):
    """A step or a build instruction of a run has moved."""

    type: Literal["steps.changed"]
    run: int


class RunChanged(TypedDict):
    """A run has moved, was asked to cancel, or was removed."""

    type: Literal["run.changed"]
    run: int
    build: int
    account: int


class BuildChanged(TypedDict):
    """A build was created, edited, removed or given files."""

    type: Literal["build.changed"]
    build: int
    account: int


class StopAsked(TypedDict):
    """The worker that holds this run shall look at its row now."""

    type: Literal["stop.asked"]
    run: int


Hint = LogGrew | StepsChanged | RunChanged | BuildChanged | StopAsked


def steps_changed(run_id: int) -> None:
    """Tell watchers of the run, after commit, that its steps have moved."""
    _notify(WATCHERS, {"type": "steps.changed", "run": run_id})


def run_changed(run_id: int, *, build_id: int, account_id: int) -> None:
    """Tell watchers, after commit, that the run has moved."""
    _notify(WATCHERS, {"type": "run.changed", "run": run_id, "build": build_id, "account": account_id})


def build_changed(build_id: int, *, account_id: int) -> None:
    """Tell watchers, after commit, that the build was created, edited, removed or given files."""
    _notify(WATCHERS, {"type": "build.changed", "build": build_id, "account": account_id})


def stop_asked(run_id: int) -> None:
    """Tell the run's worker, after commit, to look at the wish to cancel now rather than at its next beat."""
    _notify(WORKERS, {"type": "stop.asked", "run": run_id})


def _notify(channel: str, hint: Hint) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [channel, json.dumps(hint)])
