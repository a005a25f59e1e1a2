"""What the page of activity shows: who did what on which build or run, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from builds.models import Activity, Caller, Did
from builds.queries.activity import ActivityFilter, visible_activity

PAGE: Final = 50
RELATED: Final = ("by", "account", "build", "run")
# what a row shows: the definition that a run carries is large
SHOWN: Final = (
    *("at", "did", "detail", "by__username", "account__name", "build__name", "build__removed_at"),
    *("run__build_no", "run__removed_at"),
)


@dataclass(frozen=True, slots=True)
class ActivityScreen:
    """One page of acts for one reader."""

    narrowed: ActivityFilter
    rows: Sequence[Activity]
    acts: Sequence[str]  # to choose from
    next_after: int | None
    is_first: bool
    several_accounts: bool

    @property
    def is_narrowed(self) -> bool:
        """True where a filter or the page hides acts."""
        return self.narrowed != ActivityFilter() or not self.is_first


def activity_screen(caller: Caller, narrowed: ActivityFilter, after: int | None) -> ActivityScreen:
    """Read the acts that came before the one numbered `after`; the number of statements does not grow with rows."""
    found = visible_activity(caller, narrowed).select_related(*RELATED).only(*SHOWN)
    if after is not None:
        found = found.filter(pk__lt=after)
    listed = list(found[: PAGE + 1])
    return ActivityScreen(
        narrowed=narrowed,
        rows=listed[:PAGE],
        acts=[did.value for did in Did],
        next_after=listed[PAGE - 1].pk if len(listed) > PAGE else None,
        is_first=after is None,
        several_accounts=caller.sees_everything or len(caller.account_ids) > 1,
    )
