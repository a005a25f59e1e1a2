"""A body that is larger than any that is taken is not read to its end."""

import json

import pytest

from buildhub.bodies import BodyLimits
from builds.api import requests

PIECE = 1024**2
UPLOAD = "/v1/build/1/context"


@pytest.fixture(autouse=True)
def limit(settings):
    settings.CONTEXT_LIMIT_BYTES = 2 * PIECE


class Sender:
    """A client that sends pieces of 1 MiB and hears the answer."""

    def __init__(self, pieces: int) -> None:
        self.left = pieces
        self.heard: list[dict] = []

    async def receive(self) -> dict:
        self.left -= 1
        return {"type": "http.request", "body": b"x" * PIECE, "more_body": self.left > 0}

    async def send(self, message: dict) -> None:
        self.heard.append(message)

    @property
    def told(self) -> tuple[int, dict]:
        return self.heard[0]["status"], json.loads(self.heard[1]["body"])


async def counting(_scope, receive, send):
    """Answer once the body is there, as Django does; nothing where the client has gone."""
    while (message := await receive())["type"] != "http.disconnect":
        if not message["more_body"]:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})
            return


async def ask(path: str, pieces: int, *headers: tuple[bytes, bytes]) -> Sender:
    sender = Sender(pieces)
    scope = {"type": "http", "path": path, "headers": list(headers)}
    await BodyLimits(counting)(scope, sender.receive, sender.send)
    return sender


async def test_what_fits_passes():
    assert (await ask(UPLOAD, 2)).told == (200, {})


@pytest.mark.parametrize(
    ("path", "field"),
    [(UPLOAD, ["dataFile"]), (f"{UPLOAD}/", ["dataFile"]), ("/v1/build", [])],
)
async def test_one_piece_too_much_ends_it(path, field, monkeypatch):
    monkeypatch.setattr(requests, "MOST_BYTES", 2 * PIECE)
    sender = await ask(path, 100)
    status, problem = sender.told
    assert (status, problem["code"], [error["field"] for error in problem["errors"]]) == (413, "CKSY1400000", field)
    assert sender.left == 97  # nothing more is taken


async def test_the_enveloped_dialect_says_it_in_its_envelope():
    status, envelope = (await ask("/api/build/1/context", 100)).told
    assert (status, envelope["code"]) == (200, "CKSY1400000")


async def test_a_large_limit_of_uploads_is_of_uploads_alone(settings):
    settings.CONTEXT_LIMIT_BYTES = 30 * PIECE
    assert (await ask(UPLOAD, 30)).told == (200, {})
    assert (await ask("/builds/1/context", 30)).told == (200, {})
    assert (await ask("/v1/build/import", 20)).told == (200, {})
    assert [(await ask(path, 30)).told[0] for path in ("/v1/build/import", "/accounts/login/", "/")] == [413] * 3


async def test_an_announced_length_is_enough():
    sender = await ask(UPLOAD, 100, (b"content-length", b"99999999"))
    assert (sender.told[0], sender.left) == (413, 100)
