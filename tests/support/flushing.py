"""Emptying the database between tests while a worker, a sweeper or a closing socket reads: a deadlock is repeated.

TRUNCATE takes all tables at once and whoever reads two of them meanwhile may hold it up; PostgreSQL ends one of the
two. It is all or nothing, so doing it again is the whole remedy.
"""

import pytest
from django.db import OperationalError, connection
from django.db.backends.base.operations import BaseDatabaseOperations as DatabaseOperations
from psycopg.errors import DeadlockDetected

TRIES = 30  # another one that reads all the time may win many a time


@pytest.fixture(autouse=True, scope="session")
def repeat_flushes():
    """Let a flush that lost a deadlock be repeated."""
    operations = type(connection.ops)  # beside a browser's event loop Django has connections of its own
    flush = operations.execute_sql_flush

    def repeated(self: DatabaseOperations, sql_list: list[str]) -> None:
        for _ in range(TRIES - 1):
            try:
                return flush(self, sql_list)
            except OperationalError as error:
                if not isinstance(error.__cause__, DeadlockDetected):
                    raise
        return flush(self, sql_list)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "execute_sql_flush", repeated)
        yield
