"""The ledger of callbacks, for the API and the run's page."""

from typing import Final

from django.db.models import Q, QuerySet

from builds.domain.callbacks import MOST_ATTEMPTS
from builds.models import CallbackDelivery, DeliveryState

# Sent again after it had ended (services/callbacks.py): such a delivery stands beside the order of its run.
BESIDE: Final = Q(delivered_at__isnull=False) | Q(attempt_count__gte=MOST_ATTEMPTS)


def deliveries_of(run_id: int) -> "QuerySet[CallbackDelivery]":
    """Return the deliveries of a run in order, with their attempts."""
    deliveries = CallbackDelivery.objects.filter(run_id=run_id).order_by("number")
    return deliveries.prefetch_related("attempts__asked_by")


def waits_for(run_id: int) -> dict[int, int]:
    """Return, for each delivery of a run that waits for an earlier one to the same address, the number of that one."""
    waiting = CallbackDelivery.objects.filter(run_id=run_id, state=DeliveryState.WAITING).exclude(BESIDE)
    heads: dict[str, int] = {}
    found = (
        (number, heads.setdefault(url, number))
        for number, url in waiting.order_by("number").values_list("number", "url")
    )
    return {number: head for number, head in found if head != number}
