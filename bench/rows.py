"""Lists over a million runs, beside the same over a thousand: a page must not cost what the table costs.

The rows are copies of a real run, made by one statement in the throw-away database. In the tables of figures the
small side stands as `raw`.
"""

import argparse
import time
from collections.abc import Sequence

import psycopg
from psycopg import sql

from bench.figures import Figure, p95
from bench.presses import Presser
from bench.world import World

MANY = 1_000_000
FEW = 1_000
MOST_TIMES = 5.0  # the issue: p95 of a page under 5 × that of 1,000 rows
TRIVIAL = "FROM buildhub-base:1\nRUN echo rows\n"
COPIED_ANEW = ("id", "build_no", "tag_name")


def measure(world: World, presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """Return figures of the list of runs (first and a deep page) and of the list of builds."""
    small = _filled_build(world, presser, "rows-few", FEW)
    builds_before = [_seconds(world, "/build?limit=50") for _ in range(options.row_rounds)]
    large = _filled_build(world, presser, "rows-many", MANY)
    first = Figure(name=f"page of {MANY:,} runs", unit="s", target=f"p95 < {MOST_TIMES:g} × of {FEW:,}")
    deep = Figure(name="deep page of them", unit="s", target=first.target)
    for _ in range(options.row_rounds):
        for figure, path in ((first, "/build/run?buildSeq={}"), (deep, "/build/run?buildSeq={}&after={}")):
            figure.raw.append(_seconds(world, path.format(*small)))
            figure.ours.append(_seconds(world, path.format(*large)))
    for figure in (first, deep):
        times = p95(figure.ours) / p95(figure.raw)
        figure.compared, figure.is_met = f"{times:.2f} ×", times < MOST_TIMES
    return [first, deep, _builds(world, builds_before, options)]


def _builds(world: World, before: list[float], options: argparse.Namespace) -> Figure:
    """Return what the list of builds costs where one of them has a million runs; its counters read them all."""
    after = [_seconds(world, "/build?limit=50") for _ in range(max(options.row_rounds // 5, 3))]
    figure = Figure(name=f"list of builds, one with {MANY:,} runs", unit="s", ours=after, raw=before)
    figure.compared = f"{p95(after) / p95(before):.1f} ×"
    figure.remarks.append("no target: told as it is")
    return figure


def _filled_build(world: World, presser: Presser, name: str, count: int) -> tuple[int, int]:
    """Make a build with `count` runs, copies of a real one; return its number and that of a run in the middle."""
    build = presser.make_build(name, TRIVIAL)
    pressed = presser.press(build, limit_seconds=60)
    with psycopg.connect(world.addresses["database_url"], autocommit=True) as database:
        database.execute("SET session_replication_role = replica")  # copies of a valid row: nothing is to be checked
        columns = database.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'builds_buildrun'"
        ).fetchall()
        database.execute(_copying([column for (column,) in columns]), [count, pressed.seq])
        database.execute("UPDATE builds_build SET last_build_no = %s WHERE id = %s", [count, build])
        database.execute("VACUUM ANALYZE builds_buildrun")
        row = database.execute(
            "SELECT id FROM builds_buildrun WHERE build_id = %s AND build_no = %s", [build, count // 2]
        ).fetchone()
    if row is None:
        raise RuntimeError(f"build {build} was not filled")
    return build, int(row[0])


def _copying(columns: Sequence[str]) -> sql.Composed:
    """Return the statement that copies a run under the numbers 2 to the first parameter."""
    names = sql.SQL(", ").join(sql.Identifier(column) for column in columns if column not in COPIED_ANEW)
    return sql.SQL(
        "INSERT INTO builds_buildrun (build_no, tag_name, {names}) SELECT n, 'v-' || n, {names} "
        "FROM builds_buildrun, generate_series(2, %s) AS n WHERE builds_buildrun.id = %s"
    ).format(names=names)


def _seconds(world: World, path: str) -> float:
    began = time.perf_counter()
    world.call("GET", path)
    return time.perf_counter() - began
