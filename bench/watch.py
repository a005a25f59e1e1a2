"""Lines on their way to those who watch: the first one after a press, and each from its print to its arrival."""

import argparse
import asyncio
import re
import time
from contextlib import suppress

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from bench.figures import Figure
from bench.idle import shares_of_a_core
from bench.presses import Presser, uncached
from bench.raw import Raw
from bench.world import World

LIMIT_SECONDS = 60.0
MANY = 200
PRINTED, PAUSE_MICROSECONDS = 150, 50_000
QUIET_SECONDS = 5  # before the first line, so that all watchers are there
SHARE_SECONDS = 6.0  # less than the lines take
STAMP = re.compile(r"\b\d{10}\.\d{6}\b")


def measure_first_line(world: World, presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """From before a press until the first line is at a socket, beside the first line of the raw command."""
    figure = Figure(name="press to first line at a watcher", unit="s", reach="p95 ≤ raw + 0.060 s")
    raw, build = Raw(world, "first-line"), presser.make_build("first-line", uncached("echo hello"))
    for _ in range(options.rounds):
        began = time.time()
        arrived = [at for at, _line in raw.build_lines(uncached("echo hello"), limit_seconds=LIMIT_SECONDS)]
        figure.raw.append(arrived[0] - began)
        began = time.time()
        seq = presser.accept(build, anew=True)
        with world.watch(seq) as watcher:
            watcher.next("lines")
            figure.ours.append(time.time() - began)
        presser.wait_for(seq, "DONE")
    figure.judge_p95_more(most=0.060)
    return [figure]


def measure_delay(world: World, presser: Presser, _options: argparse.Namespace) -> list[Figure]:
    """From print to arrival of lines with the time of their print: at one watcher, at many, and at the raw command."""
    build = presser.make_build("delay", uncached(_stamps()))
    lines = _raw_delays(Raw(world, "delay"))
    one = Figure(name="line printed to received, 1 watcher", unit="s", raw=lines, reach="p95 ≤ raw")
    many = Figure(name=f"line printed to received, {MANY} watchers", unit="s", raw=lines, reach="p95 ≤ raw + 0.030 s")
    web = Figure(name=f"web with {MANY} watchers", unit="%", reach="< 35 % of a core")
    for figure, watchers, most in ((one, 1, 0.0), (many, MANY, 0.030)):
        seq = presser.accept(build, anew=True)
        audience = Audience(world.socket_url(seq), world.token)
        share = asyncio.run(audience.watch(watchers, world))
        presser.wait_for(seq, "DONE")
        figure.ours = audience.delays
        figure.remarks.append(f"{len(audience.delays):,} arrivals, web {share:.1f} % of a core")
        figure.judge_p95_more(most=most)
    web.ours.append(share)
    web.judge(share, most=35, shown=f"{share:.1f} %")
    return [one, many, web]


def _raw_delays(raw: Raw) -> list[float]:
    """Return the seconds from print to arrival at the raw command."""
    lines = list(raw.build_lines(uncached(_stamps()), limit_seconds=LIMIT_SECONDS))
    return [at - float(stamp[0]) for at, line in lines if (stamp := STAMP.search(line))]


def _stamps() -> str:
    """Return the command that prints the time again and again; busybox's `date` knows no parts of a second."""
    line = f"echo | busybox ts %.s; usleep {PAUSE_MICROSECONDS}; i=$((i + 1))"
    return f"sleep {QUIET_SECONDS}; i=0; while [ $i -lt {PRINTED} ]; do {line}; done"


class Audience:
    """Watchers of one run. `delays` are those of all lines at all watchers that were printed when all were there."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._frames: list[tuple[float, str]] = []
        self._begun = asyncio.Event()
        self.delays: list[float] = []

    async def watch(self, watchers: int, world: World) -> float:
        """Watch until the run ends; return the share of a core that the web process used while lines came."""
        subprotocols = [Subprotocol(f"bearer.{self._token}")]
        sockets = [
            await connect(self._url, subprotocols=subprotocols, compression=None, max_size=None, proxy=None)
            for _ in range(watchers)
        ]
        everybody = time.time()
        listening = [asyncio.create_task(self._listen(socket)) for socket in sockets]
        await asyncio.wait_for(self._begun.wait(), LIMIT_SECONDS)
        shares = await asyncio.to_thread(shares_of_a_core, world.groups, seconds=SHARE_SECONDS)
        await asyncio.gather(*listening)
        for at, frame in self._frames:
            printed = [float(stamp) for stamp in STAMP.findall(frame)]
            self.delays += [round(at - moment, 6) for moment in printed if moment > everybody]
        return shares["web"]

    async def _listen(self, socket: ClientConnection) -> None:
        """Keep all frames until the server closes, as it does at the end of the run."""
        with suppress(ConnectionClosed):
            while True:
                frame = await socket.recv(decode=True)
                self._frames.append((time.time(), frame))
                if not self._begun.is_set() and STAMP.search(frame):
                    self._begun.set()
