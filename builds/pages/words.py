"""Numbers as words: durations as `2:41` or `6.2 s`, sizes in MiB, ages."""

from datetime import datetime, timedelta

KIB, MIB, GIB = 1024, 1024**2, 1024**3


def duration_words(length: timedelta | float | None) -> str:
    """Return a length of time (seconds): `6.2 s`, `2:41`, `1:02:03`; unknown is a dash."""
    if length is None:
        return "–"
    seconds = max(length.total_seconds() if isinstance(length, timedelta) else length, 0.0)
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def clock_words(length: timedelta | float) -> str:
    """Return a length of time (seconds) as a counting clock shows it: `0:07`, `2:41`, `1:02:03`."""
    seconds = int(max(length.total_seconds() if isinstance(length, timedelta) else length, 0.0))
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def line_time_words(milliseconds: int) -> str:
    """Return the time of a log line since the run's begin: `1:52.3`."""
    tenths = max(milliseconds, 0) // 100
    minutes, rest = divmod(tenths, 600)
    return f"{minutes}:{rest // 10:02d}.{rest % 10}"


def size_words(size: int) -> str:
    """Return a size (bytes) in the unit that reads best."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"


def age_words(moment: datetime, now: datetime) -> str:
    """Return how long ago `moment` was, in one or two words."""
    seconds = max((now - moment).total_seconds(), 0.0)
    if seconds < 45:
        return "just now"
    for unit, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name} ago"
    return "1 min ago"
