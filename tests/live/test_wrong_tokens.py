"""Wrong tokens at sockets count with those over HTTP: each handshake once, and a right one goes on."""

from collections.abc import Callable

import pytest
from django.test import Client
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from builds.models import ApiToken, WrongTokens
from builds.services.accounts.tokens import MOST_WRONG_TOKENS
from tests.live.browser import Watcher
from tests.live.world import World

Watch = Callable[..., Watcher]


def refused(watch: Watch, path: str, token: str) -> Response:
    with pytest.raises(InvalidStatus) as caught:
        watch(path, token=token)
    return caught.value.response


def counted() -> int:
    return sum(WrongTokens.objects.values_list("minute_count", flat=True))


@pytest.mark.parametrize("path", ["/ws/builds", "/ws/runs/{run}"])
def test_wrong_tokens_at_sockets_are_counted_and_too_many_are_429(watch: Watch, world: World, path: str):
    path = path.format(run=world.press().pk)
    assert refused(watch, path, "bh_wrong").status_code == 403
    assert counted() == 1
    WrongTokens.objects.update(minute_count=MOST_WRONG_TOKENS)
    answer = refused(watch, path, "bh_wrong")
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert watch("/ws/builds").next()["type"] == "counts"


def test_sockets_and_http_count_together(watch: Watch, world: World):
    assert refused(watch, "/ws/builds", "bh_wrong").status_code == 403
    WrongTokens.objects.update(minute_count=MOST_WRONG_TOKENS)
    client = Client(REMOTE_ADDR="127.0.0.1")
    assert client.get("/v1/build", headers={"Authorization": "Bearer bh_wrong"}).status_code == 429


def test_a_right_token_that_may_not_see_is_not_counted(watch: Watch, world: World):
    token = world.token(world.operator)
    assert refused(watch, "/ws/runs/999999999", token).status_code == 403
    ApiToken.objects.update(blocked_ranges=["127.0.0.0/8"])
    assert refused(watch, "/ws/builds", token).status_code == 403
    assert counted() == 0
