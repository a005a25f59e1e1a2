"""The ledger of callbacks: read-only; a delivery is sent again from the run's page."""

from django.contrib import admin
from django.utils.html import format_html_join

from builds.admin.base import OfRunAdmin, ReadOnlyAdmin
from builds.models import CallbackDelivery, DeliveryAttempt


@admin.register(CallbackDelivery)
class CallbackDeliveryAdmin(OfRunAdmin):
    """Deliveries."""

    readonly_fields = ("tries",)
    unlisted = ("body",)
    list_display = ("id", "run", "number", "event", "what", "state", "attempt_count", "due_at", "delivered_at")
    list_filter = ("state", "event")

    @admin.display(description="Attempts")
    def tries(self, delivery: CallbackDelivery) -> str:
        """Return each attempt with what was answered; all of it is shown as text."""
        rows = ((one.number, one.status or "no answer", one.error, one.answer) for one in delivery.attempts.all())
        return format_html_join("", "<p>{}: {} {}</p><pre>{}</pre>", rows)


@admin.register(DeliveryAttempt)
class DeliveryAttemptAdmin(ReadOnlyAdmin):
    """Attempts to deliver."""

    unlisted = ("answer",)
    list_display = ("id", "delivery", "number", "status", "error", "begin_time", "end_time", "asked_by")
    list_select_related = ("delivery", "asked_by")
    search_fields = ("delivery__run__id__exact", "delivery__webhook_id__exact")
    search_help_text = "Number of the run (buildRunSeq), webhook id"
    ordering = ("-id",)
