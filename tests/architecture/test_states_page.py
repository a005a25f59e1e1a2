"""docs/states.md is what the tables of the code say."""

import ast
from dataclasses import fields
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from builds.domain import states
from builds.domain.actions import Action, BuildFacts, RunFacts
from builds.domain.states import MOVES, EndReason, RunState
from builds.management.commands import draw_states
from tests.architecture.tree import ROOT, parsed, python_files

DOMAIN = ROOT / "builds" / "domain"


@pytest.fixture
def elsewhere(settings, tmp_path):
    """A project folder whose docs/states.md a test may write."""
    (tmp_path / "docs").mkdir()
    settings.BASE_DIR = tmp_path
    return tmp_path / "docs" / "states.md"


def test_the_file_is_what_the_command_draws():
    assert (ROOT / "docs" / "states.md").read_text(encoding="utf-8") == draw_states.states_page()


def test_check_refuses_a_file_that_was_edited_by_hand(elsewhere):
    call_command("draw_states")
    call_command("draw_states", "--check")
    elsewhere.write_text(elsewhere.read_text() + "| BUILD, DONE | CANCEL |\n")
    with pytest.raises(CommandError, match="draw_states"):
        call_command("draw_states", "--check", stderr=StringIO())


def test_a_move_that_is_added_to_the_table_shows():
    reopened = {**MOVES, RunState.ERROR: frozenset({RunState.RUNNING})}
    before, after = (draw_states.diagram(moves, first=RunState.CREATED) for moves in (MOVES, reopened))
    assert "ERROR --> RUNNING" in after
    assert "ERROR --> RUNNING" not in before
    assert "ERROR --> [*]" in before


def test_every_state_reason_and_action_is_on_the_page():
    page = draw_states.states_page()
    assert [word for word in (*RunState, *EndReason, *Action) if word not in page] == []


def test_only_facts_that_are_read_somewhere_and_moves_that_are_obeyed_stand_in_the_tables():
    obeying = [path for folder in ("queries", "services", "models") for path in python_files(under=f"builds/{folder}")]
    nodes = [node for path in obeying for node in ast.walk(parsed(path))]
    given = {node.arg for node in nodes if isinstance(node, ast.keyword)}
    facts = {field.name for kind in (RunFacts, BuildFacts) for field in fields(kind)}
    assert facts - given == set()
    named = {node.id for path in [*obeying, DOMAIN / "states.py"] for node in ast.walk(parsed(path)) if is_read(node)}
    assert {name for name in vars(states) if name.endswith("MOVES")} - named == set()


def is_read(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
