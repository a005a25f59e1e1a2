"""Commands beside a running BuildHub: whether its database answers, said in one sentence where it does not."""

from django.conf import settings
from django.core.management.base import CommandError
from django.db import OperationalError, connection

from supervisor.given_database import reason_of


def need_database(*, returncode: int = 1) -> None:
    """Raise `CommandError` with what to do where there is no prepared database."""
    given = settings.DATABASES["default"]
    again = "start it with `make run`, with the same BUILDHUB_DATA_DIR, then repeat this command."
    if given["ENGINE"] == "django.db.backends.dummy":
        sentence = f"BuildHub has not been started on {settings.DATA_DIR}, and DATABASE_URL is not set: {again}"
        raise CommandError(sentence, returncode=returncode)
    try:
        is_prepared = "auth_user" in connection.introspection.table_names()
    except OperationalError as error:
        place = f"{given['HOST'] or 'the local socket'}:{given['PORT'] or 5432}"
        remedy = "start it, or correct DATABASE_URL." if settings.DATABASE_URL else f"BuildHub does not run: {again}"
        raise CommandError(
            f"No database answers at {place} ({reason_of(error)}): {remedy}", returncode=returncode
        ) from None
    if not is_prepared:
        raise CommandError(f"BuildHub has not used this database yet: {again}", returncode=returncode)
