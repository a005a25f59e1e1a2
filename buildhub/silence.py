"""Requests whose body does not arrive: answered 408 after a while of silence, instead of being waited for for ever."""

import asyncio
from typing import TYPE_CHECKING, Any

from django.conf import settings

from builds.api.exceptions import silent_body

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application


class SilenceLimit:
    """Ends a request when nothing of its body comes for BODY_SILENCE_SECONDS; one that keeps sending may be as slow as
    it likes. To the application it looks as if the client had gone.
    """

    def __init__(self, application: "ASGI3Application") -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request; sockets pass through."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        body, is_answered = _Body(receive), False

        async def noting(message: Any) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        await self._application(scope, body.receive, noting)
        if body.is_silent and not is_answered:
            answer = silent_body(scope["path"], int(settings.BODY_SILENCE_SECONDS))
            headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.items()]
            await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
            await send({"type": "http.response.body", "body": answer.content})


class _Body:
    """The body of one request as the server hands it on; `is_silent` once the wait for more of it was given up."""

    def __init__(self, receive: Any) -> None:
        self._receive = receive
        self._is_complete = False
        self.is_silent = False

    async def receive(self) -> Any:
        """Return the next message. After the body there is only the client's leaving, which may take its time."""
        if self._is_complete:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), settings.BODY_SILENCE_SECONDS)
        except TimeoutError:
            self.is_silent = True
            return {"type": "http.disconnect"}
        self._is_complete = message["type"] != "http.request" or not message.get("more_body", False)
        return message
