"""What all views of the API share: who calls, and how an answer leaves."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.views.decorators.csrf import csrf_exempt
from rest_framework.response import Response
from rest_framework.views import APIView

from builds.api.authentication import caller_of
from builds.api.documented import Documented
from builds.api.exceptions import of_status, written
from builds.api.idempotency import answer_once, key_of
from builds.api.renderers import NO_RESULT, renderer_of
from builds.api.requests import ApiRequest
from builds.contract.parameters import read_number
from builds.domain.steps.kinds import api_name
from builds.models import Caller


class ApiView(APIView):
    """A view for callers who are known; `caller` holds their rights now."""

    http_method_names = ["get", "head", "post", "put", "delete"]
    request_class: type[ApiRequest] = ApiRequest
    most_body_bytes: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    caller: Caller

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then read the caller's rights and the numbers of the path."""
        super().initial(request, *args, **kwargs)
        self.caller = caller_of(request)
        method = str(request.method).lower()
        handler = getattr(self, method, None) if method in self.http_method_names else None
        if handler is None:
            return  # DRF answers 405
        for name, text in self.kwargs.items():
            self.kwargs[name] = read_number(self.number_name(name), text)  # DRF hands this very dict to the handler
        if (key := key_of(request)) is not None:
            # DRF takes the handler from this object after `initial`; each request has an object of its own.
            setattr(self, method, answer_once(self, handler, key))

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> ApiRequest:
        """Return the request as DRF makes one, but with a limit for its body."""
        return self.request_class(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def number_name(self, name: str) -> str:
        """Return what the contract calls a number of the path."""
        return api_name(name)

    def turn(self) -> AbstractContextManager[None]:
        """Return what to wait for before an answer that is kept begins its transaction; most wait for nothing."""
        return nullcontext()

    @property
    def envelope(self) -> bool:
        """Say whether this address speaks the enveloped dialect."""
        return renderer_of(self.request.path).is_enveloped

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
