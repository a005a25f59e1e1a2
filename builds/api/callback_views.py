"""The ledger of a run's callbacks, and sending one again."""

from django.http import HttpResponse
from rest_framework.request import Request

from builds.api.documented import documented
from builds.api.views import ApiView
from builds.contract.callbacks import Delivery, delivery_answer, delivery_answers
from builds.contract.parameters import read_number
from builds.models import BuildRun
from builds.services.callbacks import send_again


class RunCallbacksView(ApiView):
    """`/build/run/{buildRunSeq}/callbacks`."""

    tag = "Callbacks"

    @documented("listCallbacks", "List the callbacks of a run", Delivery(many=True))
    def get(self, request: Request, build_run_seq: str) -> HttpResponse:
        """Return the deliveries of a run in order, each with its attempts."""
        run_id = read_number("buildRunSeq", build_run_seq)
        BuildRun.objects.visible_to(self.caller).wanted(run_id)
        return self.answer(delivery_answers(run_id))


class CallbackResendView(ApiView):
    """`/build/run/{buildRunSeq}/callbacks/{n}/resend`."""

    tag = "Callbacks"

    @documented("resendCallback", "Send a callback again", Delivery)
    def post(self, request: Request, build_run_seq: str, number: str) -> HttpResponse:
        """Send a delivery again, to the same address; return it as it stands now."""
        run_id, which = read_number("buildRunSeq", build_run_seq), read_number("n", number)
        delivery = send_again(run_id=run_id, number=which, caller=self.caller)
        return self.answer(delivery_answer(run_id, delivery.number))
