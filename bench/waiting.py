"""How soon a slot that has become free is taken, where 10,000 runs wait, beside ten that wait.

The waiting rows are copies of real ones, with their steps, made by one statement in the throw-away database.
"""

import argparse

import psycopg
from psycopg import sql

from bench.figures import Figure, p95
from bench.post import busy_slots
from bench.presses import Presser
from bench.rows import columns_of
from bench.trivial import TRIVIAL
from bench.world import World, wait_until

BUILDS = 10  # of one build only one run at a time is begun
MANY_EACH = 1_000
LOOK_SECONDS = 0.5
LIMIT_SECONDS = 300.0
RUN_ANEW = ("id", "build_no", "tag_name", "front_at")
STEP_ANEW = ("id", "run_id")
REMOVE = """
    WITH gone AS (DELETE FROM builds_buildrun WHERE id IN
        (SELECT id FROM builds_buildrun WHERE run_state = 'CREATED' AND claimed_at IS NULL FOR UPDATE SKIP LOCKED)
        RETURNING id)
    DELETE FROM builds_runstep USING gone WHERE run_id = gone.id
"""
TIMES = """
    SELECT extract(epoch FROM begun - ended)::float FROM
        (SELECT end_time AS ended, row_number() OVER (ORDER BY end_time) AS place
         FROM builds_buildrun WHERE id >= %(since)s AND run_type = 'BUILD' AND end_time IS NOT NULL) AS ends
        JOIN (SELECT begin_time AS begun, row_number() OVER (ORDER BY begin_time) AS place
         FROM builds_buildrun WHERE build_id = ANY(%(builds)s) AND id >= %(first)s AND begin_time IS NOT NULL) AS begins
        USING (place)
    ORDER BY place LIMIT %(most)s
"""


def measure(world: World, presser: Presser, options: argparse.Namespace) -> list[Figure]:
    """Return the times from an end to the next RUNNING: as all slots are taken, the n-th end lets the n-th begin."""
    figure = Figure(name=f"claim, {BUILDS * MANY_EACH:,} waiting", unit="s", reach=f"p95 ≤ 2 × with {BUILDS}")
    builds = [presser.make_build(f"waiting-{number}", TRIVIAL) for number in range(BUILDS)]
    presser.press(builds[0], limit_seconds=60)
    claims = options.claim_rounds * BUILDS
    for _ in range(options.claim_rounds):
        figure.raw += _claims(world, presser, builds, each=1, most=BUILDS)
    figure.ours = _claims(world, presser, builds, each=MANY_EACH, most=claims)
    figure.judge_ratio(most=2, of=p95)
    return [figure]


def _claims(world: World, presser: Presser, builds: list[int], *, each: int, most: int) -> list[float]:
    """Let `each` runs of each build wait for the slots; return the seconds of the first claims, and remove the rest."""
    with psycopg.connect(world.addresses["database_url"], autocommit=True) as database:
        database.execute("SET session_replication_role = replica")  # copies of valid rows: nothing is to be checked
        with busy_slots(presser) as sleepers:
            firsts = [presser.accept(build) for build in builds]
            if each > 1:
                _copy(database, firsts, each - 1)
                world.manage("recount")  # the copies were made past the trigger that counts
        known = {"since": min(sleepers), "first": min(firsts), "builds": builds, "most": most}
        wait_until(
            lambda: len(database.execute(TIMES, known).fetchall()) >= most,
            seconds=LIMIT_SECONDS, pause=LOOK_SECONDS, what=f"{most} runs have begun",
        )  # fmt: skip
        seconds = [float(one) for (one,) in database.execute(TIMES, known).fetchall()]
        database.execute(REMOVE)
        world.manage("recount")
        active = "SELECT count(*) FROM builds_buildrun WHERE run_state IN ('CREATED', 'RUNNING')"
        wait_until(
            lambda: database.execute(active).fetchone() == (0,),
            seconds=LIMIT_SECONDS, pause=LOOK_SECONDS, what="the others have ended",
        )  # fmt: skip
    return seconds


def _copy(database: "psycopg.Connection[tuple[float]]", runs: list[int], count: int) -> None:
    """Copy each of the runs with its steps so many times; of two neighbours in the queue none is of the same build."""
    run_names, step_names = (
        sql.SQL(", ").join(sql.Identifier(name) for name in columns_of(database, table) if name not in anew)
        for table, anew in (("builds_buildrun", RUN_ANEW), ("builds_runstep", STEP_ANEW))
    )
    copied = sql.SQL(
        "WITH copies AS (INSERT INTO builds_buildrun (build_no, tag_name, front_at, {runs}) "
        "SELECT build_no + n, 'w-' || build_no + n, now(), {runs} "
        "FROM builds_buildrun, generate_series(1, %(count)s) AS n WHERE id = ANY(%(ids)s) ORDER BY n, id "
        "RETURNING id, build_id) "
        "INSERT INTO builds_runstep (run_id, {steps}) SELECT copies.id, {steps} FROM copies "
        "JOIN (SELECT id AS first_id, build_id FROM builds_buildrun WHERE id = ANY(%(ids)s)) AS firsts "
        "USING (build_id) "
        "JOIN builds_runstep ON run_id = first_id"
    ).format(runs=run_names, steps=step_names)
    database.execute(copied, {"count": count, "ids": runs})
    database.execute("UPDATE builds_build SET last_build_no = last_build_no + %s", [count])
    database.execute("ANALYZE builds_buildrun, builds_runstep")
