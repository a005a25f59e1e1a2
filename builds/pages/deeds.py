"""What pages over a list of things do with a press of a button: do it and say so, or show why not."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from builds.domain.errors import Refused
from builds.pages.access import PageRequest
from builds.pages.service_form import ServiceForm


def done(
    request: PageRequest, deed: Callable[[], str], page: Callable[..., HttpResponse], lead_to: str
) -> HttpResponse:
    """Do what a button asks for and lead on, with the sentence that `deed` returns.

    `page` renders the list with what was refused, as `banner` and `status`, at the address of the button.
    """
    try:
        messages.info(request, deed())
    except Refused as refused:
        return page(request, banner=refused.sentence, status=refused.status)
    return redirect(lead_to)


def stored(
    request: PageRequest, form: ServiceForm, save: Callable[[], str], template: str, lead_to: str, **shown: Any
) -> HttpResponse:
    """Show a form, or store what was typed and lead on, with the sentence that `save` returns.

    `template` is drawn with `shown`, the form, and what was refused.
    """
    more: dict[str, Any] = {"status": 200}
    if request.method == "POST":
        try:
            messages.info(request, save())
        except Refused as refused:
            more = form.refuse(refused)
        else:
            return redirect(lead_to)
    status = more.pop("status")
    return render(request, template, {"form": form, **shown, **more}, status=status)
