"""Nothing grows beyond what is read at one glance (docs/architecture.md, "Sizes"). `pytest -s` shows the longest."""

import ast
import sys
from pathlib import Path

from tests.architecture.tree import parsed, python_files, shown

LONGEST_FUNCTION = 50
LONGEST_MODULE = 400


def function_lengths(tree: ast.Module) -> list[tuple[int, str]]:
    """Return (lines, name) of each function, decorators not counted."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [((node.end_lineno or node.lineno) - node.lineno + 1, node.name) for node in functions]


def long_functions(paths: list[Path]) -> list[tuple[int, str]]:
    """Return (lines, place) of all functions, longest first."""
    found = [(lines, f"{shown(path)}:{name}") for path in paths for lines, name in function_lengths(parsed(path))]
    return sorted(found, reverse=True)


def module_length(source: str) -> int:
    return len(source.splitlines())


def test_no_function_is_longer_than_fifty_lines():
    longest = long_functions(python_files())
    sys.stdout.write("".join(f"{lines:4} {place}\n" for lines, place in longest[:10]))
    assert [place for lines, place in longest if lines > LONGEST_FUNCTION] == []


def test_no_module_is_longer_than_four_hundred_lines():
    lengths = {shown(path): module_length(path.read_text(encoding="utf-8")) for path in python_files()}
    assert {place: lines for place, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_a_function_of_fifty_one_lines_is_measured_as_such_wherever_it_stands():
    body = "        pass\n" * 50
    tree = ast.parse(f"class Thing:\n    @cached\n    async def grown(self):\n{body}    def short(self): ...\n")
    assert function_lengths(tree) == [(51, "grown"), (1, "short")]


def test_a_module_of_four_hundred_and_one_lines_is_measured_as_such():
    assert module_length("x = 1\n" * 401) == LONGEST_MODULE + 1


def test_the_modules_that_run_a_build_are_among_the_measured_ones():
    places = {shown(path) for path in python_files()}
    assert {"builds/execution/executor.py", "tests/architecture/test_sizes.py", "manage.py"} <= places
    assert not any(place.startswith((".venv/", "var/")) for place in places)
