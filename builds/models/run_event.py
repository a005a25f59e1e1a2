"""Facts in the history of a run."""

from django.db import models


class RunEvent(models.Model):
    """One fact: a move of the state, or something else worth keeping (claimed, attempt lost, push confirmed)."""

    run = models.ForeignKey("builds.BuildRun", on_delete=models.CASCADE, related_name="events")
    what = models.CharField(max_length=30)
    run_state = models.CharField(max_length=8, blank=True, default="")
    because = models.TextField(blank=True, default="")
    facts = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["run", "id"], name="run_event_order")]

    def __str__(self) -> str:
        return f"{self.what} {self.run_state}".strip()
