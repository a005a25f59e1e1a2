"""Lists over a million runs, beside the same over a thousand: a page must not cost what the table costs.

The rows are copies of a real run and of a real build, made by one statement each in the throw-away database. In the
tables of figures the small side stands as `raw`. The lists of builds are read before and after, not in turns: there
is but one list.
"""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import sql

from bench.figures import Figure, p95, timed
from bench.presses import Presser
from bench.world import World

MANY = 1_000_000
FEW = 1_000
BUILDS = 2_000
MOST_TIMES = 5.0  # of a page of runs: p95 under 5 × that of 1,000 rows
MOST_TIMES_OF_BUILDS = 1.5
TRIVIAL = "FROM buildhub-base:1\nRUN echo rows\n"
COPIED_ANEW = ("id", "build_no", "tag_name", "begin_time", "end_time")


def measure(world: World, presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """Return figures of the list of runs (first and a deep page) and of the list of builds."""
    small = _filled_build(world, presser, "rows-few", FEW)
    _copy_builds(world, small[0])
    browser = world.signed_in()
    lists: dict[str, Callable[[], object]] = {
        "GET /v1/build": lambda: world.call("GET", "/build?limit=50"),
        "list page": lambda: browser.get(f"{world.url}/", timeout=30).raise_for_status(),
    }
    before = {name: [timed(read) for _ in range(options.row_rounds)] for name, read in lists.items()}
    large = _filled_build(world, presser, "rows-many", MANY)
    first = Figure(name=f"page of {MANY:,} runs", unit="s", reach=f"p95 < {MOST_TIMES:g} × of {FEW:,}")
    deep = Figure(name="deep page of them", unit="s", reach=first.reach)
    for _ in range(options.row_rounds):
        for figure, path in ((first, "/build/run?buildSeq={}"), (deep, "/build/run?buildSeq={}&after={}")):
            for samples, place in ((figure.raw, small), (figure.ours, large)):
                samples.append(timed(lambda path=path, place=place: world.call("GET", path.format(*place))))  # type: ignore[misc]
    for figure in (first, deep):
        times = p95(figure.ours) / p95(figure.raw)
        figure.compared, figure.is_met = f"{times:.2f} ×", times < MOST_TIMES
    return [first, deep, *(_builds(name, read, before[name]) for name, read in lists.items())]


def _builds(name: str, read: Callable[[], object], before: list[float]) -> Figure:
    """Return what a list of builds costs where one of them has a million runs."""
    figure = Figure(name=f"{name}, {BUILDS:,} builds, one of {MANY:,} runs", unit="s", raw=before)
    figure.ours = [timed(read) for _ in before]
    times = p95(figure.ours) / p95(figure.raw)
    figure.reach = f"p95 ≤ {MOST_TIMES_OF_BUILDS:g} × of {FEW:,}"
    figure.compared, figure.is_met = f"{times:.2f} ×", times <= MOST_TIMES_OF_BUILDS
    return figure


def _copy_builds(world: World, build: int) -> None:
    """Make the list of builds long with copies of one, without runs."""
    with psycopg.connect(world.addresses["database_url"], autocommit=True) as database:
        columns = columns_of(database, "builds_build")
        names = sql.SQL(", ").join(
            sql.Identifier(name) for name in columns if name not in ("id", "image_name", "last_run_id")
        )
        copy = sql.SQL(
            "INSERT INTO builds_build (image_name, {names}) SELECT 'copy-' || n, {names} "
            "FROM builds_build, generate_series(1, %s) AS n WHERE builds_build.id = %s"
        )
        database.execute(copy.format(names=names), [BUILDS, build])
        database.execute("VACUUM ANALYZE builds_build")


def columns_of(database: "psycopg.Connection[Any]", table: str) -> list[str]:
    """Return the columns of a table."""
    asked = "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
    return [column for (column,) in database.execute(asked, [table]).fetchall()]


def _filled_build(world: World, presser: Presser, name: str, count: int) -> tuple[int, int]:
    """Make a build with `count` runs, copies of a real one; return its number and that of a run in the middle."""
    build = presser.make_build(name, TRIVIAL)
    pressed = presser.press(build, limit_seconds=60)
    with psycopg.connect(world.addresses["database_url"], autocommit=True) as database:
        database.execute("SET session_replication_role = replica")  # copies of a valid row: nothing is to be checked
        database.execute(_copying(columns_of(database, "builds_buildrun")), [count, pressed.seq])
        database.execute("UPDATE builds_build SET last_build_no = %s WHERE id = %s", [count, build])
        database.execute("VACUUM ANALYZE builds_buildrun")
        row = database.execute(
            "SELECT id FROM builds_buildrun WHERE build_id = %s AND build_no = %s", [build, count // 2]
        ).fetchone()
    if row is None:
        raise RuntimeError(f"build {build} was not filled")
    world.manage("recount")  # the copies were made past the trigger that counts
    return build, int(row[0])


def _copying(columns: Sequence[str]) -> sql.Composed:
    """Return the statement that copies a run under the numbers 2 to the first parameter, spread over a year."""
    names = sql.SQL(", ").join(sql.Identifier(column) for column in columns if column not in COPIED_ANEW)
    return sql.SQL(
        "INSERT INTO builds_buildrun (build_no, tag_name, begin_time, end_time, {names}) "
        "SELECT n, 'v-' || n, begin_time - ago, end_time - ago, {names} FROM builds_buildrun, "
        "generate_series(2, %s) AS n, LATERAL (SELECT n %% 365 * interval '1 day' AS ago) AS days "
        "WHERE builds_buildrun.id = %s"
    ).format(names=names)
