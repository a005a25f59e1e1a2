"""Emptying the database between tests: quicker than Django does it, and whatever a worker or a closing socket reads.

TRUNCATE takes all tables at once and whoever reads two of them meanwhile may hold it up; PostgreSQL ends one of the
two. It is all or nothing, so doing it again is the whole remedy.

What models there are is no test's data: the rows that `migrate` writes of them stay, so nothing writes them anew.
"""

from typing import Any, Final

import pytest
from django.core.management.commands import flush
from django.db import OperationalError, connection
from django.db.backends.base.operations import BaseDatabaseOperations as DatabaseOperations
from psycopg.errors import DeadlockDetected

TRIES: Final = 30  # another one that reads all the time may win many a time
KEPT: Final = ("django_content_type", "auth_permission")


@pytest.fixture(autouse=True, scope="session")
def repeat_flushes():
    """Let a flush keep what `migrate` has written, and be repeated where it lost a deadlock."""
    operations = type(connection.ops)  # beside a browser's event loop Django has connections of its own
    execute, sql_of = operations.execute_sql_flush, operations.sql_flush

    def repeated(self: DatabaseOperations, sql_list: list[str]) -> None:
        for _ in range(TRIES - 1):
            try:
                return execute(self, sql_list)
            except OperationalError as error:
                if not isinstance(error.__cause__, DeadlockDetected):
                    raise
        return execute(self, sql_list)

    def of_others(self: DatabaseOperations, style: Any, tables: list[str], **options: Any) -> list[str]:
        return sql_of(self, style, [table for table in tables if table not in KEPT], **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "execute_sql_flush", repeated)
        patch.setattr(operations, "sql_flush", of_others)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_arguments: None)
        yield
