"""A real uvicorn on the tests' database, and sockets that are closed with the test."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from django.conf import settings as django_settings

from tests.live.browser import Watcher, open_socket
from tests.live.world import World, make_world
from tests.support.waiting import free_port, wait_until


@pytest.fixture(scope="session")
def server(django_db_setup: None) -> Iterator[str]:
    """`127.0.0.1:PORT` of a running web server."""
    django_settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # the middleware for static files warns without
    port = free_port()
    options = {"log_level": "warning", "lifespan": "off", "timeout_graceful_shutdown": 3, "proxy_headers": False}
    web = uvicorn.Server(uvicorn.Config("buildhub.asgi:application", host="127.0.0.1", port=port, **options))
    thread = threading.Thread(target=web.run)
    thread.start()
    wait_until(lambda: web.started, timeout=30, message="the web server did not start")
    yield f"127.0.0.1:{port}"
    web.should_exit = True
    thread.join(timeout=20)
    assert not thread.is_alive()


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


@pytest.fixture
def watch(server: str, world: World) -> Iterator[Callable[..., Watcher]]:
    """Open sockets by path; as the operator, with a token, unless said otherwise."""
    with contextlib.ExitStack() as opened:

        def open_path(path: str, **options: Any) -> Watcher:
            if not options.keys() & {"token", "cookie", "origin"}:
                options["token"] = world.token(world.operator)
            return opened.enter_context(open_socket(f"ws://{server}{path}", **options))

        yield open_path
