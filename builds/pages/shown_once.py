"""Secrets that are shown once: kept between the POST that makes one and the page that it leads to.

So a page that is loaded again shows nothing and makes nothing. The secret waits encrypted in the session, never in an
address, and not for long.
"""

import time
from typing import Final

from cryptography.fernet import InvalidToken
from django.http import HttpRequest

from builds.credentials import decrypt, encrypt

KEPT_SECONDS: Final = 300
KEY: Final = "shown_once_"


def keep(request: HttpRequest, what: str, secret: str) -> None:
    """Keep a secret for the next page that calls `take` with the same `what`."""
    request.session[KEY + what] = [encrypt(secret), time.time()]


def take(request: HttpRequest, what: str) -> str:
    """Return the secret that waits to be shown and forget it; empty where there is none, or it has waited too long."""
    stored, kept_at = request.session.pop(KEY + what, ("", 0.0))
    if time.time() - kept_at > KEPT_SECONDS:
        return ""
    try:
        return decrypt(stored)
    except InvalidToken:  # the keys have been changed since
        return ""
