"""Tags that follow a build (`latest`, extra tags): they move forward only, however runs overtake each other."""

from collections.abc import Mapping
from typing import Final

from django.db import connection

from builds.domain.run_events import EventKind
from builds.models import RunEvent

LOCK: Final = 0x6C617465  # the first key of this use of PostgreSQL's advisory locks; the second is the build


def try_lock(build_id: int) -> bool:
    """Take the right to move tags of this build, held by this connection alone; False where another one has it."""
    return bool(_ask("SELECT pg_try_advisory_lock(%s, %s)", build_id))


def unlock(build_id: int) -> None:
    """Give the right back; without it nothing happens."""
    _ask("SELECT pg_advisory_unlock(%s, %s)", build_id)


def newer_runs(build_id: int, *, number: int, image: str) -> Mapping[str, int]:
    """Return which tags of `image` (host and repository) a run after `number` has moved, and the newest such run."""
    moved = RunEvent.objects.filter(run__build_id=build_id, what=EventKind.TAGS_MOVED, facts__image=image)
    newer = moved.filter(facts__number__gt=number).order_by("facts__number")
    return {tag: newest for tags, newest in newer.values_list("facts__tags", "facts__number") for tag in tags}


def _ask(statement: str, build_id: int) -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement, [LOCK, build_id & 0x7FFFFFFF])
        return cursor.fetchone()[0]
