"""Storing and reading a run's log: numbered lines in chunks, stored first, then hinted (architecture.md, step 6)."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from django.db import connection

from builds import doorbell
from builds.domain.logs import LogLine, NumberedLine, pack, raw_bytes, unpack
from builds.domain.states import RunState
from builds.models import BuildRun, LogChunk
from builds.services.transitions import Lease

CHUNK_LINES: Final = 500  # at most, so that line n is found by a range of the index

# One statement: the fence, the counters, the chunk and the bell. The row's lock orders it against a take-over, so a
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


def append_chunk(lease: Lease, step_id: int | None, lines: Sequence[LogLine], *, sequence: int) -> bool:
    """Store `lines` as chunk `sequence` (from 1) of the run; False where the lease was lost.

    Repeating it is free: a chunk whose commit was not heard of, because the connection broke, is found stored.
    """
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
        if cursor.fetchone():
            return True
    mine = BuildRun.objects.filter(pk=lease.run_id, token=lease.token, run_state=RunState.RUNNING)
    return mine.filter(chunk_count=sequence).exists()


def read_lines(
    run_id: int, *, after: int = 0, limit: int = 1000, step_id: int | None = None
) -> list[tuple[int | None, NumberedLine]]:
    """Return up to `limit` lines after number `after`, each with its step."""
    found: list[tuple[int | None, NumberedLine]] = []
    for step, line in iterate_lines(run_id, after=after, step_id=step_id):
        found.append((step, line))
        if len(found) >= limit:
            break
    return found


def iterate_lines(
    run_id: int, *, after: int = 0, step_id: int | None = None, search: str = ""
) -> Iterator[tuple[int | None, NumberedLine]]:
    """Yield the lines after number `after` in order; `search` keeps those that hold the text, in any case."""
    chunks = LogChunk.objects.filter(run_id=run_id, first_line__gt=after - CHUNK_LINES)
    if step_id is not None:
        chunks = chunks.filter(step_id=step_id)
    if search:
        chunks = chunks.filter(text__icontains=search)
    wanted = search.casefold()
    for chunk in chunks.order_by("sequence").iterator(chunk_size=50):
        for line in unpack(chunk.packed, first_line=chunk.first_line):
            if line.n > after and (not wanted or wanted in line.text.casefold()):
                yield chunk.step_id, line


def iterate_bytes(run_id: int) -> Iterator[bytes]:
    """Yield the stored bytes of the log in order: exactly those that byte count and SHA-256 are of."""
    for chunk in LogChunk.objects.filter(run_id=run_id).order_by("sequence").iterator(chunk_size=50):
        yield raw_bytes(chunk.packed)
