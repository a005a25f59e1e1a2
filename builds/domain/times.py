"""Times as people and programs are told them."""

from datetime import UTC, datetime
from typing import overload


def plain_time(time: datetime) -> str:
    """Return `created` and `updated` as the contract writes them: seconds, in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


@overload
def iso_time(time: datetime) -> str: ...
@overload
def iso_time(time: None) -> None: ...


def iso_time(time: datetime | None) -> str | None:
    """Return a time of a run, step or image: ISO with milliseconds and +00:00."""
    return None if time is None else time.astimezone(UTC).isoformat(timespec="milliseconds")


def whole_seconds(begin: datetime | None, end: datetime | None) -> int | None:
    """Return the whole seconds between two times as they are shown, None while one is unknown."""
    if begin is None or end is None:
        return None
    shown = [time.replace(microsecond=time.microsecond // 1000 * 1000) for time in (begin, end)]
    return int((shown[1] - shown[0]).total_seconds())
