"""Reading typed fields of a JSON object: every error is kept with its path, so that all can be told at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from builds.api.params import INT32
from builds.domain.errors import FieldError
from builds.domain.steps.checks import unstorable


@dataclass(frozen=True, slots=True)
class Fields:
    """An object of a body and where it stands; null is the same as absent, and a wrong field reads as absent."""

    values: Mapping[str, Any]
    errors: list[FieldError] = field(default_factory=list)
    path: str = ""

    def at(self, name: str) -> str:
        """Return the path of the field `name`."""
        return f"{self.path}.{name}" if self.path else name

    def refuse(self, name: str, sentence: str) -> None:
        """Keep one error."""
        self.errors.append(FieldError(self.at(name), sentence))

    def text(self, *names: str, most: int = 4000) -> str | None:
        """Return the first text that is given among `names` (a name and its aliases), of at most `most` characters."""
        name = next((name for name in names if self.values.get(name) is not None), names[0])
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.refuse(name, f"{name} has to be text; write it in quotes.")
            return None
        if unstorable(value) is not None:
            self.refuse(name, f"{name} holds a NUL or half of a surrogate pair; remove it.")
            return None
        if len(value) > most:
            self.refuse(name, f"{name} may have up to {most:,} characters; this has {len(value):,}.")
            return None
        return value

    def word(self, name: str, words: Iterable[str]) -> str | None:
        """Return one of `words`."""
        text, known = self.text(name), list(words)
        if text is not None and text not in known:
            self.refuse(name, f"{name} has to be one of {', '.join(word for word in known if word)}.")
            return None
        return text

    def yes_no(self, name: str) -> bool | None:
        """Return a field of `"Y"` or `"N"`."""
        word = self.word(name, ("Y", "N"))
        return None if word is None else word == "Y"

    def flag(self, name: str) -> bool | None:
        """Return true or false."""
        value = self.values.get(name)
        if value is None or isinstance(value, bool):
            return value
        self.refuse(name, f"{name} has to be true or false.")
        return None

    def number(self, name: str, *, least: int = 0) -> int | None:
        """Return a whole number from `least` that fits into 32 bits."""
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= INT32:
            self.refuse(name, f"{name} has to be a whole number from {least} to {INT32:,}.")
            return None
        return value

    def part(self, name: str) -> Mapping[str, Any] | None:
        """Return an object within this one."""
        value = self.values.get(name)
        if value is None or isinstance(value, Mapping):
            return value
        self.refuse(name, f"{name} has to be an object, such as {{}}.")
        return None
