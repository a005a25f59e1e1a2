"""What is refused, for pages and API alike: each carries the sentence and the code.

Codes and their statuses: domain/error_codes.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from builds.domain.actions import Action
from builds.domain.error_codes import ErrorCode


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: its path in the API's names, a sentence with the remedy, and an error code."""

    field: str
    message: str
    code: ErrorCode = ErrorCode.INVALID_PARAMETER


def joined(given: Sequence[FieldError], found: Iterable[FieldError]) -> list[FieldError]:
    """Join errors of types with those of rules: of one field and all below it the former alone.

    A rule looks at what is left without the wrong value, so it would tell of its absence.
    """
    known = [error.field for error in given]
    return [*given, *(one for one in found if not any(_is_part(name, one.field) for name in known))]


def _is_part(wrong: str, field: str) -> bool:
    """Say whether `wrong` is `field` or an item of it, or `field` stands below `wrong`."""
    return f"{wrong}[".startswith(f"{field}[") or field.startswith((f"{wrong}.", f"{wrong}["))


class Refused(Exception):  # noqa: N818  a refusal is an answer, not a fault
    """Base of all refusals. `sentence` is shown to people as it is."""

    code = ErrorCode.INVALID_PARAMETER

    def __init__(self, sentence: str, *, code: ErrorCode | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code or self.code

    @property
    def status(self) -> int:
        """Return the HTTP status that the code has."""
        return self.code.status


class Invalid(Refused):
    """Fields that are wrong, all of them at once."""

    def __init__(self, errors: list[FieldError]) -> None:
        self.errors = errors
        super().__init__(" ".join(error.message for error in errors), code=errors[0].code if len(errors) == 1 else None)


class NotFound(Refused):
    """What is not there, or may not be known of."""

    code = ErrorCode.NOT_FOUND


class NoRight(Refused):
    """What this caller may not do."""

    code = ErrorCode.NO_RIGHT


class NotPossible(Refused):
    """What the state does not allow now; the reason is that of possibleActions."""

    code = ErrorCode.NOT_POSSIBLE

    def __init__(self, action: Action | str, sentence: str, *, code: ErrorCode | None = None) -> None:
        super().__init__(sentence, code=code)
        self.action = action


class Busy(Refused):
    """Too much is asked at the same time."""

    code = ErrorCode.TOO_MANY_REQUESTS
