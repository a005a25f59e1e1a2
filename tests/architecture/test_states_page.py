"""docs/states.md is what the tables of the code say."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from builds.domain.actions import Action
from builds.domain.states import MOVES, EndReason, RunState
from builds.management.commands import draw_states
from tests.architecture.tree import ROOT


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
