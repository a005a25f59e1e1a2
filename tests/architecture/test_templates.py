"""Templates hold no script and no style of their own (the content security policy forbids both), no mark-up is
switched off, and no line is too long to be read."""

import re
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, project_files, shown

LONGEST = 140

FAULTS = {
    "style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.IGNORECASE),
    "style element": re.compile(r"<style[\s>]", re.IGNORECASE),
    "script without a source": re.compile(r"<script(?![^>]*\ssrc=)[^>]*>", re.IGNORECASE),
    "script with a body": re.compile(r"<script[^>]*>\s*[^<\s]", re.IGNORECASE),
    "event attribute": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "script address": re.compile(r"javascript:", re.IGNORECASE),
    "escaping switched off": re.compile(r"\|\s*safe\b|\{%\s*autoescape\s+off"),
}


def faults_of(text: str) -> list[str]:
    """Return what a template holds that it must not."""
    return [name for name, pattern in FAULTS.items() if pattern.search(text)]


def templates() -> list[Path]:
    return [path for path in project_files(ROOT / "templates") if path.suffix in (".html", ".svg", ".txt")]


def test_no_template_holds_a_script_or_a_style_of_its_own():
    found = {shown(path): faults_of(path.read_text(encoding="utf-8")) for path in templates()}
    assert len(found) > 20
    assert {place: names for place, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ('<p class="a" style="color: red">', "style attribute"),
        ('<p\n  style="color: red">', "style attribute"),
        ("<style>p { color: red }</style>", "style element"),
        ('<script type="module">start()</script>', "script without a source"),
        ('<script src="x.js">start()</script>', "script with a body"),
        ('<button onclick="go()">', "event attribute"),
        ('<a href="javascript:go()">', "script address"),
        ("{{ run.end_message|safe }}", "escaping switched off"),
    ],
)
def test_a_planted_fault_is_found(fault: str, name: str):
    assert name in faults_of(fault)


def test_a_script_from_a_file_is_allowed():
    assert faults_of("""<script type="module" src="{% static 'js/page.js' %}"></script>""") == []


def long_lines(text: str) -> list[int]:
    """Return the numbers of the lines that are too long to be read."""
    return [number for number, line in enumerate(text.splitlines(), 1) if len(line) > LONGEST]


def test_no_line_is_too_long():
    found = {shown(path): long_lines(path.read_text(encoding="utf-8")) for path in templates()}
    assert {place: lines for place, lines in found.items() if lines} == {}


def test_a_planted_long_line_is_found():
    assert long_lines(f"<p>\n{'x' * (LONGEST + 1)}\n{'x' * LONGEST}\n") == [2]
