"""Waiting for a condition, bounded; tests never wait by sleeping a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

from supervisor.files import free_port

__all__ = ["free_port", "wait_until"]
T = TypeVar("T")


def wait_until(condition: Callable[[], T], *, timeout: float = 10.0, message: str | Callable[[], str] = "") -> T:
    """Return the first truthy answer of `condition`; fail with `message` after `timeout` seconds.

    `message` may be a function, called at the failure to say what was seen last.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            said = message() if callable(message) else message
            raise AssertionError(f"not within {timeout:g} s: {said or condition}")
        time.sleep(0.02)  # between two looks at the condition
