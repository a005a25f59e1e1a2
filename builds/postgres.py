"""Connections to Django's database beside Django's own: outside any pool and any transaction, for LISTEN and beats."""

from typing import Any

import psycopg
from django.db import connection


def parameters() -> dict[str, Any]:
    """Return psycopg's parameters of Django's database, without what only Django's own connections use."""
    given = connection.get_connection_params()
    return {name: value for name, value in given.items() if name not in ("cursor_factory", "context", "pool")}


def listen(*channels: str) -> psycopg.Connection[Any]:
    """Return a connection of its own that hears the notifications of `channels`."""
    opened = psycopg.connect(**parameters(), autocommit=True)
    for channel in channels:
        opened.execute(f"LISTEN {channel}")
    return opened
