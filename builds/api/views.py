"""What all views of the API share: who calls, how an answer leaves, how a list goes on."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from builds.api.authentication import caller_of
from builds.api.dialects import dialect_of
from builds.api.errors import of_status
from builds.api.params import Query
from builds.models import Caller

PAGE = 50
LONGEST_PAGE = 200


class ApiView(APIView):
    """A view for callers who are known; `caller` holds their rights now."""

    permission_classes = [IsAuthenticated]
    http_method_names = ["get", "head", "post", "put", "delete"]
    caller: Caller

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then read the caller's rights."""
        super().initial(request, *args, **kwargs)
        self.caller = caller_of(request)

    @property
    def query(self) -> Query:
        """Return the readers of the request's query."""
        return Query(self.request.GET)

    def answer(self, model: Any, headers: Mapping[str, str] | None = None) -> HttpResponse:
        """Return `model` in the dialect of the address."""
        return dialect_of(self.request.path).answer(model, headers or {})

    def answer_page(self, shapes: Sequence[Mapping[str, Any]], *, seq: str, limit: int, total: int) -> HttpResponse:
        """Return the first `limit` of `shapes` (one more was read), with the address of the next page if there is one.

        `seq` is the field whose last value goes on as `after`. The address is relative: no Host header gets into it.
        """
        page = list(shapes[:limit])
        headers = {"X-Total-Count": str(total)}
        if len(shapes) > limit:
            parameters = {**self.request.GET.dict(), "after": str(page[-1][seq])}
            headers["Link"] = f'<{self.request.path}?{urlencode(parameters)}>; rel="next"'
        return self.answer(page, headers)

    def page_limit(self) -> int:
        """Return how many the client wants on a page: 50, at most 200."""
        return self.query.number("limit", least=1, most=LONGEST_PAGE) or PAGE


@csrf_exempt
def unknown_route(request: HttpRequest) -> HttpResponse:
    """Answer whatever is not an address of the API."""
    return dialect_of(request.path).error(of_status(404))
