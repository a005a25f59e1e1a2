"""What lists tell of the BUILD runs of a build, counted when a run changes and not when a list is read.

A trigger of the runs' table counts, in the transaction of the change and whoever writes it. `TRUTH` counts anew from
the runs themselves: for the migration, and for the command `recount`, which compares.
"""

from datetime import timedelta
from typing import ClassVar, Final

import pgtrigger
from django.db import models

from builds.models.build import Build


class BuildCounts(models.Model):
    """Counts of the BUILD runs of a build that are not removed; a build without any run may have no row."""

    build = models.OneToOneField(Build, on_delete=models.CASCADE, primary_key=True, related_name="counts")
    # not positive by constraint: the trigger's own insert may be of a difference
    runs = models.IntegerField(default=0)
    running = models.IntegerField(default=0, help_text="Waiting or running.")
    done = models.IntegerField(default=0)
    error = models.IntegerField(default=0)
    done_time = models.DurationField(default=timedelta, help_text="Of all DONE runs together.")
    done_size = models.BigIntegerField(default=0, help_text="Bytes of all DONE runs together.")
    tags = models.IntegerField(default=0, help_text="Different tags of DONE runs.")

    objects: ClassVar[models.Manager["BuildCounts"]]  # Django's own; django-stubs' plugin misses it here

    def __str__(self) -> str:
        return f"{self.runs} runs of build {self.pk}"

    @property
    def seconds(self) -> int | None:
        """Return how many seconds a DONE run took on average, None without one."""
        return int(self.done_time.total_seconds() / self.done) if self.done else None

    @property
    def size(self) -> int | None:
        """Return how many bytes a DONE run pushed on average, None without one."""
        return self.done_size // self.done if self.done else None


class BuildTag(models.Model):
    """A tag of DONE runs of a build, and how many of them have it."""

    build = models.ForeignKey(Build, on_delete=models.CASCADE, related_name="tags")
    tag_name = models.CharField(max_length=128)
    images = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["build", "tag_name"], name="build_tag_once")]

    def __str__(self) -> str:
        return self.tag_name


# what the runs say, in the columns of BuildCounts
TRUTH: Final = """
SELECT build_id,
       count(*)::int AS runs,
       (count(*) FILTER (WHERE run_state IN ('CREATED', 'RUNNING')))::int AS running,
       (count(*) FILTER (WHERE run_state = 'DONE'))::int AS done,
       (count(*) FILTER (WHERE run_state = 'ERROR'))::int AS error,
       coalesce(sum(end_time - begin_time) FILTER (WHERE run_state = 'DONE'), '0') AS done_time,
       coalesce(sum(image_size) FILTER (WHERE run_state = 'DONE'), 0)::bigint AS done_size,
       (count(DISTINCT tag_name) FILTER (WHERE run_state = 'DONE'))::int AS tags
  FROM builds_buildrun WHERE run_type = 'BUILD' AND removed_at IS NULL GROUP BY build_id
"""
COUNT_ANEW: Final = f"""
DELETE FROM builds_buildcounts;
DELETE FROM builds_buildtag;
INSERT INTO builds_buildcounts (build_id, runs, running, done, error, done_time, done_size, tags) {TRUTH};
INSERT INTO builds_buildtag (build_id, tag_name, images)
SELECT build_id, tag_name, count(*) FROM builds_buildrun
 WHERE run_type = 'BUILD' AND removed_at IS NULL AND run_state = 'DONE' GROUP BY build_id, tag_name;
"""  # noqa: S608  constants

CHANGE: Final = pgtrigger.UpdateOf(  # type: ignore[no-untyped-call]  # a library's
    *("run_state", "removed_at", "tag_name", "begin_time", "end_time", "image_size")
)
COUNT: Final = pgtrigger.Trigger(
    name="run_counts",
    when=pgtrigger.After,
    operation=pgtrigger.Insert | CHANGE | pgtrigger.Delete,
    declare=[
        ("is_counted", "boolean := TG_OP <> 'DELETE' AND NEW.run_type = 'BUILD' AND NEW.removed_at IS NULL"),
        ("was_counted", "boolean := TG_OP <> 'INSERT' AND OLD.run_type = 'BUILD' AND OLD.removed_at IS NULL"),
        ("is_done", "boolean := is_counted AND NEW.run_state = 'DONE'"),
        ("was_done", "boolean := was_counted AND OLD.run_state = 'DONE'"),
        ("keeps_tag", "boolean := is_done AND was_done AND NEW.tag_name = OLD.tag_name"),
        ("images_left", "integer"),
        ("more", "builds_buildcounts%ROWTYPE"),
    ],
    func="""
        more.runs := is_counted::int - was_counted::int;
        more.running := (is_counted AND NEW.run_state IN ('CREATED', 'RUNNING'))::int
            - (was_counted AND OLD.run_state IN ('CREATED', 'RUNNING'))::int;
        more.done := is_done::int - was_done::int;
        more.error := (is_counted AND NEW.run_state = 'ERROR')::int - (was_counted AND OLD.run_state = 'ERROR')::int;
        more.done_time := CASE WHEN is_done THEN coalesce(NEW.end_time - NEW.begin_time, '0') ELSE '0' END
            - CASE WHEN was_done THEN coalesce(OLD.end_time - OLD.begin_time, '0') ELSE '0' END;
        more.done_size := CASE WHEN is_done THEN NEW.image_size ELSE 0 END
            - CASE WHEN was_done THEN OLD.image_size ELSE 0 END;
        more.tags := 0;
        IF is_done AND NOT keeps_tag THEN
            INSERT INTO builds_buildtag AS t (build_id, tag_name, images) VALUES (NEW.build_id, NEW.tag_name, 1)
            ON CONFLICT (build_id, tag_name) DO UPDATE SET images = t.images + 1 RETURNING t.images INTO images_left;
            more.tags := more.tags + (images_left = 1)::int;
        END IF;
        IF was_done AND NOT keeps_tag THEN
            UPDATE builds_buildtag SET images = images - 1
             WHERE build_id = OLD.build_id AND tag_name = OLD.tag_name RETURNING images INTO images_left;
            IF images_left = 0 THEN
                DELETE FROM builds_buildtag WHERE build_id = OLD.build_id AND tag_name = OLD.tag_name;
                more.tags := more.tags - 1;
            END IF;
        END IF;
        more.build_id := CASE WHEN TG_OP = 'DELETE' THEN OLD.build_id ELSE NEW.build_id END;
        IF (more.runs, more.running, more.done, more.error, more.done_time, more.done_size, more.tags)
           = (0, 0, 0, 0, '0'::interval, 0, 0) THEN
            RETURN NULL; -- no lock is taken for nothing
        END IF;
        INSERT INTO builds_buildcounts AS c (build_id, runs, running, done, error, done_time, done_size, tags)
        SELECT more.build_id, more.runs, more.running, more.done, more.error, more.done_time, more.done_size, more.tags
        ON CONFLICT (build_id) DO UPDATE SET
            runs = c.runs + excluded.runs,
            running = c.running + excluded.running,
            done = c.done + excluded.done,
            error = c.error + excluded.error,
            done_time = c.done_time + excluded.done_time,
            done_size = c.done_size + excluded.done_size,
            tags = c.tags + excluded.tags;
        RETURN NULL;
    """,
)
