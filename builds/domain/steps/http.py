"""HTTP: a request whose answer is judged and kept."""

import base64
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from builds.domain.steps.checks import Check, Kind, StepFacts, Values, flag, line, number, pairs, said, text, word
from builds.domain.steps.places import check_http_url, check_inner_path

ANY_SUCCESS: Final = "200:299"  # where a step wants no status of its own

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


def wanted_statuses(codes: str) -> frozenset[int]:
    """Return the statuses that a list such as `200:299,404` names."""
    spans = [span.split(":") for span in codes.split(",")]
    return frozenset(status for span in spans for status in range(int(span[0]), int(span[-1]) + 1))


def basic_login(user: str, password: str) -> str:
    """Return what the header of basic authorization (RFC 7617) has of a login; empty where there is none."""
    return base64.b64encode(f"{user}:{password}".encode()).decode() if user or password else ""


CHECKS: Final[Mapping[str, Check]] = {
    "url": partial(said, check=check_http_url),
    "http_mode": partial(word, words=HTTP_MODES),
    "custom_headers": partial(
        pairs,
        check_key=check_header_name,
        keys=("name", "value"),
        check_value=partial(line, most=8192),
        fold=str.lower,
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


def problems(values: Values, facts: StepFacts) -> Iterator[tuple[str, str]]:
    """Yield (key, sentence) for what is wrong with the fields of an HTTP step together."""
    if not values.get("url"):
        yield "url", "The address is missing; give one such as https://host/path."
    output = str(values.get("output_file") or "")
    if output.endswith("/"):
        yield "output_file", "This is a folder; name a file in it."


def fact(config: Values) -> str:
    """Return method and address; a query may hold a secret."""
    return f"{config.get('http_mode') or 'GET'} {str(config.get('url') or '').partition('?')[0]}"


KIND: Final = Kind("HTTP", CHECKS, problems, fact, secrets_of=("url",))
