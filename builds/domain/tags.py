"""Which tag a run gets: the build's automatic rule, or the tag that was asked for."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import count
from typing import Final

TAG_LENGTH: Final = 128  # OCI distribution specification: at most 128 characters
LONGEST_SEQUENCE: Final = len("-20221202-084243-999")

NAME_SHAPE: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")


class AutoTagSeqType(StrEnum):
    """What follows the prefix of an automatic tag: the time of the press, or the run's number."""

    DATETIME = "DATETIME"
    SEQUENCE = "SEQUENCE"


class TagMissing(ValueError):  # noqa: N818  names what is the matter
    """No tag can be made: the rule gives none and none was asked for. The text is for the user."""


@dataclass(frozen=True, slots=True)
class TagRule:
    """A build's rule for tags: `prefix` and `sequence` when `automatic`, else `tag` as the one to fall back to."""

    automatic: bool
    prefix: str = ""
    sequence: AutoTagSeqType | None = None
    tag: str = ""


def next_tag(
    rule: TagRule, *, build_no: int, now: datetime, asked: str | None = None, taken: Callable[[str], bool]
) -> str:
    """Return the tag of the run `build_no` that is pressed at `now` (aware, in the account's zone).

    `asked` is the query's tagName, ignored by an automatic rule. `taken` says whether a tag is used already:
    DATETIME tags then get `-2`, `-3` and so on; the others are returned as they are, and a clash is refused by
    services/runs/new_run.py.
    Raises `TagMissing` when neither the rule nor `asked` gives a tag, `ValueError` for a `now` without zone.
    """
    if not rule.automatic:
        if tag := asked or rule.tag:
            return tag
        raise TagMissing("This build has no tag of its own and no automatic tag; give tagName.")
    if rule.sequence is None or not rule.prefix:
        raise TagMissing("The automatic tag needs a prefix and a sequence; give both, or switch it off.")
    if rule.sequence is AutoTagSeqType.SEQUENCE:
        return f"{rule.prefix}-{build_no:05d}"
    if now.tzinfo is None:
        raise ValueError("now has no time zone; pass an aware time in the account's zone")
    stem = f"{rule.prefix}-{now:%Y%m%d-%H%M%S}"
    tries = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
    return next(tag for tag in tries if not taken(tag))


def check_tag(tag: str) -> str | None:
    """Say what is wrong with `tag` and how to mend it, or None."""
    if not tag:
        return "The tag is empty; give one such as 1.2 or v-00012."
    if len(tag) > TAG_LENGTH:
        return f"The tag has {len(tag)} characters; at most {TAG_LENGTH} are allowed."
    return check_name_part(tag, "The tag")


def check_prefix(prefix: str) -> str | None:
    """Say what is wrong with the `prefix` of an automatic tag, or None; leaves room for the longest sequence."""
    if not prefix:
        return "The automatic tag needs a prefix; give one such as v."
    room = TAG_LENGTH - LONGEST_SEQUENCE
    if len(prefix) > room:
        return f"The prefix has {len(prefix)} characters; at most {room} leave room for the date."
    return check_name_part(prefix, "The prefix")


def check_name_part(part: str, what: str) -> str | None:
    """Say what is wrong with one part of a name, called `what` in the sentence, or None.

    Lower-case letters, digits and `-._` inside, letter or digit at both ends (docs/contract.md, "Tags and names").
    """
    if NAME_SHAPE.fullmatch(part):
        return None
    if part != part.lower() and NAME_SHAPE.fullmatch(part.lower()):
        return f"{what} has upper-case letters; write it as {part.lower()}."
    return f"{what} may have lower-case letters, digits and -._ inside, and begins and ends with a letter or digit."
