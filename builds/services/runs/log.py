"""Storing a run's log: numbered lines in chunks, stored first, then hinted.

Reading is builds/queries/log.py.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

from django.db import connection, transaction

from builds import doorbell
from builds.domain.log.lines import LogLine, OpenLine
from builds.domain.log.packing import pack
from builds.domain.states import RunState
from builds.models import BuildRun
from builds.services.runs.transitions import Lease

Chunk = tuple[int | None, Sequence[LogLine]]  # a step and its lines
Open = tuple[int | None, Sequence[OpenLine]]

# One statement: the fence, the counters, the chunk and the hint. The row's lock orders it against a take-over, so a
# lost attempt can never write after the next one has begun, and numbers have no gap.
APPEND = """
WITH fence AS (
    UPDATE builds_buildrun SET line_count = line_count + %(lines)s, byte_count = byte_count + %(bytes)s,
           chunk_count = chunk_count + 1
     WHERE id = %(run)s AND token = %(token)s AND run_state = 'RUNNING' AND chunk_count = %(sequence)s - 1
    RETURNING line_count, chunk_count
), chunk AS (
    INSERT INTO builds_logchunk (run_id, sequence, step_id, first_line, line_count, text, raw, layout)
    SELECT %(run)s, chunk_count, %(step)s::bigint, line_count - %(lines)s + 1, %(lines)s, %(text)s::text,
           %(raw)s::bytea, %(layout)s::jsonb FROM fence
), step AS (
    UPDATE builds_runstep SET first_line = (SELECT line_count - %(lines)s + 1 FROM fence)
     WHERE id = %(step)s::bigint AND first_line IS NULL AND EXISTS (SELECT 1 FROM fence)
)
SELECT line_count, pg_notify(%(channel)s,
       json_build_object('type', 'log.grew', 'run', %(run)s::bigint, 'up_to', line_count)::text)
  FROM fence
"""

# The row's lock orders it against a take-over, as above.
SHOW_OPEN = """
WITH fence AS (
    SELECT id, line_count FROM builds_buildrun
     WHERE id = %(run)s AND token = %(token)s AND run_state = 'RUNNING' FOR NO KEY UPDATE
), shown AS (
    INSERT INTO builds_openlines (run_id, lines) SELECT id, %(lines)s::jsonb FROM fence
        ON CONFLICT (run_id) DO UPDATE SET lines = excluded.lines
)
SELECT pg_notify(%(channel)s,
       json_build_object('type', 'log.grew', 'run', %(run)s::bigint, 'up_to', line_count)::text)
  FROM fence
"""


def append_chunks(lease: Lease, chunks: Sequence[Chunk], *, after: int, opened: Open | None = None) -> bool:
    """Store `chunks` as those that follow chunk `after`, in one commit; False where the lease was lost.

    `opened` are a step and the lines that are open behind them; None where these have not changed.
    Repeating it is free: chunks whose commit was not heard of, because the connection broke, are found stored.
    """
    with transaction.atomic():
        stored = all(
            _append(lease, step_id, lines, sequence=after + place) for place, (step_id, lines) in enumerate(chunks, 1)
        )
        stored = stored and (opened is None or _show_open(lease, *opened))
        if not stored:
            transaction.set_rollback(True)
    if stored:
        return True
    mine = BuildRun.objects.filter(pk=lease.run_id, token=lease.token, run_state=RunState.RUNNING)
    return mine.filter(chunk_count=after + len(chunks)).exists()


def _append(lease: Lease, step_id: int | None, lines: Sequence[LogLine], *, sequence: int) -> bool:
    packed = pack(lines)
    with connection.cursor() as cursor:
        cursor.execute(
            APPEND,
            {
                "run": lease.run_id,
                "token": lease.token,
                "sequence": sequence,
                "step": step_id,
                "lines": len(lines),
                "bytes": sum(len(line.raw) for line in lines),
                "text": packed.text,
                "raw": packed.raw,
                "layout": json.dumps(packed.layout),
                "channel": doorbell.WATCHERS,
            },
        )
        return cursor.fetchone() is not None


def _show_open(lease: Lease, step_id: int | None, lines: Sequence[OpenLine]) -> bool:
    shown = json.dumps([{"step": step_id, **asdict(line)} for line in lines])
    with connection.cursor() as cursor:
        cursor.execute(
            SHOW_OPEN, {"run": lease.run_id, "token": lease.token, "lines": shown, "channel": doorbell.WATCHERS}
        )
        return cursor.fetchone() is not None
