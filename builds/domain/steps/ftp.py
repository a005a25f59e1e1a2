"""FTP: files sent to and fetched from an FTP or SFTP server."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final
from urllib.parse import SplitResult, urlsplit

from builds.domain.steps.checks import Check, Kind, StepFacts, Values, line, said, word
from builds.domain.steps.places import check_inner_path, check_url

FTP_TYPES: Final = ("FTP", "SFTP")
FTP_EXEC_TYPES: Final = ("FTP_UPLOAD", "FTP_DOWN", "DIR_FTP_UPLOAD", "DIR_FTP_DOWN")


def check_patterns(patterns: str) -> str | None:
    """Say what is wrong with patterns of files with commas between them, or None."""
    for pattern in patterns.split(","):
        if sentence := check_inner_path(pattern.strip()):
            return sentence
    return None


def check_server(url: str) -> str | None:
    """Say what is wrong with the address of an FTP or SFTP server, scheme or not, or None."""
    return check_url(url if "://" in url else f"ftp://{url}", ("ftp", "sftp"))


def parts_of(config: Values) -> SplitResult:
    """Return the parts of the address in a config, whose scheme is ftp or sftp whether it was written or not."""
    url, kind = str(config.get("url") or ""), str(config.get("ftp_type") or FTP_TYPES[0])
    return urlsplit(url if "://" in url else f"{kind.lower()}://{url}")


CHECKS: Final[Mapping[str, Check]] = {
    "url": partial(said, check=check_server),
    "ftp_type": partial(word, words=FTP_TYPES),
    "username": line,
    "password": line,
    "source_files": partial(said, check=check_patterns),
    "remote_directory": partial(line, most=1024),
    "ftp_exec_type": partial(word, words=FTP_EXEC_TYPES),
}


def problems(values: Values, facts: StepFacts) -> Iterator[tuple[str, str]]:
    """Yield (key, sentence) for what is wrong with the fields of an FTP step together."""
    url, kind = str(values.get("url") or ""), values.get("ftp_type") or ""
    if not url:
        yield "url", "The server is missing; give one such as ftp://host or sftp://host."
    elif "://" in url and kind and not url.startswith(f"{str(kind).lower()}://"):
        yield "url", f"The address does not begin with {str(kind).lower()}://, though ftpType is {kind}; change one."
    what = values.get("ftp_exec_type")
    if not what:
        yield "ftp_exec_type", f"Say what to do: one of {', '.join(FTP_EXEC_TYPES)}."
    if what in ("FTP_UPLOAD", "FTP_DOWN") and not values.get("source_files"):
        yield "source_files", "Name the files, with commas between them, such as dist/*.tar.gz."


def fact(config: Values) -> str:
    """Return direction and address."""
    return f"{config.get('ftp_exec_type') or ''} {config.get('url') or ''}"


KIND: Final = Kind("FTP", CHECKS, problems, fact, secrets_of=("ftp_type", "url"))
