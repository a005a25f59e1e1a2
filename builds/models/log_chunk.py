"""Stored output of a run."""

import pgtrigger
from django.db import models

from builds.domain.log.packing import PackedLines


class LogChunk(models.Model):
    """Some consecutive numbered lines of a run's log. Never changed while the run is active."""

    run = models.ForeignKey("builds.BuildRun", on_delete=models.CASCADE, related_name="chunks")
    sequence = models.BigIntegerField()
    step = models.ForeignKey("builds.RunStep", on_delete=models.CASCADE, null=True, related_name="chunks")
    first_line = models.BigIntegerField()
    line_count = models.IntegerField()
    text = models.TextField(help_text="Decoded lines, joined by line feeds.")
    raw = models.BinaryField(null=True, help_text="The exact bytes, only where the text does not encode back to them.")
    layout = models.JSONField(default=dict, help_text="Times, streams and instructions of the lines, packed.")

    class Meta:
        ordering = ["sequence"]
        triggers = [pgtrigger.Protect(name="log_chunk_never_changes", operation=pgtrigger.Update)]
        constraints = [
            models.UniqueConstraint(fields=["run", "sequence"], name="log_chunk_once"),
            models.CheckConstraint(condition=models.Q(line_count__gt=0, first_line__gt=0), name="log_chunk_has_lines"),
        ]
        indexes = [models.Index(fields=["run", "first_line"], name="log_chunk_by_line")]

    def __str__(self) -> str:
        return f"lines {self.first_line} to {self.last_line}"

    @property
    def last_line(self) -> int:
        """Return the number of the chunk's last line."""
        return self.first_line + self.line_count - 1

    @property
    def packed(self) -> PackedLines:
        """Return the stored form that `builds.domain.log.packing` unpacks."""
        return PackedLines(text=self.text, raw=None if self.raw is None else bytes(self.raw), layout=self.layout)
