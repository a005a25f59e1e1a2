"""The buttons of builds and runs: POST calls a service and leads on; GET of what asks first shows the question."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from builds.domain.actions import Action, refusal
from builds.domain.errors import NotFound, NotPossible, Refused
from builds.pages.access import PageRequest, is_own_script, only_by_post, plain_text, signed_in
from builds.pages.forms import ContextForm, PressForm
from builds.pages.question import Question, ask
from builds.pages.screens.build import build_screen, recent_uploads
from builds.pages.screens.run import RunScreen, run_screen
from builds.pages.views.builds import build_page, builds_page
from builds.pages.views.runs import run_page
from builds.queries.builds import find_build
from builds.queries.facts import run_facts
from builds.services.builds.contexts import check_may_upload, store_context
from builds.services.runs import cancel_and_remove, start

FROM_BUILDS = "builds"  # value of the field `from` in the list's forms


@only_by_post("build", "build_seq")
def start_run(request: PageRequest, build_seq: int) -> HttpResponse:
    """Press Build: lead to the new run's page, or back to the list where it was pressed there."""
    build = find_build(build_seq, request.caller)
    steps = [row.step for row in build.steps.order_by("order", "pk")] if build else []
    form = PressForm(steps, request.POST, uploads=recent_uploads(build) if build else ())
    page = partial(_build_or_run, build_seq=build_seq, press=form)
    back = {FROM_BUILDS: builds_page}.get(request.POST.get("from", ""), page)
    try:
        run = start.start_run(build_id=build_seq, caller=request.caller, ask=form.ask())
    except Refused as refused:
        form.refuse(refused)
        return _refused(request, refused, back)
    return _back_to_list(request) if back is builds_page else redirect("run", run_seq=run.pk)


@only_by_post("build", "build_seq")
def upload_context(request: PageRequest, build_seq: int) -> HttpResponse:
    """Keep an archive as the files that the next runs are built from; lead back to the build."""
    form = ContextForm(request.POST, request.FILES)
    try:
        check_may_upload(build_id=build_seq, caller=request.caller)
        context = store_context(build_id=build_seq, caller=request.caller, file=form.archive)
    except Refused as refused:
        form.refuse(refused)
        return _refused(request, refused, partial(build_page, build_seq=build_seq, upload=form))
    if is_own_script(request):
        return HttpResponse(status=204)
    messages.info(request, f"Upload {context.pk} is stored; the next runs use it.")
    return redirect("build", build_seq=build_seq)


@only_by_post("run", "run_seq")
def push_again(request: PageRequest, run_seq: int) -> HttpResponse:
    """Push a run's image once more without building; lead to the run that does it."""
    _run(request, run_seq)
    try:
        run = start.push_again(run_id=run_seq, caller=request.caller)
    except Refused as refused:
        return _refused(request, refused, partial(run_page, run_seq=run_seq))
    return redirect("run", run_seq=run.pk)


@require_http_methods(["GET", "POST"])
@signed_in
def cancel_run(request: PageRequest, run_seq: int) -> HttpResponse:
    """Ask, then cancel a run; the run's page tells when it is confirmed."""
    screen = _run(request, run_seq)
    if request.method == "GET":
        question = Question(
            title=f"Cancel {screen.title} #{screen.run.build_no}?",
            sentence="What runs of it is stopped; it counts as cancelled once the build server has confirmed that.",
            confirm="Cancel the run",
            action=reverse("cancel-run", args=[run_seq]),
            back=reverse("run", args=[run_seq]),
        )
        return _unless_refused(request, screen, Action.CANCEL) or _ask(request, question)
    back = builds_page if request.POST.get("from") == FROM_BUILDS else partial(run_page, run_seq=run_seq)
    try:
        cancel_and_remove.request_cancel(run_id=run_seq, caller=request.caller)
    except Refused as refused:
        return _refused(request, refused, back)
    return _back_to_list(request) if back is builds_page else redirect("run", run_seq=run_seq)


@require_http_methods(["GET", "POST"])
@signed_in
def remove_run(request: PageRequest, run_seq: int) -> HttpResponse:
    """Ask, then remove a run with its image."""
    screen = _run(request, run_seq)
    if request.method == "GET":
        pushed = (("Tag", screen.run.tag_name), ("Digest", screen.run.image_digest))
        question = Question(
            title=f"Remove {screen.title} #{screen.run.build_no}?",
            sentence="The tag goes from the registry if it still points to this digest; other tags on it stay.",
            confirm="Remove run and tag",
            action=reverse("remove-run", args=[run_seq]),
            back=reverse("run", args=[run_seq]),
            losses=pushed if screen.run.image_digest else (("Image", "none was pushed"),),
        )
        return _unless_refused(request, screen, Action.REMOVE) or _ask(request, question)
    try:
        cancel_and_remove.request_remove(run_id=run_seq, caller=request.caller)
    except Refused as refused:
        return _refused(request, refused, partial(run_page, run_seq=run_seq))
    messages.info(request, f"Run #{screen.run.build_no} is being removed.")
    return redirect("build", build_seq=screen.run.build_id)


@require_http_methods(["GET", "POST"])
@signed_in
def remove_build(request: PageRequest, build_seq: int) -> HttpResponse:
    """Ask, then remove a build with all its images."""
    screen = build_screen(build_seq, request.caller)
    if screen is None:
        raise Http404
    if request.method == "GET":
        question = Question(
            title=f"Remove {screen.build.name}?",
            sentence="The definition, its runs and every image that they pushed are removed. This cannot be undone.",
            confirm="Remove build and images",
            action=reverse("remove-build", args=[build_seq]),
            back=reverse("build", args=[build_seq]),
            losses=(("Images", screen.image), ("Runs so far", str(screen.build.last_build_no))),
        )
        return _ask(request, question)
    try:
        cancel_and_remove.request_build_removal(build_id=build_seq, caller=request.caller)
    except Refused as refused:
        return _refused(request, refused, partial(build_page, build_seq=build_seq))
    messages.info(request, f"{screen.build.name} is being removed, with its images.")
    return redirect("builds")


def _back_to_list(request: PageRequest) -> HttpResponse:
    """Lead back to the list; the list's own script only wants to know that it is done."""
    return HttpResponse(status=204) if is_own_script(request) else redirect("builds")


def _build_or_run(request: PageRequest, *, build_seq: int, press: PressForm, **more: Any) -> HttpResponse:
    """Show the page on which Build was pressed: the run's where the form names one, else the build's."""
    run_seq = request.POST.get("run", "")
    if run_seq.isascii() and run_seq.isdigit():
        return run_page(request, int(run_seq[:18]), **more)
    return build_page(request, build_seq, press=press, **more)


def _run(request: PageRequest, run_seq: int) -> RunScreen:
    screen = run_screen(run_seq, request.caller)
    if screen is None:
        raise Http404
    return screen


def _unless_refused(request: PageRequest, screen: RunScreen, action: Action) -> HttpResponse | None:
    """Show why `action` is not possible instead of asking about it; None where it is possible."""
    sentence = refusal(action, run_facts(screen.run, request.caller))
    if sentence is None:
        return None
    return run_page(request, screen.run.pk, banner=sentence, status=NotPossible(action, sentence).status)


def _ask(request: PageRequest, question: Question) -> HttpResponse:
    return ask(request, question, in_list=request.GET.get("from") == FROM_BUILDS)


def _refused(request: PageRequest, refused: Refused, page: Callable[..., HttpResponse]) -> HttpResponse:
    """Show the page again with the sentence and the right status; the page's own script gets the sentence alone."""
    if is_own_script(request):
        return plain_text(refused.sentence, refused.status)
    if isinstance(refused, NotFound) and refused.code == NotFound.code:
        raise Http404(refused.sentence)
    return page(request, banner=refused.sentence, status=refused.status)
