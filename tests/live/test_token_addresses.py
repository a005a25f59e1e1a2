"""The address ranges of a token hold for its sockets too, when they open and while they are open."""

from collections.abc import Callable

import pytest
from websockets.exceptions import InvalidStatus

from builds.models import ApiToken
from tests.live.browser import Watcher
from tests.live.world import World

Watch = Callable[..., Watcher]


@pytest.mark.parametrize("limits", [{"allowed_ranges": ["192.0.2.0/24"]}, {"blocked_ranges": ["127.0.0.0/8"]}], ids=str)
@pytest.mark.parametrize("path", ["/ws/runs/{run}", "/ws/builds"])
def test_a_socket_from_a_refused_address_is_closed_before_accept(watch: Watch, world: World, path: str, limits: dict):
    token = world.token(world.operator)
    ApiToken.objects.update(**limits)
    with pytest.raises(InvalidStatus) as refused:
        watch(path.format(run=world.press().pk), token=token)
    assert refused.value.response.status_code == 403


def test_a_socket_from_an_allowed_address_opens(watch: Watch, world: World):
    token = world.token(world.operator)
    ApiToken.objects.update(allowed_ranges=["127.0.0.0/8"])
    assert watch("/ws/builds", token=token).next()["type"] == "counts"


def test_a_socket_ends_when_its_address_is_blocked(watch: Watch, world: World):
    watcher = watch("/ws/builds")
    watcher.next()
    ApiToken.objects.update(blocked_ranges=["127.0.0.1/32"])
    assert watcher.closed_within(3) == 4401
