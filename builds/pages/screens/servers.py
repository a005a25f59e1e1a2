"""What the page of build servers shows: where builds run, what happens there now, and who may use each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from builds.domain.access import Permission
from builds.models import BuildServer, Caller
from builds.pages.slots import Slots
from builds.pages.state_look import Look
from builds.queries.connections import builds_by_address, visible_servers, with_load
from builds.services.accounts.access import why_not
from builds.services.connections.clients import PLAIN_TCP

MOST: Final = 200  # build servers on the page
ON: Final = Look("done", "On", "")
OFF: Final = Look("cancelled", "Switched off", "")
DRAINING: Final = Look("cancelling", "Draining", "")
DRAINED: Final = Look("never", "Drained", "")
NO_WORKER: Final = Look("lost", "No live worker", "")
SILENT: Final = Look("failed", "Does not answer", "")  # when it was last asked; its runs try it all the same


@dataclass(frozen=True, slots=True)
class ServerRow:
    """One build server with its load (`with_load`), how many builds name it, and the accounts that may use it."""

    server: Any
    used_by: int
    accounts: Sequence[str]

    @property
    def slots(self) -> Slots:
        """Return its places."""
        return Slots(self.server.capacity, self.server.running)

    @property
    def look(self) -> Look:
        """Return how its state looks."""
        if not self.server.enabled:
            return OFF
        if self.server.draining:
            return DRAINING if self.server.running else DRAINED
        if not self.server.served_by:
            return NO_WORKER
        return SILENT if self.server.trouble else ON

    @property
    def trouble(self) -> str:
        """Say why nothing starts here, in the words of the queue; empty where something may."""
        return str(self.server.load.facts.why_closed)

    @property
    def is_plain(self) -> bool:
        """Say whether it is reached without TLS; how those that builds bring are reached is theirs to tell."""
        server = self.server
        return server.url.startswith("tcp://") and not server.tls_verify and not server.given_by_builds

    @property
    def warnings(self) -> Sequence[str]:
        """Return what an administrator should know of it, each once: of an open port before its engine was asked."""
        return list(dict.fromkeys([*([PLAIN_TCP] if self.is_plain else []), *self.server.told_warnings]))


@dataclass(frozen=True, slots=True)
class ServersScreen:
    """The build servers that somebody may know of."""

    rows: Sequence[ServerRow]
    may_change: bool


def servers_screen(caller: Caller) -> ServersScreen:
    """Read the build servers that the caller's accounts may use; of other accounts only instance admins hear."""
    used = builds_by_address()
    rows = []
    for server in with_load(visible_servers(caller)[:MOST]):
        accounts = [one for one in server.accounts.all() if caller.is_instance_admin or one.pk in caller.account_ids]
        used_by = used[server.url] + (used[""] if server.is_default else 0)
        rows.append(ServerRow(server, used_by, sorted(account.name for account in accounts)))
    return ServersScreen(rows, may_change=why_not_change(caller) is None)


def why_not_change(caller: Caller) -> str | None:
    """Say why the caller may not add, change, test and remove build servers, or None."""
    return why_not(caller, Permission.MANAGE_SERVERS, BuildServer())
