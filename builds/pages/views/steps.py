"""The page on which all steps of a build are edited."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render

from builds.domain.errors import Refused
from builds.pages.access import PageRequest
from builds.pages.screens.build import BuildScreen
from builds.pages.steps_form import StepsForm
from builds.pages.views.builds import for_editors
from builds.services.builds.edit import edit_build


@for_editors
def edit(request: PageRequest, screen: BuildScreen) -> HttpResponse:
    """Answer `/builds/{buildSeq}/steps`: save all of them, or show the page with one more."""
    context: dict[str, Any] = {"build": screen.build}
    if request.method != "POST":
        return render(request, "pages/steps.html", {**context, "form": StepsForm(screen.steps)})
    if "add" in request.POST:
        form = StepsForm.with_added(screen.steps, request.POST)
        return render(request, "pages/steps.html", {**context, "form": form, "is_changed": True})
    form = StepsForm(screen.steps, request.POST)
    try:
        edit_build(build_id=screen.build.pk, caller=request.caller, draft=form.draft())
    except Refused as refused:
        shown = form.refuse(refused)
        return render(
            request, "pages/steps.html", {**context, **shown, "form": form, "is_changed": True}, status=shown["status"]
        )
    return redirect("build", build_seq=screen.build.pk)
