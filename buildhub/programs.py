"""`python -m buildhub.programs`: loads BuildHub once, and becomes one of its programs in each process forked from it.

With words it becomes that program at once: `web ADDRESS PORT`, or a command of manage.py.
"""

import ctypes
import gc
import logging
import os
import sys
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Final

import django
import uvicorn
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection, connections
from django.urls import get_resolver

from buildhub import env
from buildhub.database import share
from supervisor.fork_server import serve
from supervisor.processes import FIRST_ROWS

# What the programs import by themselves, some of it not before it is needed.
LOADED: Final = (
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "uvicorn.lifespan.off",
    "channels.routing",
    "channels.sessions",
    "django.core.asgi",
    "whitenoise.storage",
    "buildhub.bodies",
    "buildhub.proxies",
    "builds.routing",
    "builds.tasks",
    "builds.cluster",
    "builds.broker",
    "builds.management.commands.prepare",
    "builds.management.commands.qcluster",
    "builds.management.commands.sweep",
)
PREPARE: Final = ["prepare"]  # makes the database that is read before the others are forked
log = logging.getLogger(__name__)


def load() -> None:
    """Load what all programs share. Opens no connection and starts no thread: a fork would leave both behind."""
    django.setup()
    for name in (*LOADED, *(path.rpartition(".")[0] for path in settings.MIDDLEWARE)):
        import_module(name)
    _names_of_views = get_resolver().reverse_dict


def web(address: str, port: int) -> None:
    """Serve pages, API and sockets until a signal says to stop."""
    share(connections.settings["default"])  # workers and commands keep a connection each
    with suppress(DatabaseError):  # the first request finds a connection; a database that is away is told by /readyz
        connection.ensure_connection()
        connection.close()  # back to the pool
    uvicorn.run(
        "buildhub.asgi:application",
        host=address,
        port=port,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=4096,
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # not its business (proxies.py): by itself it would believe every local peer
        timeout_graceful_shutdown=3,
    )


@cache
def settle() -> None:
    """Bring what is loaded into the state in which forks share most of it; once, or they would share less."""
    from buildhub.rehearsal import rehearse  # noqa: PLC0415  it imports models

    try:
        if not settings.TOPICS_ONLY:  # no pages are served there
            rehearse()
    except Exception:
        log.exception("The rehearsal failed: the programs start, and their first answers take longer.")
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    gc.freeze()  # a collection in a fork leaves these objects, and so their pages, alone


def become(words: list[str]) -> None:
    """Run the program that `words` name."""
    if words == PREPARE:
        for name in FIRST_ROWS:  # it alone is told these, after the settings were read
            setattr(settings, name.removeprefix("BUILDHUB_"), env.secret(name))
    if words[0] == "web":
        web(words[1], int(words[2]))
    else:
        call_command(*words)


def main() -> None:
    """Load, and become what is asked for."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "buildhub.settings")
    load()
    if len(sys.argv) > 1:
        become(sys.argv[1:])
        return
    become(serve(before=lambda words: None if words == PREPARE else settle()))


if __name__ == "__main__":
    main()
