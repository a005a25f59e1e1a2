"""camelCase is the language of the API's edge: below it names are snake_case (docs/adr/0010)."""

import ast
import re

import pytest

from tests.architecture.tree import parsed, python_files, shown

CAMEL = re.compile(r"[a-z]+(?:[A-Z][a-z0-9]*)+")

# The edges at which the API's names stand. Everything else names a field of the API only in `FieldError` and words of
# a foreign protocol (engine floor) as such.
EDGES = ("builds/contract/", "builds/api/", "builds/pages/", "builds/engine/")
SHAPES = {
    "builds/live/reading.py",
}


def camel_case_keys(tree: ast.Module) -> list[tuple[int, str]]:
    """Return (line, word) of camelCase dictionary keys, keyword arguments, parameters, attributes and variables."""
    return sorted((line, word) for node in ast.walk(tree) for line, word in _names(node) if CAMEL.fullmatch(word))


def _names(node: ast.AST) -> list[tuple[int, str]]:
    match node:
        case ast.Dict(keys=keys):
            return [
                (key.lineno, key.value) for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
            ]
        case ast.Subscript(slice=ast.Constant(value=str(word))):
            return [(node.lineno, word)]
        case ast.keyword(arg=str(word)) | ast.arg(arg=word) | ast.Name(id=word, ctx=ast.Store()):
            return [(node.lineno, word)]
        case ast.Attribute(attr=word, ctx=ast.Store()):
            return [(node.lineno, word)]
    return []


def test_camel_case_stays_at_the_edges():
    inner = [path for path in python_files(under="builds") if not shown(path).startswith(EDGES)]
    found = {shown(path): camel_case_keys(parsed(path)) for path in inner if shown(path) not in SHAPES}
    assert {place: words for place, words in found.items() if words} == {}


def test_every_module_that_may_use_camel_case_exists_and_does():
    found = {shown(path): camel_case_keys(parsed(path)) for path in python_files(under="builds")}
    assert {place for place in SHAPES if not found.get(place)} == set()


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ("shape = {'buildRunSeq': 1}", "buildRunSeq"),
        ("name = body['buildName']", "buildName"),
        ("start(tagName='1')", "tagName"),
        ("def start(tagName): ...", "tagName"),
        ("runState = 1", "runState"),
        ("run.runState = 1", "runState"),
    ],
)
def test_a_planted_camel_case_name_is_found(fault: str, word: str):
    assert camel_case_keys(ast.parse(fault)) == [(1, word)]


def test_a_field_error_may_name_the_field_of_the_api():
    assert camel_case_keys(ast.parse("raise Invalid([FieldError('tagName', 'Choose another tag.')])")) == []
