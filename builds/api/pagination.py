"""The pages of a list: each goes on after the last key of the one before, so that new rows shift nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

MOST_COUNTED: Final = 10_000  # a longer list says that it is longer; counting it would cost more than its page


class KeysetPagination(BasePagination):
    """A page of a list, the address of the next one, and how long the list is.

    `key` is the field of a model whose last value goes on as `after`, `following` what returns the rows after a value.
    """

    def __init__(self, key: str, following: Callable[[Any, int], Any]) -> None:
        self._key, self._following = key, following

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        """Return the rows of a page and one more, which says whether another follows; raises `Invalid`."""
        self._whole, self._request, self._limit = queryset, request, view.asked["limit"]
        after = view.asked.get("after")
        rows = queryset if after is None else self._following(queryset, after)
        return rows[: self._limit + 1]

    def get_paginated_response(self, data: Sequence[Mapping[str, Any]]) -> Response:
        """Return the page of the models of those rows. The next one's address is relative: no Host gets into it."""
        page = list(data[: self._limit])
        count = self._whole.order_by().values("pk")[: MOST_COUNTED + 1].count()
        headers = {"X-Total-Count": str(min(count, MOST_COUNTED))}
        if count > MOST_COUNTED:
            headers["X-Total-Estimated"] = "true"
        if len(data) > self._limit:
            parameters = self._request.GET.copy()
            parameters["after"] = str(page[-1][self._key])
            headers["Link"] = f'<{self._request.path}?{parameters.urlencode()}>; rel="next"'
        return Response(page, headers=headers)
