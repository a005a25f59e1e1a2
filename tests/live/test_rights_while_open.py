"""A right that is lost while a socket is open closes it (security.md, G3)."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from builds import doorbell
from builds.live import streams
from builds.models import ApiToken, BuildRun, Membership
from tests.live.browser import Watcher
from tests.live.world import World, finish

Watch = Callable[..., Watcher]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rights are looked at again very soon, instead of after seconds."""
    monkeypatch.setattr(streams, "RECHECK_SECONDS", 0.3)


def test_rights_are_looked_at_again_within_30_seconds():
    assert streams.RECHECK_SECONDS <= 30


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("path", ["/ws/runs/{run}", "/ws/builds"])
def test_a_revoked_token_ends_its_sockets(watch: Watch, world: World, path: str):
    watcher = watch(path.format(run=world.press().pk))
    watcher.next()
    ApiToken.objects.update(revoked_at=timezone.now())
    assert watcher.rest() == 4401


@pytest.mark.usefixtures("soon")
def test_signing_out_ends_the_sockets_of_the_session(watch: Watch, world: World, server: str):
    client = Client()
    client.force_login(world.viewer)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    watcher = watch(f"/ws/runs/{world.press().pk}", cookie=cookie, origin=f"http://{server}")
    watcher.next()
    client.logout()
    assert watcher.rest() == 4401


@pytest.mark.usefixtures("soon")
def test_a_user_who_is_switched_off_loses_the_socket(watch: Watch, world: World):
    watcher = watch("/ws/builds")
    watcher.next()
    User.objects.update(is_active=False)
    assert watcher.rest() == 4401


@pytest.mark.usefixtures("soon")
def test_a_lost_membership_ends_the_socket(watch: Watch, world: World):
    watcher = watch(f"/ws/runs/{world.press().pk}")
    watcher.next()
    Membership.objects.filter(user=world.operator).delete()
    assert watcher.rest() == 4403


@pytest.mark.usefixtures("soon")
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
