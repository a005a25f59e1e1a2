"""Who calls: a bearer token, or the page's session with its CSRF token (docs/contract.md, "Callers and rights")."""

from typing import Any, Final, cast

from django.contrib.auth.models import User
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, Throttled
from rest_framework.request import Request

from builds.api.requests import ApiRequest
from builds.domain.access import Permission, Role, refused
from builds.domain.errors import NoRight
from builds.models import ApiToken, Caller
from builds.services.accounts.access import caller_for, client_address
from builds.services.accounts.tokens import address_refused, count_wrong_token, find_token

CHALLENGE: Final = "Bearer"


class TooManyWrongTokens(Throttled):
    """Wrong tokens from one address, more than a minute may have."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            detail=f"Too many wrong tokens came from this address; correct the token and come again in {seconds} s."
        )
        self.wait = seconds


class TokenAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer <token>`; leaves the live token in `request.auth`."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """Return the token's owner and the token, None where no bearer token is given.

        Raises 401 for a bad one, 429 for one too many of them, 403 for one that may not be used from this address.
        """
        scheme, _, word = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != CHALLENGE.lower():
            return None
        token, address = find_token(word.strip()), client_address(request._request)
        if token is None:
            if seconds := count_wrong_token(address):
                raise TooManyWrongTokens(seconds)
            raise AuthenticationFailed("This token is unknown, expired or revoked; issue another one.")
        if sentence := address_refused(token, address):
            raise PermissionDenied(sentence)
        return token.owner, token

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return CHALLENGE


class SessionAuthentication(authentication.SessionAuthentication):
    """The session cookie of the pages; every method that writes needs the CSRF token too."""

    def enforce_csrf(self, request: Any) -> None:
        """Check the CSRF token of the plain request, whose body is read before Django would parse it as a form."""
        if isinstance(request, ApiRequest):
            request.prepare_csrf_check()
            request = request._request
        super().enforce_csrf(request)


def caller_of(request: Request) -> Caller:
    """Return the rights of who calls, now; raises `NoRight` where a token reads that lacks the scope `read`."""
    user = cast(User, request.user)  # IsAuthenticated stands before every view
    token = request.auth if isinstance(request.auth, ApiToken) else None
    caller = caller_for(user, token)
    if request.method in ("GET", "HEAD") and (sentence := refused(Permission.SEE, Role.VIEWER, caller.scopes)):
        raise NoRight(sentence)
    return caller
