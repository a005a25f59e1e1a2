"""The ledger of a run's callbacks, and sending one again."""

from django.http import HttpResponse
from rest_framework.request import Request

from builds.api.params import read_number
from builds.api.views import ApiView
from builds.domain.errors import NotFound
from builds.models import BuildRun
from builds.queries.callbacks import delivery_shape, delivery_shapes
from builds.services.callbacks import send_again


class RunCallbacks(ApiView):
    """`/build/run/{buildRunSeq}/callbacks`."""

    def get(self, request: Request, seq: str) -> HttpResponse:
        """Return the deliveries of a run in order, each with its attempts."""
        run_id = read_number("buildRunSeq", seq)
        if not BuildRun.objects.visible_to(self.caller).filter(pk=run_id).exists():
            raise NotFound(f"There is no run {run_id}.")
        return self.answer(delivery_shapes(run_id))


class CallbackResend(ApiView):
    """`/build/run/{buildRunSeq}/callbacks/{n}/resend`."""

    def post(self, request: Request, seq: str, number: str) -> HttpResponse:
        """Send a delivery again, to the same address; return it as it stands now."""
        run_id, which = read_number("buildRunSeq", seq), read_number("n", number)
        delivery = send_again(run_id=run_id, number=which, caller=self.caller)
        return self.answer(delivery_shape(run_id, delivery.number))
