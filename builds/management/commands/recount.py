"""`manage.py recount`: counts the runs of every build anew and compares with what is kept.

Exit code: 0 where the kept counts were right, 1 where they were not; they are right afterwards.
"""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection, transaction

from builds.management.database import need_database
from builds.models.build_counts import COUNT_ANEW, TRUTH

WRONG = f"""
SELECT coalesce(kept.build_id, truth.build_id) FROM builds_buildcounts AS kept
  FULL JOIN ({TRUTH}) AS truth USING (build_id)
 WHERE (coalesce(kept.runs, 0), coalesce(kept.running, 0), coalesce(kept.done, 0), coalesce(kept.error, 0),
        coalesce(kept.done_time, '0'), coalesce(kept.done_size, 0), coalesce(kept.tags, 0))
    <> (coalesce(truth.runs, 0), coalesce(truth.running, 0), coalesce(truth.done, 0), coalesce(truth.error, 0),
        coalesce(truth.done_time, '0'), coalesce(truth.done_size, 0), coalesce(truth.tags, 0))
 ORDER BY 1
"""  # noqa: S608  constants


class Command(BaseCommand):
    """Counts anew; no run changes meanwhile."""

    help = "Count the runs of every build anew, say which kept counts were wrong, and keep the right ones."

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare, then count anew."""
        need_database()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE builds_buildrun IN SHARE ROW EXCLUSIVE MODE")  # reading goes on
            cursor.execute(WRONG)
            wrong = [str(build_id) for (build_id,) in cursor.fetchall()]
            cursor.execute(COUNT_ANEW)
        if wrong:
            self.stderr.write(f"The counts of builds {', '.join(wrong)} were wrong; they are right now.")
            raise SystemExit(1)
        self.stdout.write("All counts are right.")
