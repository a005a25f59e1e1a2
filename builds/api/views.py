"""What all views of the API share: who calls, how an answer leaves, how a list goes on."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from builds.api.authentication import caller_of
from builds.api.dialects import dialect_of
from builds.api.errors import Problem, of_status, written
from builds.api.idempotency import answer_once, key_of
from builds.api.params import Query
from builds.models import Caller

PAGE: Final = 50
LONGEST_PAGE: Final = 200
MOST_COUNTED: Final = 10_000  # a longer list says that it is longer; counting it would cost more than its page


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

    def turn(self, **kwargs: Any) -> AbstractContextManager[None]:
        """Return what to wait for before an answer that is kept begins its transaction; most wait for nothing."""
        return nullcontext()

    @property
    def envelope(self) -> bool:
        """Say whether this address speaks the enveloped dialect."""
        return dialect_of(self.request.path).is_enveloped

    @property
    def most_body_bytes(self) -> int:
        """Return how many bytes a body may have here."""
        return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)

    @property
    def query(self) -> Query:
        """Return the readers of the request's query."""
        return Query(self.request.GET)

    def answer(self, model: Any, headers: Mapping[str, str] | None = None, *, result: bool = True) -> HttpResponse:
        """Return `model` in the dialect of the address; the enveloped one leaves it out where `result` is False."""
        return dialect_of(self.request.path).answer(model, headers or {}, result=result)

    def refuse(self, problem: Problem) -> HttpResponse:
        """Return `problem` in the dialect of the address, for a view that has to word it itself."""
        return written(problem, self.request)

    def answer_page(
        self,
        shapes: Sequence[Mapping[str, Any]],
        *,
        seq: str,
        limit: int,
        counted: "QuerySet[Any]",
    ) -> HttpResponse:
        """Return the first `limit` of `shapes` (one more was read), with the address of the next page if there is one.

        `seq` is the field whose last value goes on as `after`, `counted` the whole list. The address is relative: no
        Host header gets into it.
        """
        page = list(shapes[:limit])
        count = counted.order_by().values("pk")[: MOST_COUNTED + 1].count()
        headers = {"X-Total-Count": str(min(count, MOST_COUNTED))}
        if count > MOST_COUNTED:
            headers["X-Total-Estimated"] = "true"
        if len(shapes) > limit:
            parameters = self.request.GET.copy()
            parameters["after"] = str(page[-1][seq])
            headers["Link"] = f'<{self.request.path}?{parameters.urlencode()}>; rel="next"'
        return self.answer(page, headers)

    def page_limit(self) -> int:
        """Return how many the client wants on a page: 50, at most 200."""
        return self.query.number("limit", least=1, most=LONGEST_PAGE) or PAGE


@csrf_exempt
def unknown_route(request: HttpRequest) -> HttpResponse:
    """Answer whatever is not an address of the API."""
    return written(of_status(404), request)
