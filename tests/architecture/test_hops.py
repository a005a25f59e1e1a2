"""How often a reader is sent elsewhere: helpers with one caller, and arrows between the rooms of services.

`pytest -s` prints both figures. They are ceilings: lower them when they fall.
"""

import ast
import sys
from collections import Counter
from pathlib import Path

from tests.architecture.tree import ROOT, parsed, python_files, shown

MOST_HELPERS = 191
MOST_ARROWS = 20  # of one module to one module
SERVICES = "builds/services/"
ROOMS = ("accounts", "connections", "builds", "runs")


def helpers_with_one_caller(tree: ast.Module) -> list[str]:
    """Return the private functions of a module that are called at one place and named nowhere else."""
    named: Counter[str] = Counter()
    called: Counter[str] = Counter()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                named[name] += 1
            case ast.Call(func=ast.Name(id=name)):
                called[name] += 1
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [name for name in functions if name.startswith("_") and (named[name], called[name]) == (1, 1)]


def rooms_used(path: str, tree: ast.Module) -> set[tuple[str, str]]:
    """Return (module, module of another room) for each import; what stands beside the rooms (dispatch …) is in none."""
    arrows = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("builds.services"):
            for alias in node.names:
                target = f"{node.module}.{alias.name}".replace(".", "/")
                if not (ROOT / f"{target}.py").exists():
                    target = (node.module or "").replace(".", "/")
                if {room_of(path), room_of(f"{target}.py")} <= {*ROOMS} and room_of(path) != room_of(f"{target}.py"):
                    arrows.add((path, f"{target}.py"))
    return arrows


def room_of(path: str) -> str:
    return path.removeprefix(SERVICES).partition("/")[0]


def counted() -> list[Path]:
    return [*python_files(under="builds"), *python_files(under="supervisor")]


def test_few_private_helpers_have_a_single_caller():
    found = {shown(path): helpers_with_one_caller(parsed(path)) for path in counted()}
    total = sum(len(names) for names in found.values())
    sys.stdout.write(f"{total} private helpers with one caller\n")
    assert total <= MOST_HELPERS


def test_few_arrows_lead_from_room_to_room_of_services():
    arrows = {arrow for path in python_files(under=SERVICES) for arrow in rooms_used(shown(path), parsed(path))}
    sys.stdout.write(f"{len(arrows)} arrows between the rooms of services\n")
    assert 0 < len(arrows) <= MOST_ARROWS


def test_a_helper_that_is_called_twice_or_handed_around_is_none():
    tree = ast.parse(
        "def _once(): ...\ndef _twice(): ...\ndef _given(): ...\n"
        "TABLE = {1: _given}\ndef use():\n    _once()\n    _twice()\n    _twice()\n"
    )
    assert helpers_with_one_caller(tree) == ["_once"]


def test_an_import_from_another_room_is_an_arrow_and_one_of_the_same_room_is_none():
    source = "from builds.services.runs.transitions import End\nfrom builds.services.builds import definitions\n"
    found = rooms_used("builds/services/runs/start.py", ast.parse(source))
    assert found == {("builds/services/runs/start.py", "builds/services/builds/definitions.py")}
