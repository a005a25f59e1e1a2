"""The limit of requests a minute that a token carries."""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from builds.models import ApiToken
from builds.services.accounts.tokens import count_request


class TokenThrottle(BaseThrottle):
    """Counts every request of a token, whatever its answer; a session has no such limit."""

    _seconds: int | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count this request; False where the token's minute is used up."""
        if isinstance(request.auth, ApiToken):
            self._seconds = count_request(request.auth)
        return self._seconds is None

    def wait(self) -> float | None:
        """Return in how many seconds to come again: Retry-After."""
        return self._seconds
