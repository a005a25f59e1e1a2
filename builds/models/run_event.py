"""Facts in the history of a run."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from django.db import models

from builds.domain.run_events import Event, EventKind, OfAttempt

if TYPE_CHECKING:
    from builds.models.run import BuildRun


class RunEventQuerySet(models.QuerySet["RunEvent"]):
    """Look-ups of events."""

    def of(self, run_id: int, kind: EventKind, *, attempt: int | None = None) -> Self:
        """Return a run's events of one kind in order; those of one attempt where it is given."""
        found = self.filter(run_id=run_id, what=kind).order_by("pk")
        return found if attempt is None else found.filter(facts__attempt=attempt)


class RunEvent(models.Model):
    """One fact: a move of the state, or something else worth keeping (claimed, attempt lost, push confirmed)."""

    run = models.ForeignKey("builds.BuildRun", on_delete=models.CASCADE, related_name="events")
    what = models.CharField(max_length=30)
    run_state = models.CharField(max_length=8, blank=True, default="")
    because = models.TextField(blank=True, default="")
    facts = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    objects = RunEventQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["run", "id"], name="run_event_order")]

    def __str__(self) -> str:
        return f"{self.what} {self.run_state}".strip()

    @classmethod
    def record(cls, run: "BuildRun", event: Event, because: str = "") -> None:
        """Keep an event with the state that the run is in."""
        cls.record_all(run, [(event, because)])

    @classmethod
    def record_all(cls, run: "BuildRun", happened: Iterable[tuple[Event, str]]) -> None:
        """Keep events, each with its `because`, with the state that the run is in."""
        state = run.run_state
        RunEvent.objects.bulk_create(
            RunEvent(run=run, what=event.kind, run_state=state, because=because, facts=event.as_facts())
            for event, because in happened
        )

    @classmethod
    def note(cls, run_id: int, event: Event, because: str = "") -> bool:
        """Keep an event that is no move of the state; one of an attempt only where the attempt has none of its kind.

        Returns whether it is kept now.
        """
        if isinstance(event, OfAttempt) and cls.objects.of(run_id, event.kind, attempt=event.attempt).exists():
            return False
        RunEvent.objects.create(run_id=run_id, what=event.kind, because=because, facts=event.as_facts())
        return True
