"""A request of the API: its body is read once and within a limit, whatever length the client has announced."""

from io import BytesIO
from typing import Any, cast

from rest_framework.exceptions import APIException
from rest_framework.request import Request


class Unreadable(APIException):
    """A body that cannot be read; `status` 400 or 413."""

    def __init__(self, sentence: str, *, status: int = 400) -> None:
        super().__init__(sentence)
        self.status_code = status


class ApiRequest(Request):
    """DRF's own takes the announced length for true, and reads no body that announces none (chunked)."""

    @property
    def data(self) -> dict[str, Any]:
        """Return the object that the body is; raises `Unreadable` and 415."""
        return cast(dict[str, Any], super().data)

    @property
    def stream(self) -> BytesIO:
        """Return the whole body, from its beginning; raises `Unreadable` (413)."""
        return BytesIO(self.raw)

    @property
    def raw(self) -> bytes:
        """Return the bytes of the body; raises `Unreadable` (413)."""
        plain: Any = self._request
        most = self.parser_context["view"].most_body_bytes
        if not hasattr(plain, "_body"):
            plain._body = plain.read(most + 1)  # what HttpRequest.body would leave
            plain._stream = BytesIO(plain._body)  # for Django, whose CSRF check parses forms
        if len(plain._body) > most:
            raise Unreadable(f"The body is larger than {most // 1024**2} MiB; shorten it.", status=413)
        return bytes(plain._body)
