"""`python -m bench.faults`: mixed builds while every kind of process is killed and stopped, then the promises."""

import argparse
import atexit
import os
import signal
import sys
import time

from bench.faults import database, report
from bench.faults.injector import DECK, Injector
from bench.faults.orders import Desk, Order
from bench.faults.promises import judge
from bench.faults.takeover import takeovers
from bench.faults.watch import Watch
from bench.world import World
from tests.support.services import exit_on_sigterm

WORKERS = "4"
MOST_OPEN = 8  # runs that wait or run at one time
MOST_SECONDS = 20 * 60.0
SETTLE_SECONDS = 240.0  # kept of these for the last runs to end: three attempts with their leases
LOOK_SECONDS = 0.3


class Storm:
    """Presses while the injector works, lets it become calm, and judges."""

    def __init__(self, world: World, options: argparse.Namespace) -> None:
        self._options = options
        self._began = time.monotonic()
        self._url = world.addresses["database_url"]
        self._settle_seconds = min(SETTLE_SECONDS, options.minutes * 30)
        self.orders: list[Order] = []
        self.injector = Injector(world, options.seed, options.only)
        self.watch = Watch(self._url, {})
        self.desk = Desk(world, seed=options.seed, is_over=self._is_late)
        self.least_faults = options.runs * 3 // 4

    def blow(self) -> None:
        """Press all runs and wait until they have ended; returns when the time is up in any case."""
        self.desk.open()
        self.watch.start()
        self.injector.start()
        try:
            while not self._is_late() and not (self._all_pressed() and self._enough_faults()):
                self._go_on()
            self.injector.calm()
            self._settle()
        finally:
            self.injector.stop()
            self.watch.stop()

    def judged(self) -> report.Storm:
        """Return what came of it."""
        return report.Storm(
            seed=self._options.seed, runs_wanted=self._options.runs, least_faults=self.least_faults,
            seconds=time.monotonic() - self._began, orders=self.orders, injector=self.injector, watch=self.watch,
            desk=self.desk, findings=judge(self._url, self.orders, self.watch),
            takeovers=takeovers(self._url, self.injector.faults),
        )  # fmt: skip

    def _go_on(self) -> None:
        """Press the next run where there is room and the faults keep pace; cancel what is due."""
        pace = (len(self.injector.faults) + 2) * self._options.runs / max(self.least_faults, 1)
        if not self._all_pressed() and len(self.orders) < pace and self._open() < MOST_OPEN:
            order = self.desk.press(len(self.orders) + 1)
            self.orders.append(order)
            self.watch.marks[order.seq] = order.mark
            self._tell()
        self._cancel_due()
        time.sleep(LOOK_SECONDS)

    def _cancel_due(self) -> None:
        for order in self.orders:
            if order.seq and order.cancel_at and time.monotonic() >= order.cancel_at:
                order.cancel_at = 0.0
                self.desk.cancel(order)

    def _settle(self) -> None:
        """Wait until everything accepted has ended and every fault has healed."""
        deadline = time.monotonic() + self._settle_seconds
        while time.monotonic() < deadline and (self._open() or self.injector.healing or self._uncancelled()):
            self._cancel_due()
            time.sleep(LOOK_SECONDS)

    def _open(self) -> int:
        """Return how many runs have not ended, CANCEL runs among them; while the database is away: as many as may."""
        found = database.ask_or_nothing(self._url, "SELECT count(*) FROM builds_buildrun WHERE end_time IS NULL")
        return int(found[0][0]) if found else MOST_OPEN

    def _uncancelled(self) -> bool:
        return any(order.seq and order.cancel_at for order in self.orders)

    def _all_pressed(self) -> bool:
        return len(self.orders) >= int(self._options.runs)

    def _enough_faults(self) -> bool:
        return len(self.injector.faults) >= self.least_faults or self.injector.error is not None

    def _is_late(self) -> bool:
        return time.monotonic() > self._began + float(self._options.minutes) * 60 - self._settle_seconds

    def _tell(self) -> None:
        if len(self.orders) % 10 == 0:
            print(f"{len(self.orders)} runs, {len(self.injector.faults)} faults", file=sys.stderr, flush=True)


def main() -> int:
    """Blow, judge, print the table; exit code 1 where a promise does not hold or the storm was too small."""
    options = _options()
    exit_on_sigterm()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its background jobs ignore it
    world = World({"BUILDHUB_WORKERS": WORKERS})
    atexit.register(world.stop)
    world.start()
    storm = Storm(world, options)
    try:
        storm.blow()
    finally:
        print(f"log         {world.keep_log(report.named('log'))}")
    judged = storm.judged()
    print(report.table(judged))
    print(f"kept in     {report.store(judged)}")
    return 1 if judged.problems else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    runs = int(os.environ.get("STORM_RUNS") or 200)
    parser.add_argument("--runs", type=int, default=runs, help="presses; three faults for each four")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("STORM_SEED") or 1), help="of both orders")
    parser.add_argument("--minutes", type=float, default=MOST_SECONDS / 60, help="the most that it may take")
    kinds = sorted({kind for kind, _how in DECK})
    parser.add_argument("--only", nargs="+", choices=kinds, default=(), metavar="KIND", help=f"of: {', '.join(kinds)}")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
