"""Acts at the same moment, each on a connection of its own."""

import threading
from collections.abc import Callable

from django.db import connection

from builds.domain.errors import Refused


def side_by_side(*acts: Callable[[], object]) -> tuple[list[object], list[Exception]]:
    """Do all at the same moment; return what they answered (of a refusal its code), and what else was raised."""
    start = threading.Barrier(len(acts))
    answers: list[object] = []
    faults: list[Exception] = []

    def do(act: Callable[[], object]) -> None:
        try:
            start.wait(10)
            answers.append(act())
        except Refused as refused:
            answers.append(refused.code)
        except Exception as fault:  # noqa: BLE001  shown by the assertion of the test
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers, faults
