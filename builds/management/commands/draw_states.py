"""`manage.py draw_states`: draws docs/states.md from the tables that the code itself obeys, so that it cannot rot."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from builds.domain.access import Role
from builds.domain.actions import (
    Action,
    BuildFacts,
    RunFacts,
    build_possible_actions,
    build_refusal,
    possible_actions,
    refusal,
)
from builds.domain.states import MOVES, EndReason, RunState, RunType, StepState, WhenRunning, fits

Facts = TypeVar("Facts", bound=RunFacts | BuildFacts)
ROLES: Final = (Role.VIEWER, Role.OPERATOR, Role.ADMIN)  # an instance admin may do here what an account admin may
BUILD, CREATED, RUNNING, DONE = RunType.BUILD, RunState.CREATED, RunState.RUNNING, RunState.DONE

RUN_SITUATIONS: Final[tuple[tuple[str, RunFacts], ...]] = (
    ("BUILD, CREATED", RunFacts(BUILD, CREATED, None)),
    ("BUILD, RUNNING", RunFacts(BUILD, RUNNING, None)),
    ("BUILD, RUNNING, cancelling", RunFacts(BUILD, RUNNING, None, cancel_active=True)),
    ("BUILD, RUNNING, `whenRunning` QUEUE or REPLACE", RunFacts(BUILD, RUNNING, None, when_running=WhenRunning.QUEUE)),
    ("BUILD, DONE or ERROR", RunFacts(BUILD, DONE, None)),
    ("BUILD, DONE or ERROR, another run is active", RunFacts(BUILD, DONE, None, other_active=True)),
    ("BUILD, DONE or ERROR, being removed", RunFacts(BUILD, DONE, None, removal_active=True)),
    ("BUILD, DONE or ERROR, build out of use", RunFacts(BUILD, DONE, None, build_in_use=False)),
    ("BUILD, DONE or ERROR, build being removed", RunFacts(BUILD, DONE, None, build_removal_active=True)),
    ("CANCEL, any state", RunFacts(RunType.CANCEL, RUNNING, None)),
    ("REMOVE, any state", RunFacts(RunType.REMOVE, RUNNING, None)),
)
OWN_SITUATIONS: Final[tuple[tuple[str, RunFacts], ...]] = (  # what only PUSH, FRONT and RESEND look at
    ("BUILD, DONE or ERROR, with its image", RunFacts(BUILD, DONE, None, has_image=True)),
    ("BUILD, CREATED, handed over", RunFacts(BUILD, CREATED, None, claimed_host="HOST")),
    ("BUILD, CREATED, behind run 7 of its build", RunFacts(BUILD, CREATED, None, elder=7)),
    ("any run, the callback is under way", RunFacts(BUILD, DONE, None, being_sent=True)),
)
BUILD_SITUATIONS: Final[tuple[tuple[str, BuildFacts], ...]] = (
    ("idle", BuildFacts(None)),
    ("a run is active", BuildFacts(None, active=True)),
    ("a run is active, `whenRunning` QUEUE or REPLACE", BuildFacts(None, active=True, when_running=WhenRunning.QUEUE)),
    ("a run of it is being removed", BuildFacts(None, removing=True, build_removal_active=False)),
    ("being removed", BuildFacts(None, removing=True, build_removal_active=True)),
    ("out of use", BuildFacts(None, in_use=False)),
)
PAGE: Final = """\
# States

Drawn by `manage.py draw_states` from `builds/domain/states.py` and `builds/domain/actions.py`. Change those, then draw
again; a test compares this file with what the command draws.

## Runs

{run_diagram}

RUNNING to RUNNING is the take-over of a run whose lease has lapsed: the next attempt. There is no cancelled state: that
a run was asked to cancel is the fact `cancel_requested_at`, and what ended it is its `end_reason`.

{end_reasons}

## Steps of a run

{step_states}. A step that was never reached stays WAIT; the end of its run ends the one that was running.

## What may be done with a run (`possibleActions`)

An instance admin may do what an account admin may.

{run_actions}

## What may be done with a build

{build_actions}

## Why not

What `refusal` and `build_refusal` say: the pages show this sentence, and a refused call is answered with it. PUSH (push
again), FRONT (move to the front of the queue) and RESEND (send a callback again) are BuildHub's own: no word of
`possibleActions`, but rules of the same table.

{refusals}
"""


class Command(BaseCommand):
    """Draws docs/states.md."""

    help = "Draw docs/states.md from the tables of states and actions; with --check only say whether it is up to date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare `--check`."""
        parser.add_argument("--check", action="store_true", help="write nothing; fail where the file is out of date")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the file, or compare it; raises `CommandError` where the comparison fails."""
        path = Path(settings.BASE_DIR) / "docs" / "states.md"
        page = states_page()
        if not options["check"]:
            path.write_text(page, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != page:
            raise CommandError("docs/states.md is out of date: run `manage.py draw_states` and commit the file.")


def states_page() -> str:
    """Return what docs/states.md has to hold."""
    of_builds = [(f"build: {name}", facts) for name, facts in BUILD_SITUATIONS]
    refusals = [
        *_refusals((*RUN_SITUATIONS, *OWN_SITUATIONS), list(Action), refusal),
        *_refusals(of_builds, [Action.BUILD, Action.REMOVE], build_refusal),
    ]
    reasons = [(state, ", ".join(word for word in EndReason if fits(state, word))) for state in RunState]
    return PAGE.format(
        run_diagram=diagram(MOVES, first=RunState.CREATED),
        end_reasons=table(("final state", "end_reason"), [row for row in reasons if row[1]]),
        step_states=", ".join(StepState),
        run_actions=table(("run", *(role.words for role in ROLES)), _rows(RUN_SITUATIONS, possible_actions)),
        build_actions=table(
            ("build", *(role.words for role in ROLES)), _rows(BUILD_SITUATIONS, build_possible_actions)
        ),
        refusals=table(("action", "situation", "who asks", "sentence"), refusals),
    )


def diagram(moves: Mapping[Any, frozenset[Any]], *, first: StrEnum) -> str:
    """Return a mermaid state diagram of a table of moves."""
    arrows = [f"    [*] --> {first}"]
    for source, targets in moves.items():
        arrows += [f"    {source} --> {target}" for target in type(first) if target in targets]
        arrows += [] if targets else [f"    {source} --> [*]"]
    return "\n".join(("```mermaid", "stateDiagram-v2", *arrows, "```"))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rows(
    situations: Sequence[tuple[str, Facts]], possible: Callable[[Facts], Sequence[Action]]
) -> list[tuple[str, ...]]:
    """Return a row for each situation: what each role may do there."""
    return [
        (name, *(", ".join(possible(replace(facts, role=role))) or "–" for role in ROLES)) for name, facts in situations
    ]


def _refusals(
    situations: Sequence[tuple[str, Facts]], actions: Sequence[Action], why: Callable[[Action, Facts], str | None]
) -> Iterator[tuple[str, ...]]:
    """Yield each sentence of `why` once, with the first situation and the least role that meets it."""
    said: set[str | None] = {None}
    for action in actions:
        for name, facts in situations:
            for role in ROLES:
                sentence = why(action, replace(facts, role=role))
                if sentence not in said:
                    said.add(sentence)
                    yield action, name, role.words, str(sentence)
