"""What a run has printed and not ended with a line end yet."""

from django.db import models


class OpenLines(models.Model):
    """The open lines of a running attempt, rewritten as they grow; none is left of a run that has ended."""

    run = models.OneToOneField("builds.BuildRun", on_delete=models.CASCADE, primary_key=True, related_name="open_lines")
    lines = models.JSONField(default=list, help_text="Step, instruction, stream, time and text of each.")

    def __str__(self) -> str:
        return f"{len(self.lines)} open lines"
