"""The page of one run, its plain view and its raw log."""

from typing import Final

from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_safe

from builds.domain.errors import NotFound, Refused
from builds.pages.access import PageRequest, is_own_script, is_part, plain_text, signed_in
from builds.pages.screens.run import run_screen
from builds.pages.views.builds import number_of
from builds.queries.log import asynchronous, first_line_of, iterate_bytes
from builds.queries.runs import find_run
from builds.services.builds.files import export_run

PARTS = {"live": "components/run_live.html", "log": "components/log.html"}
LONGEST_SEARCH: Final = 200  # characters, as the page's field has it
NOTHING_PRINTED: Final = "This instruction has printed nothing."


def run_page(request: PageRequest, run_seq: int, *, banner: str = "", status: int = 200) -> HttpResponse:
    """Render one run, with what was refused where something was."""
    screen = run_screen(run_seq, request.caller)
    if screen is None:
        raise Http404
    part = is_part(request)
    if part in PARTS and part != "log":
        return render(request, PARTS[part], {"screen": screen})
    context = {"screen": screen, "log": screen.log(), "banner": banner}
    if part in PARTS:
        return render(request, PARTS[part], context)
    return render(request, "pages/run.html", context, status=status)


@require_safe
@signed_in
def run(request: PageRequest, run_seq: int) -> HttpResponse:
    """Answer `/runs/{buildRunSeq}`."""
    return run_page(request, run_seq)


@require_GET
@signed_in
def first_line(request: PageRequest, run_seq: int, vertex: str) -> HttpResponse:
    """Answer where an instruction's lines begin: the number to the page's script, the plain view from there to others.

    For an instruction without a line: a sentence, and for others than the script the status 404.
    """
    if find_run(run_seq, request.caller) is None or not vertex.isprintable():
        raise Http404
    number = first_line_of(run_seq, vertex)
    if is_own_script(request):
        return plain_text(str(number or NOTHING_PRINTED), 200)
    if number is None:
        return run_page(request, run_seq, banner=NOTHING_PRINTED, status=404)
    return redirect(f"{reverse('plain-run', args=[run_seq])}?after={number - 1}")


@require_GET
@signed_in
def plain(request: PageRequest, run_seq: int) -> HttpResponse:
    """Answer `/runs/{buildRunSeq}/plain`: pages of 500 lines under headings, for screen readers and text browsers.

    `?after=` begins behind that line, `?search=` shows the lines that hold a text with those around them.
    """
    screen = run_screen(run_seq, request.caller)
    if screen is None:
        raise Http404
    search = request.GET.get("search", "").replace("\0", "")[:LONGEST_SEARCH]
    log = screen.log(after=number_of(request.GET.get("after")) or 0, search=search)
    return render(request, "pages/run_plain.html", {"screen": screen, "log": log})


@require_GET
@signed_in
def raw_log(request: PageRequest, run_seq: int) -> HttpResponseBase:
    """Answer `/runs/{buildRunSeq}/log.txt`: the stored bytes, streamed, as text in the tab."""
    found = find_run(run_seq, request.caller)
    if found is None:
        raise Http404
    stored = iterate_bytes(run_seq, stop=found.byte_count)
    parts = asynchronous(stored) if isinstance(request, ASGIRequest) else stored
    headers = {"Content-Disposition": f'inline; filename="run-{run_seq}.txt"', "X-Content-Type-Options": "nosniff"}
    return StreamingHttpResponse(parts, content_type="text/plain; charset=utf-8", headers=headers)


@require_GET
@signed_in
def export(request: PageRequest, run_seq: int) -> HttpResponse:
    """Answer `/runs/{buildRunSeq}/export`: the definition of a run as a zip, without secrets."""
    try:
        file = export_run(run_id=run_seq, caller=request.caller)
    except NotFound as refused:
        raise Http404 from refused
    except Refused as refused:
        return run_page(request, run_seq, banner=refused.sentence, status=refused.status)
    headers = {"Content-Disposition": file.disposition, "X-Content-Type-Options": "nosniff"}
    return HttpResponse(file.content, content_type="application/zip", headers=headers)
