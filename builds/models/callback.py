"""The ledger of callbacks: what is to be told to whom, and every attempt (docs/contract.md, "Callbacks")."""

from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from builds.models.choices import choices, one_of


class CallbackEvent(StrEnum):
    """What a callback tells of."""

    RUN_STATE = "BUILD_RUN_STATE"
    BUILD_STATE = "BUILD_STATE"


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "WAITING"  # for its first or next attempt
    DELIVERED = "DELIVERED"
    GIVEN_UP = "GIVEN_UP"  # the last attempt has failed too


class CallbackDelivery(models.Model):
    """One event for one address. `body` is what is signed and sent, as things were at the event."""

    account = models.ForeignKey("builds.Account", on_delete=models.CASCADE, related_name="callbacks")
    build = models.ForeignKey("builds.Build", on_delete=models.CASCADE, related_name="callbacks")
    run = models.ForeignKey("builds.BuildRun", on_delete=models.CASCADE, null=True, related_name="callbacks")
    number = models.PositiveIntegerField(help_text="Counts the deliveries of the run, or of the build where no run is.")
    event = models.CharField(max_length=20, choices=choices(CallbackEvent))
    what = models.CharField(max_length=30, help_text="What happened: accepted, running, step, ended, created, removed.")
    url = models.TextField()
    webhook_id = models.CharField(max_length=64, unique=True, help_text="The same for every attempt.")
    body = models.TextField()
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", help_text="Header user-id."
    )
    user_role = models.CharField(max_length=20, blank=True, default="", help_text="Header user-role.")
    state = models.CharField(max_length=10, choices=choices(DeliveryState), default=DeliveryState.WAITING)
    attempt_count = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    claimed_until = models.DateTimeField(null=True, help_text="A sender is at work until then; after it, it is lost.")
    delivered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "callback deliveries"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="callback_number_once"),
            one_of("event", CallbackEvent, "callback_event_known"),
            one_of("state", DeliveryState, "callback_state_known"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state=DeliveryState.WAITING), name="callback_due"),
            models.Index(
                fields=["run", "id"], condition=Q(state=DeliveryState.WAITING), name="callback_waiting_of_run"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.what}"


class DeliveryAttempt(models.Model):
    """One attempt to deliver: what was answered, or what went wrong. The address's query is never kept here."""

    delivery = models.ForeignKey(CallbackDelivery, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    begin_time = models.DateTimeField()
    end_time = models.DateTimeField()
    status = models.PositiveIntegerField(null=True, help_text="HTTP status; none: nothing was answered.")
    answer = models.TextField(blank=True, default="", help_text="The first 4 KB of the answer.")
    error = models.TextField(blank=True, default="")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", help_text="Who sent it again."
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.status or self.error}"
