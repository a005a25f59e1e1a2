"""`/v1/openapi.json` and `/api/openapi.json`: open to everybody, never enveloped."""

import json
from functools import lru_cache
from hashlib import sha256
from typing import Any

from django.http import HttpResponse, HttpResponseNotModified
from rest_framework.request import Request
from rest_framework.views import APIView

from builds.api.openapi import openapi_document


class OpenApi(APIView):
    """The OpenAPI 3.1 document of the dialect at whose address it is asked for."""

    schema = None  # the document does not describe itself
    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []
    http_method_names = ["get", "head"]

    def get(self, request: Request) -> HttpResponse:
        """Return the document."""
        body, tag = _rendered(f"/{request.path.split('/')[1]}")
        kept = {"ETag": tag, "Cache-Control": "no-cache"}  # kept, and asked about each time
        if request.META.get("HTTP_IF_NONE_MATCH") == tag:
            return HttpResponseNotModified(headers=kept)
        headers = {**kept, "Access-Control-Allow-Origin": "*"}
        return HttpResponse(body, content_type="application/json", headers=headers)


@lru_cache(maxsize=2)
def _rendered(prefix: str) -> tuple[bytes, str]:
    body = json.dumps(openapi_document(prefix), ensure_ascii=False, indent=1).encode()
    return body, f'"{sha256(body).hexdigest()[:32]}"'
