"""What forms of pages share: what was typed, and what is wrong with it, beside its field."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from builds.domain.errors import FieldError
from builds.pages.labels import for_people, place_words

MOST_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Problem:
    """An error beside its field; `field` is empty where it belongs to none."""

    field: str
    label: str
    message: str


@dataclass(slots=True)
class TypedForm:
    """What was typed, and what is wrong with it. `labels` names the fields, which have the names of the API."""

    labels: Mapping[str, str]
    values: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def errors(self) -> Mapping[str, str]:
        """Return the sentences by field."""
        said: dict[str, str] = {}
        for problem in self.problems:
            before = said.get(problem.field)
            said[problem.field] = f"{before} {problem.message}" if before else problem.message
        return said

    def refuse(self, errors: Iterable[FieldError]) -> None:
        """Put what the services refuse beside its field."""
        for error in errors:
            name = self.place_of(error.field)
            label = self.labels.get(name) or place_words(error.field)
            self.problems.append(Problem(name, label, for_people(error.message)))

    def place_of(self, path: str) -> str:
        """Return the field beside which an error of `path` stands, empty where the form has none."""
        name = re.sub(r"\[\d+\]$", "", path.rsplit(".", 1)[-1])
        return name if name in self.labels else ""


def typed_number(text: str) -> int:
    """Return a typed number; what is none becomes -1, which every range refuses with its own sentence."""
    word = text.strip()
    return int(word) if word.isascii() and word.isdigit() and len(word) <= MOST_DIGITS else -1
