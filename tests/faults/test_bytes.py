"""The same 5 MB of arbitrary bytes through engine, store, socket, lines, log.txt and browser, a worker killed between.

Nothing in the path is a fake. What is expected is computed here by other means than BuildHub's own splitting.
"""

import hashlib
import json
import os
import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
from websockets.sync.client import connect

from builds.domain.access import Scope
from builds.engine.base_image import busybox_files
from builds.engine.docker import Engine
from builds.models import Account, BuildRun
from builds.services.accounts.tokens import issue_token
from tests.support.people import make_build
from tests.support.runs import ended, press
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.e2e]
SIZE = 5_000_000
FIRST = 2_500_000  # printed before the worker is killed
PIECE = 65_536
BLOCK = 50_000


def arbitrary_bytes(size: int, *, seed: int) -> bytes:
    """Return bytes with NUL, invalid UTF-8, CR, ANSI, lines around 64 KiB and characters cut at every border."""
    chance = random.Random(seed)  # noqa: S311  the same bytes each time
    makers = [
        lambda: chance.randbytes(chance.randint(1, 400)),
        lambda: "größe \u202e 漢字 😀\n".encode() * chance.randint(1, 40),
        lambda: b"\x1b[31mred\x1b[0m 10%\r20%\r\n" * chance.randint(1, 20),
        lambda: b"x" * chance.choice([100, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE]) + b"\n",
        lambda: "😀".encode() * chance.randint(16_000, 17_000) + b"\n",
        lambda: b"\0\n\r\n\n" * chance.randint(1, 10),
    ]
    data = bytearray()
    while len(data) < size:
        data += chance.choice(makers)()
    return bytes(data[: size - 1]) + b"\n"


@dataclass
class Printed:
    """A finished run and what it printed."""

    run: BuildRun
    data: bytes
    url: str
    token: str

    def get(self, tail: str) -> bytes:
        """Return an answer of the API."""
        address = f"{self.url}/v1/build/run/{self.run.pk}/{tail}"
        answer = requests.get(address, headers={"Authorization": f"Bearer {self.token}"}, timeout=60)
        answer.raise_for_status()
        return answer.content

    def lines(self) -> Iterator[dict]:
        """Yield every line, page by page."""
        after = 0
        while page := json.loads(self.get(f"lines?after={after}&limit=10000"))["lines"]:
            yield from page
            after = page[-1]["n"]


@pytest.fixture
def printed(workers, web, caller, engine_endpoint) -> Printed:
    """Build an image that prints the bytes; the worker is killed in the middle of the first attempt."""
    data = arbitrary_bytes(SIZE, seed=20_261_123)
    engine = Engine(engine_endpoint)
    engine.load_base_image("buildhub-test/bytes:1", {**busybox_files(), "data": data})
    engine.close()
    # In blocks with breath between: Docker 20.10 itself stalls when more than 1 MiB is printed at once (building.py).
    printing = f"n=0; while [ $n -lt {-(-SIZE // BLOCK)} ]; do dd if=/data bs={BLOCK} skip=$n count=1 2>/dev/null"
    halves = f"{printing}; usleep 30000; n=$((n+1)); [ $n -ne {FIRST // BLOCK} ] || sleep 6; done"
    run = press(make_build(caller, f"FROM buildhub-test/bytes:1\nRUN {halves}\n", name="bytes"), caller)

    def half_is_stored() -> bool:
        run.refresh_from_db()
        return run.byte_count > FIRST - 300_000

    wait_until(half_is_stored, timeout=60, message=lambda: f"{run.run_state} {run.end_message} {run.byte_count}")
    os.kill(int(run.lease_owner.rpartition("/")[2]), signal.SIGKILL)
    ended(run, timeout=120)
    assert (run.run_state, run.attempt) == ("DONE", 2)
    token = issue_token(owner=caller.user, account=Account.objects.get(), name="bytes", scopes=[Scope.READ])
    return Printed(run, data, web.url, token)


def test_the_same_bytes_come_out_at_every_door(printed, page):
    run, data = printed.run, printed.data
    whole = printed.get("log.txt")
    assert (len(whole), hashlib.sha256(whole).hexdigest()) == (run.byte_count, run.log_sha256)

    output = printed.get("log.txt?stream=1,2")
    lost_attempt = len(output) - len(data)
    assert FIRST - 300_000 < lost_attempt <= FIRST
    assert hashlib.sha256(output[lost_attempt:]).hexdigest() == hashlib.sha256(data).hexdigest()
    assert output[:lost_attempt] == data[:lost_attempt]

    lines = list(printed.lines())
    assert [line["n"] for line in lines] == list(range(1, run.line_count + 1))
    said = "".join(line["text"] for line in lines if line["stream"] == 1)
    assert said.endswith("".join(texts_of(data)))

    assert watched(printed) == lines
    assert in_browser(printed, page) == {
        "sha256": run.log_sha256,
        "lines": run.line_count,
        "gapless": True,
        "shown": [line["n"] for line in lines[-20:]],
    }


def texts_of(data: bytes) -> list[str]:
    """Return what the lines read as: UTF-8 with replacement, NUL made visible."""
    return [line.decode("utf-8", "replace").replace("\0", "\u2400") for line in data.split(b"\n")]


def watched(printed: Printed) -> list[dict]:
    """Return what the socket sends to a late viewer."""
    address = printed.url.replace("http", "ws") + f"/ws/runs/{printed.run.pk}?after=0"
    found: list[dict] = []
    with connect(address, subprotocols=[f"bearer.{printed.token}"], max_size=None) as socket:
        for frame in socket:
            message = json.loads(frame)
            assert message["type"] != "skipped"
            if message["type"] == "lines":
                found += message["lines"]
            if message["type"] == "end":
                assert message["sha256"] == printed.run.log_sha256
    return found


def in_browser(printed: Printed, page) -> dict:
    """Return what Chromium reads: the whole log by fetch, all lines by its own socket, the last ones on the page."""
    page.goto(f"/runs/{printed.run.pk}")
    last = page.locator(f'[data-line="{printed.run.line_count}"]')
    last.wait_for(state="attached")
    shown = page.locator("[data-line]").evaluate_all("all => all.map(one => Number(one.dataset.line)).slice(-20)")
    facts = page.evaluate(
        """async (seq) => {
            const body = await (await fetch(`/v1/build/run/${seq}/log.txt`)).arrayBuffer();
            const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
            const numbers = await new Promise((resolve, reject) => {
                const seen = [];
                const socket = new WebSocket(`ws://${location.host}/ws/runs/${seq}?after=0`);
                socket.onmessage = (event) => {
                    const frame = JSON.parse(event.data);
                    if (frame.type === "lines") seen.push(...frame.lines.map((line) => line.n));
                };
                socket.onclose = (event) => event.code === 1000 ? resolve(seen) : reject(event.code);
            });
            return {
                sha256: [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
                lines: numbers.length,
                gapless: numbers.every((number, index) => number === index + 1),
            };
        }""",
        printed.run.pk,
    )
    return {**facts, "shown": shown}
