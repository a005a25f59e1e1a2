"""`/queue`: what runs where, what waits and why; move to the front and cancel, one or several."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from builds.domain.errors import Refused
from builds.models import BuildRun, Caller
from builds.pages.access import PageRequest, is_own_script, is_part, only_by_post, plain_text, signed_in
from builds.pages.question import Question, ask
from builds.pages.screens.queue import MOST, queue_screen
from builds.pages.views.builds import number_of
from builds.services.runs.cancel_and_remove import request_cancel
from builds.services.runs.queue_order import move_to_front

NONE_CHOSEN = "No run is chosen; tick those that are meant."


def queue_page(request: PageRequest, *, banner: str = "", status: int = 200) -> HttpResponse:
    """Render the queue, with what was refused where something was."""
    template = "components/queue_now.html" if is_part(request) == "now" else "pages/queue.html"
    context = {"screen": queue_screen(request.caller), "banner": banner}
    return render(request, template, context, status=status)


@require_safe
@signed_in
def queue(request: PageRequest) -> HttpResponse:
    """Answer `/queue`."""
    return queue_page(request)


@only_by_post("queue")
def front(request: PageRequest) -> HttpResponse:
    """Move the chosen runs to the front, the first of them first."""
    runs = _chosen(request.caller, request.POST)
    reason = request.POST.get("reason", "").strip()

    def move(run: BuildRun) -> None:
        move_to_front(run_id=run.pk, caller=request.caller, reason=reason)

    return _done(request, list(reversed(runs)), move, "moved to the front")


@require_http_methods(["GET", "POST"])
@signed_in
def cancel(request: PageRequest) -> HttpResponse:
    """Ask, then cancel the chosen runs."""
    runs = _chosen(request.caller, request.GET)
    if request.method == "GET" and runs:
        names = [str(run) for run in runs]
        query = request.GET.copy()
        query.pop("part", None)
        question = Question(
            title=f"Cancel {names[0]}?" if len(runs) == 1 else f"Cancel {len(runs)} runs?",
            sentence="What runs is stopped, and counts as cancelled once the build server has confirmed that. What"
            " waits never starts.",
            confirm="Cancel the run" if len(runs) == 1 else f"Cancel {len(runs)} runs",
            action=f"{reverse('cancel-in-queue')}?{query.urlencode()}",
            back=reverse("queue"),
            losses=tuple((f"Run {run.pk}", name) for run, name in zip(runs, names, strict=True)) if names[1:] else (),
        )
        return ask(request, question)

    def stop(run: BuildRun) -> None:
        request_cancel(run_id=run.pk, caller=request.caller)

    return _done(request, runs, stop, "being cancelled")


def _chosen(caller: Caller, given: QueryDict) -> Sequence[BuildRun]:
    """Return the visible runs that are named, in the order of the queue."""
    numbers = [number for text in given.getlist("run")[:MOST] if (number := number_of(text)) is not None]
    return list(BuildRun.objects.visible_to(caller).filter(pk__in=numbers).order_by("front_at", "pk"))


def _done(request: PageRequest, runs: Sequence[BuildRun], deed: Callable[[BuildRun], Any], what: str) -> HttpResponse:
    """Do it to each run; where some refuse, the page says which and why, and the others are done."""
    sentences, status = ([], 204) if runs else ([NONE_CHOSEN], 400)
    for run in runs:
        try:
            deed(run)
        except Refused as refused:
            sentences.append(f"{run}: {refused.sentence}")
            status = refused.status
    if is_own_script(request):
        return plain_text(" ".join(sentences), status)
    if sentences:
        return queue_page(request, banner=" ".join(sentences), status=status)
    names = f"{runs[0]} is" if len(runs) == 1 else f"{len(runs)} runs are"
    messages.info(request, f"{names} {what}.")
    return redirect("queue")
