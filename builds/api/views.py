"""What all views of the API share: who calls, and how an answer leaves."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.views.decorators.csrf import csrf_exempt
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from builds.api.authentication import caller_of
from builds.api.documented import Documented
from builds.api.errors import of_status, written
from builds.api.idempotency import answer_once, key_of
from builds.api.renderers import NO_RESULT, renderer_of
from builds.models import Caller


class ApiView(APIView):
    """A view for callers who are known; `caller` holds their rights now."""

    permission_classes = [IsAuthenticated]
    http_method_names = ["get", "head", "post", "put", "delete"]
    caller: Caller

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then read the caller's rights."""
        super().initial(request, *args, **kwargs)
        self.caller = caller_of(request)
        method = str(request.method).lower()
        handler = getattr(self, method, None)  # None: not allowed here, whatever the key
        if handler is not None and (key := key_of(request)) is not None:
            # DRF takes the handler from this object after `initial`; each request has an object of its own.
            setattr(self, method, answer_once(self, handler, key))

    def get_renderers(self) -> list[BaseRenderer]:
        """Return the renderer of the address alone."""
        return [renderer_of(self.request.path)]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:  # noqa: FBT001, FBT002  DRF's
        """Answer as JSON whatever Accept says: clients of the public build API send anything."""
        return super().perform_content_negotiation(request, force=True)

    def turn(self, **kwargs: Any) -> AbstractContextManager[None]:
        """Return what to wait for before an answer that is kept begins its transaction; most wait for nothing."""
        return nullcontext()

    @property
    def envelope(self) -> bool:
        """Say whether this address speaks the enveloped dialect."""
        return renderer_of(self.request.path).is_enveloped

    @property
    def most_body_bytes(self) -> int:
        """Return how many bytes a body may have here."""
        return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)

    @cached_property
    def asked(self) -> dict[str, Any]:
        """Return what the query asks for, as the handler's `documented` says; raises `Invalid`."""
        operation: Documented = getattr(self, str(self.request.method).lower()).documented
        return operation.query.read(self.request.GET)

    def answer(self, model: Any, *, result: bool = True) -> Response:
        """Return `model`, always with 200; the enveloped dialect leaves it out where `result` is False."""
        return Response(model if result or not self.envelope else NO_RESULT)


@csrf_exempt
def unknown_route(request: HttpRequest) -> Response:
    """Answer whatever is not an address of the API."""
    return written(of_status(404), request)
