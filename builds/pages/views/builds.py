"""The list of builds, the page of one build, and the form."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from builds.domain.errors import Refused
from builds.models import Build
from builds.pages.access import Checked, PageRequest, is_part, only_by_post, signed_in
from builds.pages.forms import BuildForm, ContextForm, ImportForm, PressForm
from builds.pages.imported_build import imported_form, read_carried
from builds.pages.screens.build import BuildScreen, build_screen
from builds.pages.screens.builds import Ask, build_row, builds_screen, may_create
from builds.pages.screens.places import places_of, places_of_new
from builds.pages.screens.source import source_steps
from builds.pages.screens.steps import step_words
from builds.services.builds.edit import create_build, edit_build
from builds.services.builds.files import LARGEST_FILE, read_definition

LONGEST_SEARCH = 200
BUILD_PARTS = {
    "head": "components/build_head.html",
    "body": "components/build_body.html",
    "files": "components/build_files_now.html",
}


def builds_page(request: PageRequest, *, banner: str = "", status: int = 200) -> HttpResponse:
    """Render the list, with what was refused where something was."""
    ask = Ask(
        search=request.GET.get("search", "").replace("\x00", "")[:LONGEST_SEARCH],
        state=request.GET.get("state", ""),
        after=number_of(request.GET.get("after")),
    )
    template = "components/builds_list.html" if is_part(request) == "list" else "pages/builds.html"
    context = {"screen": builds_screen(request.caller, ask), "banner": banner}
    return render(request, template, context, status=status)


def build_page(
    request: PageRequest,
    build_seq: int,
    *,
    banner: str = "",
    status: int = 200,
    press: PressForm | None = None,
    upload: ContextForm | None = None,
) -> HttpResponse:
    """Render one build, with what was refused where something was: `press` and `upload` are refused forms."""
    screen = build_screen(
        build_seq,
        request.caller,
        state=request.GET.get("state", ""),
        after=number_of(request.GET.get("after")),
    )
    if screen is None:
        raise Http404
    template = BUILD_PARTS.get(is_part(request), "pages/build.html")
    context = {"screen": screen, "banner": banner, "press": None, "upload": None}
    if screen.may_edit:
        context["press"] = press or PressForm(screen.steps, uploads=screen.uploads)
        context["upload"] = (upload or ContextForm()) if screen.takes_files else None
    return render(request, template, context, status=status)


@require_safe
@signed_in
def builds(request: PageRequest) -> HttpResponse:
    """Answer `/`."""
    return builds_page(request)


@require_safe
@signed_in
def build(request: PageRequest, build_seq: int) -> HttpResponse:
    """Answer `/builds/{buildSeq}`; for the list's own script its row."""
    if is_part(request) == "row":
        row = build_row(build_seq, request.caller)
        if row is None:
            raise Http404
        return render(request, "components/build_row.html", {"row": row})
    return build_page(request, build_seq)


@require_http_methods(["GET", "POST"])
@signed_in
def new(request: PageRequest) -> HttpResponse:
    """Answer `/builds/new`."""
    if not may_create(request.caller):
        return may_not_edit(request)
    if request.method != "POST":
        return form_page(request, BuildForm())
    carried = read_carried(request.POST.get("imported", ""))
    form = BuildForm(request.POST, steps=carried.source)
    save = partial(create_build, caller=request.caller, draft=carried.complete(form.draft()))
    return _saved(request, form, save, imported=carried.text)


def for_editors(view: Callable[[PageRequest, BuildScreen], HttpResponse]) -> Checked[[int]]:
    """Let those who may edit a build in, with what its page shows; others get that page, which says why."""

    @require_http_methods(["GET", "POST"])
    @signed_in
    @wraps(view)
    def checked(request: PageRequest, build_seq: int) -> HttpResponse:
        screen = build_screen(build_seq, request.caller)
        if screen is None:
            raise Http404
        if not screen.may_edit:
            return build_page(
                request, build_seq, banner="Create and edit builds: this needs the role operator.", status=403
            )
        return view(request, screen)

    return checked


@for_editors
def edit(request: PageRequest, screen: BuildScreen) -> HttpResponse:
    """Answer `/builds/{buildSeq}/edit`."""
    steps = source_steps(screen.steps)
    if request.method != "POST":
        return form_page(request, BuildForm.of_build(screen.build, steps), build=screen.build)
    form = BuildForm(request.POST, steps=steps, stored=screen.build)
    save = partial(edit_build, build_id=screen.build.pk, caller=request.caller, draft=form.draft())
    return _saved(request, form, save, build=screen.build)


@only_by_post("new-build")
def import_build(request: PageRequest) -> HttpResponse:
    """Fill the form of a new build from an exported zip; nothing is created yet."""
    if not may_create(request.caller):
        return may_not_edit(request)
    file = ImportForm(request.POST, request.FILES).values["dataFile"]
    try:
        definition = read_definition(file.read(LARGEST_FILE + 1) if file else b"")
    except Refused as refused:
        return form_page(request, BuildForm(), banner=refused.sentence, status=refused.status)
    form, carried = imported_form(definition)
    messages.info(request, "The file has filled the form. Nothing is created before you press Create.")
    return form_page(request, form, imported=carried.text)


def number_of(text: str | None) -> int | None:
    """Return a number of an address's query, None where it is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 18 else None


def may_not_edit(request: PageRequest) -> HttpResponse:
    """Tell somebody without the right what it takes."""
    sentence = "Create and edit builds: this needs the role operator."
    return render(request, "403.html", {"sentence": sentence}, status=403)


def _saved(request: PageRequest, form: BuildForm, save: Callable[[], Build], **more: Any) -> HttpResponse:
    """Save and go to the build's page, or show the form again with what is wrong and what was typed."""
    try:
        return redirect("build", build_seq=save().pk)
    except Refused as refusal:
        return form_page(request, form, **form.refuse(refusal), **more)


def form_page(request: PageRequest, form: BuildForm, *, status: int = 200, **more: Any) -> HttpResponse:
    """Render the form of a build, `build` or `imported` with it, with what was typed and what is wrong with it."""
    try:
        form.offer(places_of(more["build"]) if more.get("build") else places_of_new(request.caller))
    except Refused as refused:  # an account in which the caller may create nothing
        return render(request, "403.html", {"sentence": refused.sentence}, status=refused.status)
    others = [step_words(step) for step in form.steps.others]
    context = {"form": form, "import_form": ImportForm(), "other_steps": others, **more}
    return render(request, "pages/build_form.html", context, status=status)
