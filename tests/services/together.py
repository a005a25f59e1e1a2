"""Deeds at the same moment, each on a connection of its own."""

import threading
from collections.abc import Callable

from django.db import connection

from builds.domain.errors import Refused


def side_by_side(*deeds: Callable[[], object]) -> tuple[list[object], list[Exception]]:
    """Do all at the same moment; return what they answered (of a refusal its code), and what else was raised."""
    start = threading.Barrier(len(deeds))
    answers: list[object] = []
    faults: list[Exception] = []

    def do(deed: Callable[[], object]) -> None:
        try:
            start.wait(10)
            answers.append(deed())
        except Refused as refused:
            answers.append(refused.code)
        except Exception as fault:  # noqa: BLE001  shown by the assertion of the test
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers, faults
