"""A right that is lost while a socket is open closes it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from builds import doorbell
from builds.models import ApiToken, BuildRun, Membership
from tests.live.browser import Watcher
from tests.live.world import World, finish

Watch = Callable[..., Watcher]


BOTH = pytest.mark.parametrize("path", ["/ws/runs/{run}", "/ws/builds"])
AWAIT = 3  # seconds within which what is lost is taken away


@pytest.fixture
def watch_as(watch: Watch, world: World, server: str) -> Callable[..., tuple[Watcher, Client]]:
    """Open a socket with a session, and return it with the client that has the session."""

    def opened(path: str, user: User) -> tuple[Watcher, Client]:
        client = Client()
        client.force_login(user)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        run = world.build.runs.first() or world.press()
        watcher = watch(path.format(run=run.pk), cookie=cookie, origin=f"http://{server}")
        watcher.next()
        return watcher, client

    return opened


@BOTH
def test_a_revoked_token_ends_its_sockets(watch: Watch, world: World, path: str):
    watcher = watch(path.format(run=world.press().pk))
    watcher.next()
    ApiToken.objects.update(revoked_at=timezone.now())
    assert watcher.closed_within(AWAIT) == 4401


@BOTH
def test_a_token_that_expires_ends_its_sockets(watch: Watch, world: World, path: str):
    watcher = watch(path.format(run=world.press().pk))
    watcher.next()
    ApiToken.objects.update(expires_at=timezone.now())
    assert watcher.closed_within(AWAIT) == 4401


@BOTH
def test_signing_out_ends_the_sockets_of_the_session_and_no_others(watch_as: Any, world: World, path: str):
    watcher, client = watch_as(path, world.viewer)
    other, _ = watch_as("/ws/builds", world.viewer)
    assert client.post("/accounts/logout/").status_code == 302
    assert watcher.closed_within(AWAIT) == 4401
    other.connection.send('{"type":"ping"}')
    assert other.next("pong") == {"type": "pong"}


@BOTH
def test_a_new_password_ends_the_sockets_of_old_sessions(watch_as: Any, world: World, path: str):
    watcher, _ = watch_as(path, world.viewer)
    world.viewer.set_password("another")
    world.viewer.save()
    assert watcher.closed_within(AWAIT) == 4401


@BOTH
def test_a_user_who_is_switched_off_loses_the_sockets(watch_as: Any, watch: Watch, world: World, path: str):
    by_session, _ = watch_as(path, world.operator)
    by_token = watch(path.format(run=world.build.runs.get().pk))
    by_token.next()
    User.objects.update(is_active=False)
    assert (by_session.closed_within(AWAIT), by_token.closed_within(AWAIT)) == (4401, 4401)


def test_a_lost_membership_ends_the_socket_of_a_run(watch: Watch, world: World):
    watcher = watch(f"/ws/runs/{world.press().pk}")
    watcher.next()
    Membership.objects.filter(user=world.operator).delete()
    assert watcher.closed_within(AWAIT) == 4403


def test_a_lost_membership_takes_the_account_out_of_all_runs(watch: Watch, world: World):
    world.begin()
    watcher = watch("/ws/builds")
    watcher.until(lambda: bool(watcher.of("counts")) and watcher.of("counts")[-1]["running"] == 1)
    Membership.objects.filter(user=world.operator).delete()
    assert watcher.next("counts")["running"] == 0


def test_a_token_that_is_narrowed_to_other_builds_ends_the_socket_of_a_run(watch: Watch, world: World):
    watcher = watch(f"/ws/runs/{world.press().pk}")
    watcher.next()
    ApiToken.objects.update(limited_to_builds=True)
    assert watcher.closed_within(AWAIT) == 4403


def test_a_role_that_shrinks_takes_the_buttons_away(watch: Watch, world: World):
    watcher = watch(f"/ws/runs/{world.begin().run_id}")
    assert "CANCEL" in watcher.next("run")["run"]["possibleActions"]
    Membership.objects.filter(user=world.operator).update(role="VIEWER")
    assert watcher.next("run")["run"]["possibleActions"] == ["VIEW", "LOG"]


def test_a_removed_run_ends_its_sockets_at_the_bell(watch: Watch, world: World):
    run = world.press()
    watcher = watch(f"/ws/runs/{run.pk}")
    watcher.next("steps")
    BuildRun.objects.filter(pk=run.pk).update(removed_at=timezone.now())
    doorbell.run_changed(run.pk, build_id=run.build_id, account_id=run.account_id)
    assert watcher.rest() == 4403


def test_all_runs_does_not_tell_of_the_runs_of_others(watch: Watch, world: World):
    stranger = watch("/ws/builds", token=world.token(world.stranger))
    member = watch("/ws/builds")
    assert stranger.next() == {"type": "counts", "running": 0, "waiting": 0, "failed24h": 0, "done24h": 0}
    lease = world.begin()
    finish(lease)
    member.until(lambda: any(frame["run"]["runState"] == "DONE" for frame in member.of("run")))
    member.until(lambda: bool(member.of("counts")[-1]["done24h"]))
    assert stranger.of("run") == []
    with pytest.raises(TimeoutError):
        stranger.connection.recv(timeout=0.5)  # whatever it had been sent would have come before the member's counts
