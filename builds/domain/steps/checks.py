"""Checks of single fields of a step's config: each takes a value and yields (path below the field, sentence).

The kinds of steps put them together, each in its file of this folder.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

Values = Mapping[str, Any]
Problems = Iterable[tuple[str, str]]
Check = Callable[[object], Problems]

VALUE_BYTES: Final = 32 * 1024
TITLE_BYTES: Final = 400
DESCRIPTION_BYTES: Final = 4000  # 1,000 characters of up to 4 bytes
MOST_PAIRS: Final = 100
INT32: Final = 2**31 - 1

UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")  # PostgreSQL's text and jsonb refuse them
CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
TEXT_CONTROLS: Final = re.compile(
    r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]"
)  # tab, line ends, form feed and ESC are text
ARG_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")

# They change how the engine or every program of the build works, so they are not for a definition to set.
RESERVED_PREFIXES: Final = ("BUILDKIT_", "DOCKER_", "LD_")
# HTTP_PROXY and its like are none: the engine predefines them, passes them on, and keeps them out of the history.
RESERVED_NAMES: Final = frozenset(("PATH", "SOURCE_DATE_EPOCH"))


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What is known of a step beside its config.

    `kept`: the secrets that are stored for it, None: they are not looked at. `host_paths`: what user tasks may mount
    from the build server's own disk, None: not looked at.
    """

    kept: frozenset[str] | None = None
    host_paths: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of step: its title, the checks of single fields and of all together, and the form that is stored.

    `fact` tells of a config in a few words what the step does. `secrets_of` are the fields that name the place which
    its secrets belong to: where one of them changes, the secrets are forgotten.
    """

    title: str
    checks: Mapping[str, Check]
    problems: Callable[[Values, StepFacts], Problems]
    fact: Callable[[Values], str]
    tidy: Callable[[Values], dict[str, Any]] = dict
    secrets_of: tuple[str, ...] = ()


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


def text(value: object, *, most: int = VALUE_BYTES) -> Problems:
    """Check a text of at most `most` bytes, which may have line ends."""
    if not isinstance(value, str):
        yield "", "This has to be text; write it in quotes."
    elif len(value.encode("utf-8", "surrogatepass")) > most:
        yield "", f"This text is longer than {most:,} bytes; shorten it."
    elif TEXT_CONTROLS.search(value):
        yield "", "This text holds a control character; remove it."


def line(value: object, *, most: int = TITLE_BYTES) -> Problems:
    """Check a text of one line and at most `most` bytes."""
    found = list(text(value, most=most))
    if not found and isinstance(value, str) and CONTROLS.search(value):
        found = [("", "This text holds a line end or control character; remove it.")]
    yield from found


def flag(value: object) -> Problems:
    """Check true or false."""
    if not isinstance(value, bool):
        yield "", "This has to be true or false."


def number(value: object, *, least: int = 0, most: int = INT32) -> Problems:
    """Check a whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        yield "", f"This has to be a whole number from {least} to {most:,}."


def word(value: object, *, words: Sequence[str]) -> Problems:
    """Check one of `words`; empty is the same as absent."""
    if value not in ("", *words):
        yield "", f"This has to be one of {', '.join(words)}."


def shaped(value: object, *, shape: re.Pattern[str], sentence: str) -> Problems:
    """Check a text that is empty or looks like `shape`."""
    if not isinstance(value, str) or (value and not shape.fullmatch(value)):
        yield "", sentence


def said(
    value: object,
    *,
    check: Callable[[str], str | None],
    most: int = 4096,
    of: Callable[..., Problems] = line,
    is_needed: bool = False,
) -> Problems:
    """Check a text of one line (or what `of` says) that passes `check`, or is empty unless it `is_needed`."""
    found = list(of(value, most=most))
    if not found and isinstance(value, str) and (value or is_needed) and (sentence := check(value)):
        found = [("", sentence)]
    yield from found


def entries(value: object, *, shape: str, check: Check) -> Problems:
    """Check a list of at most 100 entries, each one by `check`; `shape` is how one looks, for the sentence."""
    if not isinstance(value, list):
        yield "", f"This has to be a list of {shape}."
        return
    if len(value) > MOST_PAIRS:
        yield "", f"At most {MOST_PAIRS} of them are allowed and these are {len(value)}; leave some out."
    for index, entry in enumerate(value[:MOST_PAIRS]):
        yield from ((f"[{index}]{tail}", sentence) for tail, sentence in check(entry))


def pairs(
    value: object,
    *,
    check_key: Callable[[str], str | None],
    keys: tuple[str, str] = ("key", "value"),
    check_value: Check = text,
    fold: Callable[[str], str] = str,
) -> Problems:
    """Check a list of {key, value}: shapes, names, doubles (names that `fold` makes equal)."""
    seen: set[str] = set()
    shape = f"{{{keys[0]}, {keys[1]}}}"
    check = partial(_pair, keys=keys, shape=shape, seen=seen, checks=(check_key, check_value, fold))
    yield from entries(value, shape=shape, check=check)


def _pair(
    value: object, *, keys: tuple[str, str], shape: str, seen: set[str], checks: Any
) -> Iterator[tuple[str, str]]:
    key_name, value_name = keys
    check_key, check_value, fold = checks
    if not isinstance(value, Mapping) or not isinstance(value.get(key_name), str):
        yield "", f"This has to be {shape} with a text as {key_name}."
        return
    key = value[key_name]
    if sentence := check_key(key):
        yield f".{key_name}", sentence
    if fold(key) in seen:
        yield f".{key_name}", f"{key} is given twice; leave one out."
    seen.add(fold(key))
    inner = "" if value.get(value_name) is None else value[value_name]
    yield from ((f".{value_name}{tail}", sentence) for tail, sentence in check_value(inner))


TITLE_CHECKS: Final[Mapping[str, Check]] = {
    "step_title": line,
    "step_desc": partial(text, most=DESCRIPTION_BYTES),
}
