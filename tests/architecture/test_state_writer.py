"""Only services/runs/transitions.py writes the state of a run (docs/adr/0001)."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.tree import parsed, python_files, shown

FIELD = "run_state"
WRITER = "builds/services/runs/transitions.py"
WRITES = {"update", "create", "acreate", "aupdate", "get_or_create", "update_or_create", "bulk_update", "setattr"}
# SET … run_state = before any WHERE or FROM: a condition on the state is no write of it.
SQL = re.compile(
    rf"\bSET\b(?:(?!\bWHERE\b|\bFROM\b).)*\b{FIELD}\"?\s*=|\bINSERT\s+INTO\s+\"?builds_buildrun\b[^)]*\b{FIELD}\b",
    re.IGNORECASE | re.DOTALL,
)


def state_writes(tree: ast.Module) -> list[int]:
    """Return the lines at which a module writes `run_state` of a run."""
    return sorted({node.lineno for node in ast.walk(tree) if _writes(node)})


def _writes(node: ast.AST) -> bool:
    match node:
        case ast.Assign(targets=targets):
            return any(_is_field(target) for target in targets)
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target, value=ast.expr()):
            return _is_field(target)
        case ast.Call():
            return _is_writing_call(node)
        case ast.Constant(value=str(text)):
            return bool(SQL.search(text))
        case ast.JoinedStr():
            return bool(SQL.search(ast.unparse(node)))
    return False


def _is_field(target: ast.expr) -> bool:
    inner = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
    return any(isinstance(part, ast.Attribute) and part.attr == FIELD for part in inner)


def _is_writing_call(call: ast.Call) -> bool:
    called = ast.unparse(call.func)
    if called.startswith("RunEvent"):  # history keeps a copy of the state
        return False
    verb = called.rsplit(".", 1)[-1]
    if verb == "save":
        return FIELD in _words(call)
    return (verb in WRITES or called.endswith("BuildRun")) and FIELD in {*_keywords(call), *_words(call)}


def _keywords(call: ast.Call) -> Iterator[str]:
    yield from (keyword.arg for keyword in call.keywords if keyword.arg)


def _words(call: ast.Call) -> Iterator[str]:
    """Yield the strings in a call's arguments: `setattr(run, "run_state", …)`, `update(**{"run_state": …})`."""
    for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
        for node in ast.walk(argument):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_only_transitions_writes_the_state_of_a_run():
    found = {shown(path): state_writes(parsed(path)) for path in python_files(under="builds")}
    assert {place: lines for place, lines in found.items() if lines and place != WRITER} == {}


def test_the_writer_is_seen_to_write():
    (writer,) = (path for path in python_files(under="builds") if shown(path) == WRITER)
    assert len(state_writes(parsed(writer))) >= 2  # the move, and the take-over


@pytest.mark.parametrize(
    "fault",
    [
        "run.run_state = RunState.DONE",
        "run.end_time, run.run_state = now, 'DONE'",
        "BuildRun.objects.filter(pk=1).update(run_state='DONE')",
        "runs.update(**{'run_state': 'DONE'})",
        "BuildRun.objects.create(run_state='DONE')",
        "BuildRun.objects.bulk_create([models.BuildRun(run_state='DONE')])",
        "BuildRun.objects.bulk_update(runs, ['run_state'])",
        "BuildRun.objects.update_or_create(pk=1, defaults={'run_state': 'DONE'})",
        "run.save(update_fields=['run_state'])",
        "setattr(run, 'run_state', 'DONE')",
        "cursor.execute('UPDATE builds_buildrun SET token = 1, run_state = %s WHERE id = 1')",
        "cursor.execute(f'update {table} set run_state=%s')",
        "cursor.execute('INSERT INTO builds_buildrun (id, run_state) VALUES (1, %s)')",
    ],
)
def test_a_planted_write_is_found(fault: str):
    assert state_writes(ast.parse(f"def sneak(run):\n    {fault}\n")) == [2]


@pytest.mark.parametrize(
    "reading",
    [
        "BuildRun.objects.filter(run_state='DONE').update(claim=1)",
        "RunEvent.objects.create(run=run, run_state=run.run_state)",
        "cursor.execute(\"UPDATE builds_buildrun SET token = 1 WHERE run_state = 'RUNNING'\")",
        "done = run.run_state == RunState.DONE",
        "RunFacts(run_state=run.run_state)",
    ],
)
def test_reading_the_state_is_no_write(reading: str):
    assert state_writes(ast.parse(reading)) == []
