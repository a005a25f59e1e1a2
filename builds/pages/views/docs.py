"""`/docs/api`: the API with try-it; `/docs/errors`: what each code means, open to everybody."""

import json
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_safe

from builds.contract.errors import KEPT_STATUSES, ErrorEnvelope, Problem, Wrong
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import FieldError
from builds.pages.access import PageRequest, signed_in

SCHEMA: Final = "/v1/openapi.json"
SENTENCE: Final = "One sentence about this very request, with the remedy."
REQUEST_ID: Final = "4f1c2d9e8a7b6c50"


@require_GET
@signed_in
def api(request: PageRequest) -> HttpResponse:
    """Answer `/docs/api`."""
    return render(request, "pages/api_docs.html", {"schema": SCHEMA})


@require_safe
def errors(request: HttpRequest) -> HttpResponse:
    """Answer `/docs/errors`: every code."""
    return render(request, "pages/errors.html", {"codes": sorted(ErrorCode)})


@require_safe
def error(request: HttpRequest, code: str) -> HttpResponse:
    """Answer `/docs/errors/{code}`, to which `type` of a problem leads."""
    found = next((known for known in ErrorCode if known == code), None)
    if found is None:
        raise Http404
    fields = [FieldError("tagName", "What is wrong with this field, and what to give instead.", found)]
    wrong = Wrong(found.status, found, SENTENCE, fields if found.status == 400 else (), request_id=REQUEST_ID)
    context = {
        "code": found,
        "enveloped_status": found.status if found.status in KEPT_STATUSES else 200,
        "example": json.dumps(Problem.tell(wrong), indent=2),
        "enveloped": json.dumps(ErrorEnvelope.tell(wrong), indent=2),
    }
    return render(request, "pages/error.html", context)
