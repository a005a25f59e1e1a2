"""Redirects of the outbound client: followed as browsers do, each address checked anew, and no secret goes along.

To another origin (scheme, host or port) go neither the login nor any header that the user gave, but the type of a body
that goes along. Never from https to http, and never to another scheme.
"""

import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import BinaryIO, Final
from urllib.parse import urljoin, urlsplit

from builds.domain.outbound import without_query
from builds.engine.errors import EngineError
from builds.engine.outbound import Answer, Ask, send_until
from builds.engine.outbound_wire import Deadline

MOST_REDIRECTS: Final = 10
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
PORTS: Final = {"http": 80, "https": 443}
OF_A_BODY: Final = "content-type"


class RedirectRefused(EngineError):  # noqa: N818  says what happened, as its siblings do
    """A redirect is not followed; `answered` says why. It holds no query."""


class TooManyRedirects(EngineError):  # noqa: N818  as above
    """There were more than `MOST_REDIRECTS`: probably they lead in a circle."""

    def __init__(self, asked: str) -> None:
        super().__init__(asked, f"It redirects more than {MOST_REDIRECTS} times.")


def send_and_follow(
    ask: Ask,
    *,
    answers: Collection[int],
    into: BinaryIO,
    stopping: threading.Event,
    said: Callable[[Ask, Answer, Ask | None], None],
) -> tuple[Ask, Answer]:
    """Send a request, follow where it is redirected, and return the last request and its answer.

    A redirect whose status is among `answers` is an answer; so is one that names no address. The body of the answer is
    written `into` that file. `said` is called with each request, its answer and the request that it leads to, None for
    the last. All of it together ends by the total time of `ask`. Raises as `outbound.send` does, `RedirectRefused` and
    `TooManyRedirects`; the errors tell by `asked` which of the requests it was.
    """
    followed = REDIRECTS.difference(answers)
    with Deadline(ask.limits.total_seconds, stopping) as deadline:
        for _ in range(MOST_REDIRECTS + 1):
            answer = send_until(deadline, ask, into, unread=followed)
            location = next((value for name, value in answer.headers.items() if name.lower() == "location"), "")
            if answer.status not in followed or not location:
                said(ask, answer, None)
                return ask, answer
            to = redirected(ask, answer.status, location)
            said(ask, answer, to)
            ask = to
    raise TooManyRedirects(ask.shown)


def redirected(ask: Ask, status: int, location: str) -> Ask:
    """Return the request to which an answer of `status` leads. Raises `RedirectRefused` where that may not be."""
    try:
        # A header's bytes come as Latin-1, and are UTF-8 where they are not ASCII.
        url = urljoin(ask.url, location.encode("latin-1").decode())
        here, there = urlsplit(ask.url), urlsplit(url)
        there_is_other = is_other_origin(ask.url, url)
    except ValueError as error:
        raise RedirectRefused(ask.shown, "It redirects to an address that cannot be read.") from error
    if there.scheme not in PORTS or not there.hostname:
        raise RedirectRefused(ask.shown, "It redirects to an address that is neither http nor https.")
    if "@" in there.netloc:
        raise RedirectRefused(ask.shown, "It redirects to an address with a user or password in it.")
    if (here.scheme, there.scheme) == ("https", "http"):
        raise RedirectRefused(ask.shown, f"It redirects from https to http ({without_query(url)}).")
    method, body, headers = ask.method, ask.body, dict(ask.headers)
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        method, body = "GET", None
    if there_is_other:
        headers = {name: value for name, value in headers.items() if name.lower() == OF_A_BODY}
    if body is None:
        headers = {name: value for name, value in headers.items() if name.lower() != OF_A_BODY}
    return replace(ask, method=method, url=there._replace(fragment="").geturl(), body=body, headers=headers)


def is_other_origin(url: str, other: str) -> bool:
    """Say whether two addresses differ in scheme, host or port."""
    one, two = (
        (parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme))
        for parts in (urlsplit(url), urlsplit(other))
    )
    return one != two
