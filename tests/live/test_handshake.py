"""Who gets a socket at all: closed before accept is HTTP 403, and nothing of the run has been said."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from websockets.exceptions import InvalidStatus

from builds.domain.access import Scope
from tests.live.browser import Watcher
from tests.live.world import World, say

Watch = Callable[..., Watcher]


@pytest.fixture
def session(world: World) -> Callable[[User], str]:
    """Sign somebody in; return the session's key."""

    def sign_in(user: User) -> str:
        client = Client()
        client.force_login(user)
        return client.cookies[settings.SESSION_COOKIE_NAME].value

    return sign_in


def refusal(watch: Watch, path: str, **options: Any) -> int:
    with pytest.raises(InvalidStatus) as refused:
        watch(path, **options)
    return refused.value.response.status_code


def test_a_token_opens_a_socket_without_origin_and_comes_back_as_subprotocol(watch: Watch, world: World):
    token = world.token(world.viewer)
    watcher = watch(f"/ws/runs/{world.press().pk}", token=token)
    assert watcher.connection.subprotocol == f"bearer.{token}"
    assert watcher.next()["type"] == "run"


def test_a_session_opens_a_socket_from_our_own_page(watch: Watch, world: World, server: str, session: Any):
    cookie = session(world.viewer)
    watcher = watch(f"/ws/runs/{world.press().pk}", cookie=cookie, origin=f"http://{server}")
    assert watcher.connection.subprotocol is None
    assert watcher.next()["type"] == "run"


def test_the_public_address_is_our_own_page_too(watch: Watch, world: World, session: Any):
    cookie = session(world.viewer)
    assert watch("/ws/builds", cookie=cookie, origin=settings.PUBLIC_URL).next()["type"] == "counts"


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "http://evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1:1",
        "https://127.0.0.1",
        "http://user@127.0.0.1:8000",
        "file://",
        "http://[",
    ],
)
def test_a_session_from_a_foreign_page_is_refused(watch: Watch, world: World, session: Any, origin: str | None):
    cookie = session(world.operator)
    assert refusal(watch, f"/ws/runs/{world.press().pk}", cookie=cookie, origin=origin) == 403
    assert refusal(watch, "/ws/builds", cookie=cookie, origin=origin) == 403


def test_a_page_under_a_name_that_is_not_ours_is_refused_although_host_and_origin_agree(
    watch: Watch, world: World, server: str, session: Any
):
    """DNS rebinding: a foreign name that points to us."""
    name = f"rebound.example:{server.split(':')[1]}"
    headers = {"Cookie": f"sessionid={session(world.operator)}", "Host": name}
    assert refusal(watch, "/ws/builds", origin=f"http://{name}", additional_headers=headers) == 403


def test_a_token_from_a_foreign_page_is_refused(watch: Watch, world: World):
    token = world.token(world.operator)
    assert refusal(watch, "/ws/builds", token=token, origin="http://evil.example") == 403


def test_nobody_is_refused(watch: Watch, world: World, server: str):
    own = f"http://{server}"
    path = f"/ws/runs/{world.press().pk}"
    assert refusal(watch, path, origin=own) == 403
    assert refusal(watch, path, origin=own, cookie="made-up") == 403
    assert refusal(watch, path, token="bh_made-up") == 403
    assert refusal(watch, "/ws/builds", origin=own) == 403


def test_a_bad_token_is_not_made_good_by_a_session(watch: Watch, world: World, server: str, session: Any):
    cookie = session(world.viewer)
    assert refusal(watch, "/ws/builds", token="bh_made-up", cookie=cookie, origin=f"http://{server}") == 403


def test_a_run_of_another_account_is_refused_like_one_that_is_not_there(watch: Watch, world: World):
    run, token = world.press(), world.token(world.stranger)
    assert refusal(watch, f"/ws/runs/{run.pk}", token=token) == 403
    assert refusal(watch, "/ws/runs/10000000", token=token) == 403


def test_a_token_without_the_scope_to_read_is_refused(watch: Watch, world: World):
    token = world.token(world.operator, scopes=[Scope.RUN])
    assert refusal(watch, f"/ws/runs/{world.press().pk}", token=token) == 403


@pytest.mark.parametrize("after", ["x", "-1", "", "1.5", "٣", "1&after=2", "9223372036854775808", "1" * 5000])
def test_an_after_that_is_no_line_number_is_refused(watch: Watch, world: World, after: str):
    assert refusal(watch, f"/ws/runs/{world.press().pk}?after={after}") == 403


@pytest.mark.parametrize("path", ["/ws/runs/0", "/ws/runs/-1", "/ws/runs/x", f"/ws/runs/{10**30}", "/ws/other", "/ws"])
def test_an_address_that_is_not_there_is_refused(watch: Watch, world: World, path: str):
    assert refusal(watch, path) == 403


@pytest.mark.parametrize("path", ["/ws/runs/{run}", "/ws/builds"])
def test_a_ping_is_answered(watch: Watch, world: World, path: str):
    watcher = watch(path.format(run=world.press().pk))
    watcher.connection.send('{"type":"ping"}')
    assert watcher.next("pong") == {"type": "pong"}


def test_a_socket_goes_on_after_a_ping(watch: Watch, world: World):
    lease = world.begin()
    watcher = watch(f"/ws/runs/{lease.run_id}")
    watcher.connection.send('{"type": "ping"}')
    say(lease, "still here")
    assert watcher.next("lines")["lines"][0]["text"] == "still here"


@pytest.mark.parametrize(
    "junk",
    ["", "ping", "{}", '{"type":"run"}', '{"type":"ping","x":1}', "[" * 1000, b"\x00", '{"type":"ping"}' + " " * 1024],
)
def test_anything_but_a_ping_closes_the_socket(watch: Watch, world: World, junk: str | bytes):
    watcher = watch(f"/ws/runs/{world.begin().run_id}")
    watcher.connection.send(junk)
    assert watcher.rest() == 1003


def test_a_flood_of_pings_closes_the_socket(watch: Watch, world: World):
    watcher = watch("/ws/builds")
    for _ in range(61):
        watcher.connection.send('{"type":"ping"}')
    assert watcher.rest() == 1008
