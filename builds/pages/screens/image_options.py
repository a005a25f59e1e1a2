"""The options of a build's image step in words, as its form calls them."""

from dataclasses import dataclass
from typing import Final

from builds.domain.definition import Step
from builds.pages.image_form import KEYS, LISTS, ImageForm, entries_of
from builds.services.builds.steps import secret_names

LONGEST: Final = 200  # characters that are shown of one value


@dataclass(frozen=True, slots=True)
class Option:
    """One option that is set: what it is called, and its values, or a word where there is none to be read."""

    label: str
    values: tuple[str, ...]
    word: str


def image_options(step: Step | None) -> list[Option]:
    """Return what is set beside the Dockerfile, in the order of the form; of secrets the ids."""
    if step is None:
        return []
    kept, options = secret_names(step), []
    for name, key in KEYS.items():
        value = step.config.get(key)
        if name in LISTS:
            entries = entries_of(step.config, key, LISTS[name].form.named)
            value = ["=".join(text for text in entry.values() if text) for entry in entries]
        word = "one is kept" if key in kept else "yes" if value is True else ""
        texts = value if isinstance(value, list) else [value]
        values = () if word else tuple(str(text)[:LONGEST] for text in texts if text)
        options.append(Option(str(ImageForm.base_fields[name].label), values, word))
    return [option for option in options if option.values or option.word]
