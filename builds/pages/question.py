"""Questions before a deed: an open dialog, as a part for the page's own script or as a page of its own."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from builds.pages.access import PageRequest, is_part


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before a deed: `losses` are named one by one."""

    title: str
    sentence: str
    confirm: str
    action: str
    back: str
    losses: tuple[tuple[str, str], ...] = ()


def ask(request: PageRequest, question: Question, **more: Any) -> HttpResponse:
    """Show the question."""
    template = "components/dialog.html" if is_part(request) == "dialog" else "pages/question.html"
    return render(request, template, {"question": question, **more})
