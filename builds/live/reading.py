"""What sockets read: synchronous, in the threads of database_threads.py, each answer as the text that is sent."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from itertools import islice
from typing import Any, Final

from django.db.models import Q
from django.db.models.functions import Now

from builds.contract.runs import run_answer, run_answers
from builds.contract.steps import BuildStepRun
from builds.domain.access import Permission, refused
from builds.domain.states import ACTIVE
from builds.live.credentials import Credentials, caller_of
from builds.live.frames import FRAME_LINES, LineFrame, dumps, frame, line_frames, open_frame
from builds.models import Build, BuildRun, Caller
from builds.queries.facts import with_facts
from builds.queries.log import iterate_lines, open_now
from builds.queries.runs import find_run, run_counts, steps_by_attempt
from builds.queries.waiting import waiting_of

RECENT: Final = timedelta(minutes=5)  # what a reader of all runs may have missed while its socket was away
MOST_RUNS: Final = 200
# What a run's row changes while it prints; no reason to send the run again.
VOLATILE: Final = frozenset(
    {"line_count", "byte_count", "chunk_count", "lease_expires_at", "lease_owner", "token", "updated_at"}
)


class NoEntry(Enum):
    """Why a reader gets nothing (any more)."""

    NOT_SIGNED_IN = "Sign in again: the session or token is no longer good."
    NOT_VISIBLE = "This run is gone, or you may not see it."


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The sealed log of an ended run."""

    line_count: int
    byte_count: int
    sha256: str

    @property
    def text(self) -> str:
        """Return the `end` frame."""
        return frame("end", lineCount=self.line_count, byteCount=self.byte_count, sha256=self.sha256)


@dataclass(frozen=True, slots=True)
class OpenAfter:
    """What is not finished behind line `last`: whether anything is, and the `open` frame."""

    last: int
    has_lines: bool
    text: str

    def is_news_after(self, sent: "OpenAfter | None") -> bool:
        """Say whether it tells more than the frame sent before it: that nothing is open is told once."""
        return sent is None or (self.text != sent.text and (self.has_lines or sent.has_lines))


@dataclass(frozen=True, slots=True)
class RunNow:
    """A run as its topic sees it, nobody's rights regarded: `facts` differ when readers need the run again."""

    build_id: int
    facts: object
    line_count: int
    end: LogEnd | None
    steps: dict[int, str]  # of the latest attempt: number -> JSON text with instructions


def run_now(run_id: int) -> RunNow | None:
    """Return a run as it stands, None where its row is gone."""
    run: Any = with_facts(BuildRun.objects.filter(pk=run_id)).first()
    if run is None:
        return None
    end = LogEnd(run.line_count, run.byte_count, run.log_sha256) if run.is_final else None
    steps: dict[int, str] = {}
    for step in steps_by_attempt(run)[1]:
        instructions = [{"step": step.pk, **vertex} for vertex in step.vertices]
        steps[step.pk] = dumps({**BuildStepRun.tell(step), "instructions": instructions})
    # all that a BuildRun shows, but what changes with every line
    row = (field.attname for field in run._meta.concrete_fields if field.attname not in VOLATILE)
    asked = (run.has_cancel, run.has_removal, run.has_other, run.has_build_removal)
    build = (run.build.updated_at, run.build.in_use, run.build.when_running)
    facts = (*(getattr(run, name) for name in row), *asked, *build, waiting_of(run))
    return RunNow(run.build_id, facts, run.line_count, end, steps)


def lines_after(run_id: int, after: int) -> list[LineFrame]:
    """Return the next lines of a run after number `after`: at most one frame's number of them."""
    return list(line_frames(islice(iterate_lines(run_id, after=after), FRAME_LINES)))


def open_after(run_id: int) -> OpenAfter:
    """Return what a run has printed and not finished."""
    now = open_now(run_id)
    return OpenAfter(now.line_count, bool(now.lines), open_frame(now.lines, last=now.line_count))


def run_text(run_id: int, credentials: Credentials) -> str | NoEntry:
    """Return the `run` frame of a run for this reader, or why there is none; the rights are those of this moment."""
    caller = caller_of(credentials)
    if caller is None:
        return NoEntry.NOT_SIGNED_IN
    run = find_run(run_id, caller)
    if run is None or not _may_see(caller, run.account_id):
        return NoEntry.NOT_VISIBLE
    return frame("run", run=run_answer(run, caller))


def changed_texts(
    run_ids: tuple[int, ...] | None, build_ids: tuple[int, ...] | None, credentials: Credentials
) -> list[str] | NoEntry:
    """Return the `run` and `build` frames of those runs and builds that this reader may see, oldest first.

    None stands for the newest runs that are active or have changed of late, and for builds that have changed of late. A
    `build` frame says no more than that: who wants to know how looks at the build.
    """
    caller = caller_of(credentials)
    if caller is None:
        return NoEntry.NOT_SIGNED_IN
    since = Now() - RECENT
    runs, builds = BuildRun.objects.visible_to(caller), Build.objects.visible_to(caller)
    if run_ids is None:
        runs = runs.filter(Q(run_state__in=ACTIVE) | Q(updated_at__gt=since)).order_by("-pk")[:MOST_RUNS]
    else:
        runs = runs.filter(pk__in=run_ids)
    if build_ids is None:
        builds = builds.filter(Q(updated_at__gt=since) | Q(context__created_at__gt=since)).order_by("-pk")[:MOST_RUNS]
    else:
        builds = builds.filter(pk__in=build_ids)
    found = sorted(with_facts(runs), key=lambda run: run.pk)
    answers = run_answers([run for run in found if _may_see(caller, run.account_id)], caller)
    changed = [pk for pk, account_id in sorted(builds.values_list("pk", "account_id")) if _may_see(caller, account_id)]
    return [*(frame("run", run=answer) for answer in answers), *(frame("build", buildSeq=pk) for pk in changed)]


def counts_text(credentials: Credentials) -> str | NoEntry:
    """Return the `counts` frame: BUILD runs that this reader may see; a cancelled run is no failed one."""
    caller = caller_of(credentials)
    if caller is None:
        return NoEntry.NOT_SIGNED_IN
    return frame("counts", **run_counts(caller))


def _may_see(caller: Caller, account_id: int) -> bool:
    return refused(Permission.SEE, caller.role_in(account_id), caller.scopes) is None
