"""The button Check of a build's form: whether its repository is reached, and which branches it has."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render

from builds.domain.access import Permission, refused
from builds.domain.errors import Refused
from builds.models import Build
from builds.pages.access import PageRequest, is_part, only_by_post
from builds.pages.forms import BuildForm
from builds.pages.imported_build import read_carried
from builds.pages.screens.builds import may_create
from builds.pages.screens.source import source_steps
from builds.pages.source_form import code_config
from builds.pages.views.builds import form_page, may_not_edit, number_of
from builds.queries.builds import find_build
from builds.services.builds.edit import may_create_in
from builds.services.builds.sources import SourceReport, try_source


@only_by_post("new-build")
def check_source(request: PageRequest) -> HttpResponse:
    """Try the repository of a form that nobody has saved: for the page's script a part, else the form once more."""
    seq = number_of(request.GET.get("build"))
    build: Build | None = find_build(seq, request.caller) if seq is not None else None
    if seq is not None and build is None:
        raise Http404
    if build:
        role = request.caller.role_in(build.account_id)
        may_edit = refused(Permission.EDIT_BUILD, role, request.caller.scopes) is None
    else:
        may_edit = may_create(request.caller)
    if not may_edit:
        return may_not_edit(request)
    carried = read_carried(request.POST.get("imported", ""))
    stored = build.steps.order_by("order", "pk") if build else ()
    steps = source_steps([row.step for row in stored]) if build else carried.source
    form = BuildForm(request.POST, steps=steps, stored=build)
    report, status = _tried(request, form, build)
    if is_part(request) == "source":
        return render(request, "components/source_report.html", {"report": report, "form": form})
    more: dict[str, Any] = {"build": build} if build else {"imported": carried.text}
    return form_page(request, form, status=status, report=report, **more)


def _tried(request: PageRequest, form: BuildForm, build: Build | None) -> tuple[SourceReport, int]:
    """Return what is found, or what the services refuse, with the status of the answer."""
    try:
        account_id = build.account_id if build else may_create_in(request.caller, None).pk
        code = form.steps.code
        # whose secrets stand for those that were left empty
        step = (build, code.build_step_seq) if build and code else None
        config = code_config(form.values, form.steps)
        return try_source(config, caller=request.caller, account_id=account_id, step=step), 200
    except Refused as refusal:
        form.refuse(refusal)
        return SourceReport(ok=False, message=refusal.sentence), refusal.status
