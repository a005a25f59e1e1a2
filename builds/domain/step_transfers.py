"""FTP and HTTP: steps that send to and fetch from somewhere else (build-api.md, sections 4 and 7)."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from builds.domain.step_fields import (
    Check,
    StepFacts,
    Values,
    flag,
    line,
    number,
    pairs,
    said,
    text,
    word,
)
from builds.domain.step_places import check_http_url, check_inner_path, check_url

FTP_TYPES: Final = ("FTP", "SFTP")
FTP_EXEC_TYPES: Final = ("FTP_UPLOAD", "FTP_DOWN", "DIR_FTP_UPLOAD", "DIR_FTP_DOWN")
HTTP_MODES: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
LONGEST_TIMEOUT: Final = 3600  # seconds
BODY_BYTES: Final = 512 * 1024

HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,255}")  # RFC 9110, section 5.6.2: token
CODES: Final = re.compile(r"[1-5][0-9]{2}(?::[1-5][0-9]{2})?(?:,[1-5][0-9]{2}(?::[1-5][0-9]{2})?)*")


def check_header_name(name: str) -> str | None:
    """Say what is wrong with the name of a header, or None."""
    if HEADER_NAME.fullmatch(name):
        return None
    return "A header's name has letters, digits and - and no blank or colon; rename it."


def check_codes(codes: str) -> str | None:
    """Say what is wrong with a list of statuses and ranges such as `200:299,404`, or None."""
    plain = codes.replace(" ", "")
    spans = [span.split(":") for span in plain.split(",")]
    if not CODES.fullmatch(plain) or any(span[0] > span[-1] for span in spans):
        return "Write statuses and ranges from 100 to 599 with commas, such as 200:299,404."
    return None


def check_patterns(patterns: str) -> str | None:
    """Say what is wrong with patterns of files with commas between them, or None."""
    for pattern in patterns.split(","):
        if sentence := check_inner_path(pattern.strip()):
            return sentence
    return None


def check_server(url: str) -> str | None:
    """Say what is wrong with the address of an FTP or SFTP server, scheme or not, or None."""
    return check_url(url if "://" in url else f"ftp://{url}", ("ftp", "sftp"))


FTP_CHECKS: Final[Mapping[str, Check]] = {
    "url": partial(said, check=check_server),
    "ftp_type": partial(word, words=FTP_TYPES),
    "username": line,
    "password": line,
    "source_files": partial(said, check=check_patterns),
    "remote_directory": partial(line, most=1024),
    "ftp_exec_type": partial(word, words=FTP_EXEC_TYPES),
}
HTTP_CHECKS: Final[Mapping[str, Check]] = {
    "url": partial(said, check=check_http_url),
    "http_mode": partial(word, words=HTTP_MODES),
    "custom_headers": partial(
        pairs, check_key=check_header_name, keys=("name", "value"), check_value=partial(line, most=8192)
    ),
    "ignore_ssl_errors": flag,
    "username": line,
    "password": line,
    "timeout": partial(number, least=1, most=LONGEST_TIMEOUT),
    "valid_response_codes": partial(said, check=check_codes),
    "valid_response_content": text,
    "output_file": partial(said, check=check_inner_path),
    "console_log_response_body": flag,
    "request_body": partial(text, most=BODY_BYTES),
}


def ftp_problems(values: Values, facts: StepFacts) -> Iterator[tuple[str, str]]:
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


def http_problems(values: Values, facts: StepFacts) -> Iterator[tuple[str, str]]:
    """Yield (key, sentence) for what is wrong with the fields of an HTTP step together."""
    if not values.get("url"):
        yield "url", "The address is missing; give one such as https://host/path."
    output = str(values.get("output_file") or "")
    if output.endswith("/"):
        yield "output_file", "This is a folder; name a file in it."
