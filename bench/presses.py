"""Presses of BuildHub, timed from outside: from before the request until the database says so."""

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from bench.world import BASE, World
from builds.doorbell import WATCHERS

ANEW = "ANEW"  # the argument by which an instruction is another one
LOOK_SECONDS = 1.0  # a hint may be lost


def uncached(command: str) -> str:
    """Return a Dockerfile of one instruction that is in no cache; a press gives it another value again."""
    return f"FROM {BASE}\nARG {ANEW}={uuid.uuid4()}\nRUN : ${ANEW}; {command}\n"


@dataclass(frozen=True)
class Pressed:
    """One run, with the seconds from before the press to the answer, to RUNNING and to the end."""

    seq: int
    accepted_seconds: float
    running_seconds: float
    total_seconds: float


class Presser:
    """Makes builds, presses them over HTTP and hears the bell."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.open()

    def open(self) -> None:
        """Connect to the database, anew after it was restarted."""
        world = self._world
        self._bell = psycopg.connect(world.addresses["database_url"], autocommit=True)
        self._bell.execute(f"LISTEN {WATCHERS}")

    def close(self) -> None:
        """Hang up."""
        self._bell.close()

    def make_build(self, name: str, dockerfile: str = "", steps: Sequence[Mapping[str, object]] = ()) -> int:
        """Make a build of `steps`, or with an inline Dockerfile; return its number."""
        step = {
            "stepType": "CREATE_IMAGE", "stepOrder": 1,
            "buildStepConfig": {
                "dockerFileType": "CONTENTS", "dockerFile": dockerfile, "buildArgs": [{"key": ANEW, "value": ""}],
            },
        }  # fmt: skip
        body = {
            "editType": "N", "buildName": name, "imageName": f"bench/{name}", "autotagUseYn": "Y",
            "autotagPrefix": "v", "autotagSeqType": "SEQUENCE", "whenRunning": "QUEUE",
            "buildSteps": list(steps) or [step],
        }  # fmt: skip
        return int(self._world.call("POST", "/build", json=body)["buildSeq"])

    def press(self, build: int, *, limit_seconds: float, anew: bool = False) -> Pressed:
        """Press Build and wait for the end. Raises `RuntimeError` unless it is DONE, `TimeoutError`."""
        began = time.perf_counter()
        seq = self.accept(build, anew=anew)
        accepted, running = time.perf_counter() - began, 0.0
        for state in self.states(seq, limit_seconds=limit_seconds):
            now = time.perf_counter() - began
            if state != "CREATED" and not running:
                running = now
        return Pressed(seq, accepted, running, now)

    def accept(self, build: int, *, anew: bool = False) -> int:
        """Press Build, `anew` for an instruction of `uncached` that is in no cache; return the number of the run."""
        query = {"buildArg": f"{ANEW}={uuid.uuid4()}"} if anew else {}
        return int(self._world.call("POST", f"/build/run/{build}", params=query)["buildRunSeq"])

    def states(self, seq: int, *, limit_seconds: float) -> Iterator[str]:
        """Yield the state whenever something may have changed, DONE last.

        Raises `RuntimeError` unless the run is DONE in the end, `TimeoutError`.
        """
        deadline = time.monotonic() + limit_seconds
        while True:
            state, message = self._look(seq)
            yield state
            if state == "DONE":
                return
            if state == "ERROR":
                raise RuntimeError(f"run {seq} failed: {message}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"run {seq} is still {state} after {limit_seconds:g} s")
            for _hint in self._bell.notifies(timeout=LOOK_SECONDS, stop_after=1):
                pass

    def cancel(self, seq: int) -> None:
        """Ask for a run to be cancelled."""
        self._world.call("PUT", f"/build/run/cancel/{seq}")

    def wait_for(self, seq: int, *states: str, limit_seconds: float = 30) -> None:
        """Wait until a run is in one of the states, whatever its end. Raises `TimeoutError`."""
        deadline = time.monotonic() + limit_seconds
        while self._look(seq)[0] not in states:
            if time.monotonic() > deadline:
                raise TimeoutError(f"run {seq} is not {' or '.join(states)} after {limit_seconds:g} s")
            for _hint in self._bell.notifies(timeout=LOOK_SECONDS, stop_after=1):
                pass

    def lines_of(self, seq: int) -> list[str]:
        """Return the stored log's lines, as anybody downloads them."""
        answer = self._world.http.get(f"{self._world.url}/v1/build/run/{seq}/log.txt", timeout=60)
        answer.raise_for_status()
        return answer.text.splitlines()

    def _look(self, seq: int) -> tuple[Any, ...]:
        row = self._bell.execute("SELECT run_state, end_message FROM builds_buildrun WHERE id = %s", [seq]).fetchone()
        if row is None:
            raise RuntimeError(f"run {seq} is not stored")
        return row
