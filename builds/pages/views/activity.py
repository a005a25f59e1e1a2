"""`/activity`: who did what and when."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from builds.models import Did
from builds.pages.access import PageRequest, signed_in
from builds.pages.screens.activity import activity_screen
from builds.pages.views.builds import LONGEST_SEARCH, number_of
from builds.queries.activity import ActivityFilter


@require_safe
@signed_in
def activity(request: PageRequest) -> HttpResponse:
    """Answer `/activity`; an unknown `did` narrows nothing, as the page's choice then says."""
    typed = {name: request.GET.get(name, "").replace("\x00", "").strip()[:LONGEST_SEARCH] for name in ("who", "build")}
    did = request.GET.get("did", "")
    narrowed = ActivityFilter(**typed, did=did if did in set(Did) else "")
    screen = activity_screen(request.caller, narrowed, number_of(request.GET.get("after")))
    return render(request, "pages/activity.html", {"screen": screen})
