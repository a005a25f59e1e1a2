"""The ledger of a run's callbacks, and sending one again."""

from django.http import HttpResponse

from builds.api.documented import documented
from builds.api.requests import ApiRequest
from builds.api.views.base import ApiView
from builds.contract.callbacks import Delivery, delivery_answer, delivery_answers
from builds.models import BuildRun
from builds.services.callbacks import send_again


class RunCallbacksView(ApiView):
    """`/build/run/{buildRunSeq}/callbacks`."""

    tag = "Callbacks"

    @documented("listCallbacks", "List the callbacks of a run", Delivery(many=True))
    def get(self, request: ApiRequest, build_run_seq: int) -> HttpResponse:
        """Return the deliveries of a run in order, each with its attempts."""
        BuildRun.objects.visible_to(self.caller).wanted(build_run_seq)
        return self.answer(delivery_answers(build_run_seq))


class CallbackResendView(ApiView):
    """`/build/run/{buildRunSeq}/callbacks/{n}/resend`."""

    tag = "Callbacks"

    @documented("resendCallback", "Send a callback again", Delivery)
    def post(self, request: ApiRequest, build_run_seq: int, n: int) -> HttpResponse:
        """Send a delivery again, to the same address; return it as it stands now."""
        delivery = send_again(run_id=build_run_seq, number=n, caller=self.caller)
        return self.answer(delivery_answer(build_run_seq, delivery.number))
