"""Presses of BuildHub, timed from outside: from before the request until the database says so."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from bench.world import World
from builds.doorbell import WATCHERS

LOOK_SECONDS = 1.0  # a hint may be lost


@dataclass(frozen=True)
class Pressed:
    """One run, with the seconds from before the press to RUNNING and to the end."""

    seq: int
    running_seconds: float
    total_seconds: float
    line_count: int


class Presser:
    """Makes builds, presses them over HTTP and hears the bell."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._bell = psycopg.connect(world.addresses["database_url"], autocommit=True)
        self._bell.execute(f"LISTEN {WATCHERS}")

    def close(self) -> None:
        """Hang up."""
        self._bell.close()

    def make_build(self, name: str, dockerfile: str = "", steps: Sequence[Mapping[str, object]] = ()) -> int:
        """Make a build of `steps`, or with an inline Dockerfile; return its number."""
        step = {
            "stepType": "CREATE_IMAGE", "stepOrder": 1,
            "buildStepConfig": {"dockerFileType": "CONTENTS", "dockerFile": dockerfile},
        }  # fmt: skip
        body = {
            "editType": "N", "buildName": name, "imageName": f"bench/{name}", "autotagUseYn": "Y",
            "autotagPrefix": "v", "autotagSeqType": "SEQUENCE", "buildSteps": list(steps) or [step],
        }  # fmt: skip
        return int(self._world.call("POST", "/build", json=body)["buildSeq"])

    def press(self, build: int, *, limit_seconds: float) -> Pressed:
        """Press Build and wait for the end. Raises `RuntimeError` unless it is DONE, `TimeoutError`."""
        began = time.perf_counter()
        seq = int(self._world.call("POST", f"/build/run/{build}")["buildRunSeq"])
        running = 0.0
        while True:
            state, line_count, message = self._look(seq)
            now = time.perf_counter() - began
            if state != "CREATED" and not running:
                running = now
            if state == "DONE":
                return Pressed(seq, running, now, line_count)
            if state == "ERROR":
                raise RuntimeError(f"run {seq} failed: {message}")
            if now > limit_seconds:
                raise TimeoutError(f"run {seq} is still {state} after {limit_seconds:g} s")
            for _hint in self._bell.notifies(timeout=LOOK_SECONDS, stop_after=1):
                pass

    def lines_of(self, seq: int) -> list[str]:
        """Return the stored log's lines, as anybody downloads them."""
        answer = self._world.http.get(f"{self._world.url}/v1/build/run/{seq}/log.txt", timeout=60)
        answer.raise_for_status()
        return answer.text.splitlines()

    def _look(self, seq: int) -> tuple[Any, ...]:
        row = self._bell.execute(
            "SELECT run_state, line_count, end_message FROM builds_buildrun WHERE id = %s", [seq]
        ).fetchone()
        if row is None:
            raise RuntimeError(f"run {seq} is not stored")
        return row
