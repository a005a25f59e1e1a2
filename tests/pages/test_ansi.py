"""Terminal output as the pages draw it: the vectors that static/js/ansi.js is tested with as well, and its colours."""

import json
import runpy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.domain.log.colours import TRUE_COLOUR
from builds.domain.log.ink import Ink
from builds.pages.ansi import parts_of
from builds.pages.palette import LEAST_CONTRAST, PALETTE, channels, classes_of, contrast, place_of
from tests.architecture.tree import ROOT

VECTORS = json.loads((ROOT / "tests/vectors/ansi.json").read_text(encoding="utf-8"))
COLOURS = st.none() | st.integers(0, 255) | st.integers(TRUE_COLOUR, 2 * TRUE_COLOUR - 1)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_a_line_is_drawn_from_its_text_and_its_ink(vector):
    parts = parts_of(vector["text"], vector["before"])
    assert [[part.text, part.classes, part.title] for part in parts] == vector["pieces"]
    assert Ink().changed_by(vector["before"] or "0").after(vector["text"]).parameters == vector["after"]


@given(colour=st.integers(0, TRUE_COLOUR - 1))
def test_a_true_colour_is_shown_as_the_nearest_of_the_palette(colour):
    def distance(place: int) -> int:
        return sum((one - other) ** 2 for one, other in zip(channels(colour), channels(PALETTE[place]), strict=True))

    assert distance(place_of(TRUE_COLOUR | colour)) == min(distance(place) for place in range(16, 256))


@given(foreground=COLOURS, background=COLOURS, styles=st.frozensets(st.sampled_from(["inverse", "dim"])))
def test_text_on_a_ground_of_the_programs_own_can_be_read(foreground, background, styles):
    names = [name.rpartition("-") for name in classes_of(Ink(foreground, background, styles)).split()]
    on = [PALETTE[int(place)] for kind, _, place in names if kind == "ansi-on"]
    ground = [PALETTE[int(place)] for kind, _, place in names if kind == "ansi-bg"]
    assert len(on) == len(ground)
    assert all(contrast(text, under) >= LEAST_CONTRAST for text, under in zip(on, ground, strict=True))
    assert bool(ground) == (background is not None or ("inverse" in styles and foreground is not None))


def test_the_style_sheet_of_the_colours_is_what_its_script_makes():
    made = runpy.run_path(str(ROOT / "scripts/ansi_css.py"))["style_sheet"]()
    assert (ROOT / "static/css/components/ansi.css").read_text(encoding="utf-8") == made
