"""Django's database settings from DATABASE_URL, or from the address that `make run` leaves in the data directory."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


def running_url(data_dir: Path) -> str:
    """Return the address of the embedded PostgreSQL that `make run` keeps in `data_dir`; empty where it never ran."""
    try:
        return str(json.loads((data_dir / "run" / "services.json").read_text(encoding="utf-8"))["database_url"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def database(url: str) -> dict[str, Any]:
    """Turn a postgresql:// address into Django's settings; an empty one gives an engine that refuses to connect."""
    if not url:
        return {"ENGINE": "django.db.backends.dummy"}
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            "application_name": "buildhub",
            **dict(parse_qsl(parts.query)),
        },
    }


def share(settings: dict[str, Any]) -> None:
    """Let the threads of a process share connections, by a pool; before the first one is opened."""
    settings |= {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False}
    settings["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 10, "timeout": 10}
