"""`/runs/{buildRunSeq}/callbacks`: the ledger of a run's callbacks, and sending one again."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from builds.domain.errors import NotFound, Refused
from builds.pages.access import PageRequest, only_by_post, signed_in
from builds.pages.screens.callbacks import callback_screen
from builds.services.callbacks import send_again


def _page(request: PageRequest, run_seq: int, **more: Any) -> HttpResponse:
    status = more.pop("status", 200)
    screen = callback_screen(run_seq, request.caller)
    if screen is None:
        raise Http404
    return render(request, "pages/callbacks.html", {"screen": screen, **more}, status=status)


@require_GET
@signed_in
def callbacks(request: PageRequest, run_seq: int) -> HttpResponse:
    """Answer the ledger."""
    return _page(request, run_seq)


@only_by_post("callbacks", "run_seq")
def resend(request: PageRequest, run_seq: int, number: int) -> HttpResponse:
    """Send a delivery again, and lead back to the ledger."""
    try:
        send_again(run_id=run_seq, number=number, caller=request.caller)
    except NotFound as refused:
        raise Http404 from refused
    except Refused as refused:
        return _page(request, run_seq, banner=refused.sentence, status=refused.status)
    messages.info(request, f"Delivery {number} is being sent again.")
    return redirect("callbacks", run_seq=run_seq)
