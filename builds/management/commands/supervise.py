"""`manage.py supervise`: what `make run` starts, in the foreground (docs/contract.md, "Commands")."""

import os
from contextlib import suppress
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from supervisor.files import CannotStart
from supervisor.place import WrongSetting
from supervisor.plan import Plan
from supervisor.supervisor import Supervisor

UNTRUSTED: Final = (
    "BUILDHUB_PUBLIC_URL is https, and BUILDHUB_TRUSTED_PROXIES names no proxy that could say so of a request: every "
    "page would lead to https for ever. Write the address at which the proxy connects, such as 127.0.0.1."
)


class Command(BaseCommand):
    """Start services, web, workers and sweeper, and look after them until SIGTERM or Ctrl-C."""

    help = "Start everything that BuildHub needs and was not given, and look after it until SIGTERM or Ctrl-C."
    requires_system_checks: list[str] = []  # noqa: RUF012  Django's own annotation; they run in `prepare`

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Run the supervisor; what keeps it from starting is said in a sentence, with exit code 1."""
        plan = self.plan()
        self.begin()
        try:
            Supervisor(plan, say=self.say).run()
        except WrongSetting as wrong:
            raise ImproperlyConfigured(wrong.told(settings.SETTINGS_FROM_FILE.get(wrong.name))) from None
        except CannotStart as reason:
            raise CommandError(str(reason)) from reason

    def plan(self) -> Plan:
        """Return what is started and what was given."""
        return Plan(
            data_dir=settings.DATA_DIR,
            bind=settings.BIND,
            port=settings.PORT,
            database_url=settings.DATABASE_URL,
            docker_host=os.environ.get("DOCKER_HOST", "").strip(),
            registry=settings.DEFAULT_REGISTRY,
            public_url=settings.PUBLIC_URL,
        )

    def begin(self) -> None:
        """Say what an operator should know before anything starts."""
        if settings.PUBLIC_SCHEME == "https" and not settings.TRUSTED_PROXIES:
            self.say(UNTRUSTED)

    def say(self, text: str) -> None:
        """Print a line at once, also into a pipe; a reader that has gone is no reason to stop."""
        with suppress(BrokenPipeError):
            self.stdout.write(text)
            self.stdout.flush()
