"""The runs of a storm: what is built, pressed with a key until an answer comes, and what may come of it."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from bench.world import World

BASE = "buildhub-base:1"
LINES = 2000
BUILDS_OF_A_KIND = 3
PRESS_SECONDS = 120.0  # until an answer has to come
# What becomes of runs whose attempts, engine or registry were taken from them: an end that says so.
TAKEN = frozenset({"WORKER_LOST", "SERVER_FAILED", "REGISTRY_FAILED", "NOT_CONFIRMED"})
SLOW_LINES = (
    f"i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo line-$i; [ $((i%250)) = 0 ] && sleep 0.3; done; echo end"
)


@dataclass(frozen=True)
class Kind:
    """A kind of build; `share` of twenty presses; `ends` are the reasons it may end for, beside those of `TAKEN`."""

    name: str
    command: str
    share: int
    ends: frozenset[str] = frozenset({"DONE"})
    is_cancelled: bool = False


KINDS = (
    Kind("quick", "echo quick", 7),
    Kind("failing", "echo failing; exit 7", 3, frozenset({"BUILD_FAILED"})),
    Kind("lines", SLOW_LINES, 4),
    Kind("cancelled", "echo ready; sleep 120; echo over", 3, frozenset({"CANCELLED"}), is_cancelled=True),
    Kind("sleeping", "sleep 4; echo over", 3),
)


@dataclass
class Order:
    """One press. `seq` 0: no answer came. `cancel_at`: when it is to be cancelled; `cancel_seq`: the CANCEL run."""

    number: int
    kind: Kind
    mark: str
    seq: int = 0
    cancel_at: float = 0.0
    cancel_seq: int = 0
    cancel_refused: str = ""


class Desk:
    """Presses over REST, each with an Idempotency-Key, again and again while the web process is away."""

    def __init__(self, world: World, *, seed: int, is_over: Callable[[], bool]) -> None:
        self._world = world
        self._seed = seed
        self._chance = random.Random(f"orders {seed}")  # noqa: S311  the same storm again
        self._is_over = is_over
        self._deck: list[Kind] = []
        self._builds: dict[str, list[int]] = {}
        self.repeated = 0

    def open(self) -> None:
        """Make the builds."""
        for kind in KINDS:
            self._builds[kind.name] = [self._make_build(kind, number) for number in range(BUILDS_OF_A_KIND)]

    def press(self, number: int) -> Order:
        """Press one of the builds; the order has a `seq` once it is accepted."""
        if not self._deck:
            self._deck = [kind for kind in KINDS for _ in range(kind.share)]
            self._chance.shuffle(self._deck)
        kind = self._deck.pop()
        order = Order(number, kind, f"storm-{self._seed}-{number}-mark")
        build = self._chance.choice(self._builds[kind.name])
        query = {"description": order.mark, "buildArg": f"STORM={order.mark}"}
        answer = self._send("POST", f"/build/run/{build}", f"press {number}", query)
        if answer is not None:
            if not answer.ok:
                raise RuntimeError(f"press {number} was refused: {answer.status_code} {answer.text[:300]}")
            order.seq = int(answer.json()["buildRunSeq"])
        if kind.is_cancelled:
            order.cancel_at = time.monotonic() + self._chance.uniform(0.0, 8.0)
        return order

    def cancel(self, order: Order) -> None:
        """Ask for the run to be cancelled; a refusal is kept."""
        answer = self._send("PUT", f"/build/run/cancel/{order.seq}", f"cancel {order.number}", {})
        if answer is not None and answer.ok:
            order.cancel_seq = int(answer.json()["buildRunSeq"])
        elif answer is not None:
            order.cancel_refused = f"{answer.status_code} {answer.text[:200]}"

    def _send(self, method: str, path: str, key: str, query: dict[str, str]) -> requests.Response | None:
        """Return the answer below 500; None where none came in time."""
        deadline = time.monotonic() + PRESS_SECONDS
        headers = {"Idempotency-Key": f"{key} of storm {self._seed}"}
        while time.monotonic() < deadline and not self._is_over():
            try:
                url = f"{self._world.url}/v1{path}"
                answer = self._world.http.request(method, url, params=query, headers=headers, timeout=15)
                if answer.status_code < 500:
                    return answer
            except requests.RequestException:
                pass
            self.repeated += 1
            time.sleep(0.3)
        return None

    def _make_build(self, kind: Kind, number: int) -> int:
        dockerfile = f"FROM {BASE}\nARG STORM\nRUN : $STORM; {kind.command}\n"
        step: dict[str, Any] = {
            "stepType": "CREATE_IMAGE", "stepOrder": 1,
            "buildStepConfig": {
                "dockerFileType": "CONTENTS", "dockerFile": dockerfile, "buildArgs": [{"key": "STORM", "value": ""}],
            },
        }  # fmt: skip
        name = f"storm-{kind.name}-{number}"
        body = {
            "editType": "N", "buildName": name, "imageName": f"storm/{name}", "autotagUseYn": "Y",
            "autotagPrefix": "v", "autotagSeqType": "SEQUENCE", "whenRunning": "QUEUE", "buildSteps": [step],
        }  # fmt: skip
        return int(self._world.call("POST", "/build", json=body)["buildSeq"])
