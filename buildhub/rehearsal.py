"""What the programs do first, done once before they are forked.

CPython adapts code where it runs, and writes that into the page of the code itself. After a fork each process would
copy these pages for itself, and the first answer would take the longest.
"""

from contextlib import suppress

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, connections, transaction
from django.test import Client

from builds.models import Build, BuildRun


def rehearse() -> None:
    """Read some pages as an administrator does. Leaves nothing behind, in the database or open."""
    with suppress(DatabaseError), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '3s'")  # nobody's lock may keep the programs from starting
        client = Client(headers={"host": "127.0.0.1"}, raise_request_exception=False)
        client.get(settings.LOGIN_URL, secure=settings.SECURE_SSL_REDIRECT)
        if user := User.objects.filter(is_superuser=True, is_active=True).first():
            client.force_login(user)
            for path in _paths():
                client.get(path, secure=settings.SECURE_SSL_REDIRECT)
        transaction.set_rollback(True)
    connections.close_all()


def _paths() -> list[str]:
    builds = Build.objects.filter(removed_at=None).order_by("pk").values_list("pk", flat=True)[:1]
    runs = BuildRun.objects.filter(removed_at=None, build__removed_at=None).values_list("pk", flat=True)[:1]
    found = [f"{path}/{build}" for build in builds for path in ("/builds", "/v1/build")]
    return ["/", "/v1/build", *found, *(f"{path}/{run}" for run in runs for path in ("/runs", "/v1/build/run"))]
