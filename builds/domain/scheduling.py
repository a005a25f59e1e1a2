"""Which waiting run may start now, and in one sentence why another may not: counts in, sentence out.

The same numbers decide and explain, so the reason shown cannot differ from what happens
(docs/architecture.md, "The life of a run", step 3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

ServerKind = Literal["default", "topic", "tcp"]


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """A build server as the dispatcher sees it under the lock on its row.

    `capacity`, `running`: parallel runs allowed and under way; `live_hosts`: worker hosts with a fresh beat that
    serve it; `free_workers`: how many of their workers are idle.
    """

    name: str
    enabled: bool
    capacity: int
    running: int
    live_hosts: int
    free_workers: int
    kind: ServerKind = "default"
    draining: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it takes runs in at all, be it now or when a place comes free."""
        return self.enabled and not self.draining and self.live_hosts > 0

    @property
    def free_slots(self) -> int:
        """How many runs may start here now."""
        if not self.is_open:
            return 0
        return max(0, min(self.capacity - self.running, self.free_workers))

    @property
    def why_closed(self) -> str:
        """Say why it takes nothing in at all; empty where something may start, now or later."""
        return "" if self.is_open else self.why_full

    @property
    def no_host(self) -> str:
        """Say that no worker host is there for it."""
        if self.kind == "topic":
            return f"No live worker serves {self.name} now; start one with this topic in BUILDHUB_TOPICS."
        return f"No live worker reaches {self.name} now."

    @property
    def why_full(self) -> str:
        """Say why nothing can start here, where there is no free slot."""
        if not self.enabled:
            return f"{self.name} is switched off."
        if self.draining:
            return f"{self.name} is being drained: it ends what it has and starts nothing new."
        if not self.live_hosts:
            return self.no_host
        if self.running >= self.capacity:
            return f"{self.name} has {self.running} of {self.capacity} builds running."
        return f"All workers that serve {self.name} are busy."


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """An account that may run so many builds at the same time (`limit`), and how many it has `running`."""

    running: int
    limit: int

    @property
    def room(self) -> int:
        """How many further runs of the account may start now."""
        return max(0, self.limit - self.running)


@dataclass(frozen=True, slots=True)
class RunWait:
    """How a run waits.

    `position`: 1 is the next one among the runs of its server that wait for a slot only; `elder_active`: an
    elder run of the same build is active, and its build lets runs queue (QUEUE) or replace each other (REPLACE);
    `account`: where its account has a limit.
    """

    position: int = 1
    elder_active: bool = False
    account: AccountFacts | None = None


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A run in the queue of a server that has no active elder of the same build.

    `run_id` grows with time, so the smaller one of a build is the elder.
    """

    run_id: int
    build_id: int
    position: int
    account_id: int = 0


NO_LIMITS: Final[Mapping[int, AccountFacts]] = {}


def waiting_reason(run: RunWait, server: ServerFacts) -> str | None:
    """Say why a run cannot start on `server` now, or None when it can."""
    if run.elder_active:
        return "An earlier run of this build has to end first."
    if run.account is not None and not run.account.room:
        return f"The account has {run.account.running} of {run.account.limit} builds running."
    if not server.free_slots:
        return server.why_full
    if run.position <= server.free_slots:
        return None
    earlier = run.position - 1
    return f"{earlier} earlier {'run waits' if earlier == 1 else 'runs wait'} for {server.name}."


def lost_reason(server: ServerFacts) -> str:
    """Say what a running run whose worker was lost waits for."""
    if not server.live_hosts:
        return f"Its worker was lost. {server.no_host}"
    if not server.free_workers:
        return f"Its worker was lost. All workers that serve {server.name} are busy."
    return "Its worker was lost; another one takes it over."


def handed_to(host: str) -> str:
    """Say of a claimed run that it is about to begin."""
    return f"Handed to a worker on {host}."


def claimable(
    waiting: Sequence[WaitingRun], server: ServerFacts, accounts: Mapping[int, AccountFacts] = NO_LIMITS
) -> list[int]:
    """Return the ids of the runs that may be claimed on `server` now, in order of their position.

    A run whose elder of the same build waits as well, or whose account (`accounts`: those with a limit)
    has no room, is passed over: it takes no slot and stops nobody.
    """
    eldest: dict[int, int] = {}
    for run in waiting:
        eldest[run.build_id] = min(run.run_id, eldest.get(run.build_id, run.run_id))
    ready = [run for run in waiting if run.run_id == eldest[run.build_id]]
    rooms = {account_id: facts.room for account_id, facts in accounts.items()}
    claimed: list[int] = []
    for run in sorted(ready, key=lambda run: (run.position, run.run_id)):
        room = rooms.get(run.account_id)
        if room == 0:
            continue
        if room is not None:
            rooms[run.account_id] = room - 1
        claimed.append(run.run_id)
    return claimed[: server.free_slots]
