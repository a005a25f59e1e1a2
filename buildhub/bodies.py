"""Bodies that do not arrive, or are larger than anything that is taken: answered 408 and 413, before a view is asked.

Django keeps a body on disk until it has all of it, whoever sends it and wherever to.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpResponse

from builds.api.exceptions import oversized_body, silent_body
from builds.api.requests import most_bytes

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application


class BodyLimits:
    """Ends a request when nothing of its body comes for BODY_SILENCE_SECONDS, or more than its address could take; one
    that keeps sending may be as slow as it likes. To the application it looks as if the client had gone.
    """

    def __init__(self, application: "ASGI3Application") -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request; sockets pass through."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        body, is_answered = _Body(scope, receive), False

        async def noting(message: Any) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        if body.refusal is None:
            await self._application(scope, body.receive, noting)
        if body.refusal is not None and not is_answered:
            answer = body.refusal
            headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.items()]
            await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
            await send({"type": "http.response.body", "body": answer.content})


class _Body:
    """The body of one request as the server hands it on; `refusal` is the answer once no more of it is waited for."""

    def __init__(self, scope: Any, receive: Any) -> None:
        self._receive, self._path = receive, scope["path"]
        self._is_complete = False
        self._bytes = 0
        self.refusal: HttpResponse | None = None
        announced = dict(scope["headers"]).get(b"content-length", b"")
        if announced.isdigit() and int(announced[:20]) > most_bytes(self._path):
            self.refusal = oversized_body(self._path)

    async def receive(self) -> Any:
        """Return the next message. After the body there is only the client's leaving, which may take its time."""
        if self._is_complete:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), settings.BODY_SILENCE_SECONDS)
        except TimeoutError:
            self.refusal = silent_body(self._path, int(settings.BODY_SILENCE_SECONDS))
            return {"type": "http.disconnect"}
        self._is_complete = message["type"] != "http.request" or not message.get("more_body", False)
        self._bytes += len(message.get("body", b""))
        if self._bytes > most_bytes(self._path):
            self.refusal = oversized_body(self._path)
            return {"type": "http.disconnect"}
        return message
