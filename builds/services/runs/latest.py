"""The tag `latest` of a build whose step asks for it: it moves forward only, however runs overtake each other."""

from typing import Final

from django.db import connection

from builds.domain.run_events import EventKind
from builds.models import RunEvent

LOCK: Final = 0x6C617465  # the first key of this use of PostgreSQL's advisory locks; the second is the build


def try_lock(build_id: int) -> bool:
    """Take the right to move the tag for this build, held by this connection alone; False where another one has it."""
    return bool(_ask("SELECT pg_try_advisory_lock(%s, %s)", build_id))


def unlock(build_id: int) -> None:
    """Give the right back; without it nothing happens."""
    _ask("SELECT pg_advisory_unlock(%s, %s)", build_id)


def newer_run(build_id: int, *, number: int, image: str) -> int | None:
    """Return the number of a run after `number` that has moved the tag of `image` (host and repository), or None."""
    moved = RunEvent.objects.filter(run__build_id=build_id, what=EventKind.LATEST, facts__image=image)
    newer = moved.filter(facts__number__gt=number).order_by("-facts__number")
    return newer.values_list("facts__number", flat=True).first()


def _ask(statement: str, build_id: int) -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement, [LOCK, build_id & 0x7FFFFFFF])
        return cursor.fetchone()[0]
