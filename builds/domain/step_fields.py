"""Checks of single fields of a step's config: each takes a value and yields (path below the field, sentence).

Source: build-api.md section 7 "CREATE_IMAGE", security.md (overrides of the environment), reliability.md E9.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

Values = Mapping[str, Any]
Problems = Iterable[tuple[str, str]]
Check = Callable[[object], Problems]

DOCKERFILE_BYTES: Final = 512 * 1024
VALUE_BYTES: Final = 32 * 1024
TITLE_BYTES: Final = 400
DESCRIPTION_BYTES: Final = 4000  # 1,000 characters of up to 4 bytes
MOST_PAIRS: Final = 100

DOCKERFILE_TYPES: Final = ("CONTENTS", "FILE_PATH")
UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")  # PostgreSQL's text and jsonb refuse them
CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
TEXT_CONTROLS: Final = re.compile(
    r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]"
)  # tab, line ends, form feed and ESC are text
ARG_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
STAGE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
PLATFORM: Final = re.compile(r"[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9]+)?")

# They change how the engine or every program of the build works, so they are not for a definition to set.
RESERVED_PREFIXES: Final = ("BUILDKIT_", "DOCKER_", "LD_")
RESERVED_NAMES: Final = frozenset(
    ("PATH", "SOURCE_DATE_EPOCH", "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
)


def unstorable(value: object) -> str | None:
    """Return the path (`.labels[0].value`) of a text within `value` that the database cannot hold, or None.

    Keys count as well, under the path of what holds them. Without recursion, so that no depth of nesting hurts.
    """
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        path, item = waiting.pop()
        if isinstance(item, str) and UNSTORABLE.search(item):
            return path
        if isinstance(item, Mapping):
            waiting += ((path, str(key)) for key in item)
            waiting += ((f"{path}.{key}", inner) for key, inner in item.items())
        elif isinstance(item, list | tuple):
            waiting += ((f"{path}[{index}]", inner) for index, inner in enumerate(item))
    return None


def check_arg_name(name: str) -> str | None:
    """Say what is wrong with the name of a build argument, or None."""
    if not ARG_NAME.fullmatch(name):
        return "A build argument's name has letters, digits and _ and does not begin with a digit; rename it."
    if name.upper() in RESERVED_NAMES or name.upper().startswith(RESERVED_PREFIXES):
        return f"{name} is reserved: it changes how the engine works. Use another name."
    return None


def _text(value: object, *, most: int = VALUE_BYTES) -> Problems:
    if not isinstance(value, str):
        yield "", "This has to be text; write it in quotes."
    elif len(value.encode("utf-8", "surrogatepass")) > most:
        yield "", f"This text is longer than {most:,} bytes; shorten it."
    elif TEXT_CONTROLS.search(value):
        yield "", "This text holds a control character; remove it."


def _title(value: object) -> Problems:
    yield from _text(value, most=TITLE_BYTES)
    if isinstance(value, str) and CONTROLS.search(value):
        yield "", "The title holds a line end or control character; remove it."


def _flag(value: object) -> Problems:
    if not isinstance(value, bool):
        yield "", "This has to be true or false."


def _word(value: object, *, words: Sequence[str]) -> Problems:
    if value not in ("", *words):
        yield "", f"This has to be one of {', '.join(words)}."


def _shaped(value: object, *, shape: re.Pattern[str], sentence: str) -> Problems:
    if not isinstance(value, str) or (value and not shape.fullmatch(value)):
        yield "", sentence


def _pairs(value: object, *, check_key: Callable[[str], str | None]) -> Problems:
    """Check a list of {key, value}: shapes, names, doubles."""
    if not isinstance(value, list):
        yield "", "This has to be a list of {key, value}."
        return
    if len(value) > MOST_PAIRS:
        yield "", f"At most {MOST_PAIRS} of them are allowed and these are {len(value)}; leave some out."
    seen: set[str] = set()
    for index, pair in enumerate(value[:MOST_PAIRS]):
        yield from ((f"[{index}]{tail}", sentence) for tail, sentence in _pair(pair, seen, check_key))


def _pair(pair: object, seen: set[str], check_key: Callable[[str], str | None]) -> Iterator[tuple[str, str]]:
    if not isinstance(pair, Mapping) or not isinstance(pair.get("key"), str):
        yield "", "This has to be {key, value} with a text as key."
        return
    key = pair["key"]
    if sentence := check_key(key):
        yield ".key", sentence
    if key in seen:
        yield ".key", f"{key} is given twice; leave one out."
    seen.add(key)
    yield from (
        (f".value{tail}", sentence) for tail, sentence in _text("" if pair.get("value") is None else pair["value"])
    )


def _label_name(name: str) -> str | None:
    if not name or CONTROLS.search(name) or " " in name or len(name) > 255:
        return "A label's name has 1 to 255 characters, no blank and no control character; rename it."
    return None


def _later(value: object, *, what: str) -> Problems:
    if value:
        yield "", f"{what}, which this version does not execute yet; leave it empty."


TITLE_CHECKS: Final[Mapping[str, Check]] = {
    "step_title": _title,
    "step_desc": partial(_text, most=DESCRIPTION_BYTES),
}

# Fields that are filled from the build and ignored in a body (registry_name, image_url …) need no check.
CREATE_IMAGE_CHECKS: Final[Mapping[str, Check]] = {
    "docker_file_type": partial(_word, words=DOCKERFILE_TYPES),
    "docker_file": partial(_text, most=DOCKERFILE_BYTES),
    "docker_file_path": partial(_text, most=4096),
    "context_path": partial(_later, what="A context path needs a CODE_DOWN step"),
    "secrets": partial(_later, what="Build secrets need stored credentials"),
    "build_args": partial(_pairs, check_key=check_arg_name),
    "labels": partial(_pairs, check_key=_label_name),
    "target": partial(
        _shaped,
        shape=STAGE_NAME,
        sentence="The target is the name or number of a stage: letters, digits and -_. inside.",
    ),
    "platform": partial(_shaped, shape=PLATFORM, sentence="The platform is one os/architecture such as linux/amd64."),
    "latest_apply": _flag,
    "no_cache": _flag,
    "pull": _flag,
    "login_id": _text,
    "password": _text,
    "private_certificate": _text,
    "severity": _text,
}
