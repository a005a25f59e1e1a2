"""`manage.py sweep`: the sweeper of this worker host, in the foreground."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from builds.execution.sweeper import sweep_for_ever


class Command(BaseCommand):
    """Announce this worker host and settle orphans until SIGTERM."""

    help = "Announce this worker host, and find runs that nobody works on."

    requires_system_checks: list[str] = []  # noqa: RUF012  Django's own annotation; they run in `prepare`

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Sweep until SIGTERM or SIGINT."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        sweep_for_ever(stop)
