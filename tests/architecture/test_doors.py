"""One door for look-ups by number: whatever a request names is found through `visible_to`.

What people and programs see (API, pages, sockets) asks the tables of builds and runs by nothing else. A service may
touch a row that it has found already; but in a function that has a `caller`, a number that was handed in is looked up
through the door.
"""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.tree import parsed, python_files, shown

DOOR = "visible_to"
GUARDED = ("Build", "BuildRun")
FACES = ("builds/api", "builds/pages", "builds/live")
# Reads for somebody whose right was checked just before, by the same number; each with its reason.
KNOWN = {
    "builds/live/reading.py": "a topic is read once for all its watchers, each let in through the door",
    "builds/pages/screens/run.py": "earlier runs of the build of a run that came through the door",
}


def lookups(tree: ast.AST) -> Iterator[tuple[ast.Attribute, str]]:
    """Return (place, first method) of every `Build.objects.<method>` and `BuildRun.objects.<method>`."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id=name), attr="objects"), attr=method):
                if name in GUARDED:
                    yield node, method


def beside_the_door(tree: ast.AST) -> list[int]:
    """Return the lines that ask a guarded table by anything but the door."""
    return sorted(node.lineno for node, method in lookups(tree) if method != DOOR)


def unchecked_numbers(tree: ast.AST) -> list[int]:
    """Return the lines of functions with a `caller` that look up a number they were given beside the door."""
    found = []
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and "caller" in (given := parameters(function)):
            found += [call.lineno for call in ast.walk(function) if _asks_beside(call, given)]
    return sorted(found)


def parameters(function: ast.FunctionDef) -> set[str]:
    return {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}


def _asks_beside(call: ast.AST, given: set[str]) -> bool:
    """Say whether `call` is `Build.objects.get(pk=build_id)` or alike, with a parameter as the number."""
    match call:
        case ast.Call(func=ast.Attribute() as place, keywords=keywords) if place in [node for node, _ in lookups(call)]:
            names = {
                word.value.id for word in keywords if word.arg in ("pk", "id") and isinstance(word.value, ast.Name)
            }
            return place.attr != DOOR and bool(names & given)
    return False


@pytest.mark.parametrize("floor", FACES)
def test_faces_look_up_builds_and_runs_through_the_door_only(floor: str):
    found = {shown(path): beside_the_door(parsed(path)) for path in python_files(under=floor)}
    assert {place: lines for place, lines in found.items() if lines and place not in KNOWN} == {}


def test_services_and_queries_look_up_numbers_of_a_caller_through_the_door_only():
    files = [*python_files(under="builds/services"), *python_files(under="builds/queries")]
    found = {shown(path): unchecked_numbers(parsed(path)) for path in files}
    assert {place: lines for place, lines in found.items() if lines} == {}


def test_every_exception_is_still_one():
    found = {shown(path) for floor in FACES for path in python_files(under=floor) if beside_the_door(parsed(path))}
    assert set(KNOWN) <= found


def test_a_planted_look_up_beside_the_door_is_found():
    assert beside_the_door(ast.parse("run = BuildRun.objects.get(pk=seq)")) == [1]
    assert beside_the_door(ast.parse("run = BuildRun.objects.visible_to(caller).get(pk=seq)")) == []


def test_a_planted_number_that_nobody_checked_is_found():
    planted = "def end(*, run_id, caller):\n    return BuildRun.objects.filter(pk=run_id).first()"
    assert unchecked_numbers(ast.parse(planted)) == [2]
    assert unchecked_numbers(ast.parse(planted.replace("objects", "objects.visible_to(caller)"))) == []
    assert unchecked_numbers(ast.parse(planted.replace("pk=run_id", "pk=run.pk"))) == []
