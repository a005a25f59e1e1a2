"""What the forms of pages share: Django checks the kind of a value, the services check everything else."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from builds.domain.errors import FieldError, Invalid, Refused

NO_NUMBER: Final = -1  # every range refuses it
ENTRY: Final = re.compile(r"\[(\d+)\]$")  # of a list, at the end of a path
TYPED: Final = "It was not stored and is not shown again: type it once more."


class BoundField(forms.BoundField):
    """A field on a page: what was not sent has its initial value, hint and error have the page's ids."""

    @property
    def data(self) -> Any:
        """Return what was sent."""
        if self.field.widget.value_omitted_from_data(self.form.data, self.form.files, self.html_name):
            return self.initial
        return super().data

    @property
    def aria_describedby(self) -> str:
        """Return the ids of what stands below the field."""
        parts = (("hint", self.help_text), ("error", self.errors))
        return " ".join(f"{self.auto_id}-{name}" for name, shown in parts if shown)


class ServiceForm(forms.Form):
    """A form whose values are refused by the services alone, with the sentences of the API and all at once.

    So no field is required, none has a validator, and a choice is a CharField with a Select: an unknown word reaches
    the services. Fields have the API's names, so that an error finds its field.
    """

    bound_field_class = BoundField
    use_required_attribute = False
    title = ""  # of a form that is a part of another one

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "%s", **kwargs})

    def full_clean(self) -> None:
        """Clean every field to its kind."""
        for field in self.fields.values():
            field.required, field.validators = False, []
        super().full_clean()

    @property
    def values(self) -> Mapping[str, Any]:
        """Return what was typed, each of its kind."""
        self.errors  # noqa: B018  cleans the form the first time
        return self.cleaned_data

    @property
    def shown_fields(self) -> Iterator[forms.BoundField]:
        """Return all fields that the summary of errors looks at, in the page's order."""
        yield from self

    @property
    def error_count(self) -> int:
        """Return how many errors the summary lists."""
        return sum(len(field.errors) for field in self.shown_fields) + len(self.non_field_errors())

    def hint_secrets(self, kept: Mapping[str, str]) -> None:
        """Say below each of these secrets what is kept of it, if anything, or that it has to be typed once more."""
        for name, sentence in kept.items():
            if hint := TYPED if self.data.get(self.add_prefix(name)) else sentence:
                self.fields[name].help_text = hint

    def refuse(self, refused: Refused) -> dict[str, Any]:
        """Put errors of fields beside them; return what the page needs besides: status, else banner and status."""
        if not isinstance(refused, Invalid):
            return {"status": refused.status, "banner": refused.sentence}
        for error in refused.errors:
            form, name = self.place_of(error.field)
            form.add_error(name, ValidationError(form.sentence_of(name, error), code=error.field))
        return {"status": refused.status}

    def sentence_of(self, name: str | None, error: FieldError) -> str:
        """Return what is said of an error: of one entry of a list with the number of the entry."""
        entry = ENTRY.search(error.field) if name and isinstance(self.fields[name], Entries) else None
        return f"Entry {int(entry[1]) + 1}: {error.message}" if entry else error.message

    def place_of(self, path: str) -> tuple["ServiceForm", str | None]:
        """Return the form and the field of an error's path, None without a field."""
        return self, self.field_of(path)

    def field_of(self, path: str) -> str | None:
        """Return the field of an error's path such as `buildSteps[1].buildStepConfig.branchName`, None without one."""
        name = re.sub(r"\[\d+\]$", "", path.rpartition(".")[2])
        return name if name in self.fields else None


class Text(forms.CharField):
    """Text as people write it."""

    attrs: Mapping[str, Any] = {"class": "input", "autocomplete": "off"}

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """Return the attributes of its element; those that a widget was given win."""
        return {**super().widget_attrs(widget), **self.attrs, **widget.attrs}


class Code(Text):
    """Text that programs read."""

    attrs = {"class": "input input--mono", "autocomplete": "off", "spellcheck": "false"}


class Lines(Code):
    """Text that is taken as it was typed, with the line ends of the API."""

    widget = forms.Textarea

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, **kwargs)

    def to_python(self, value: Any) -> str:
        """Return the text."""
        return (super().to_python(value) or "").replace("\r\n", "\n")


class Entries(Lines):
    """A list, one entry a line; blank lines are none."""

    def prepare_value(self, value: Any) -> Any:
        """Return the text of a list that is stored."""
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        """Return the list."""
        text = super().clean(self.prepare_value(value))
        return [line.strip() for line in text.split("\n") if line.strip()]


class Tick(forms.BooleanField):
    """A check box that sends Y."""

    widget = forms.CheckboxInput({"value": "Y"})


class Unshown(forms.Widget):
    """A widget that never shows what was typed."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Return what is drawn."""
        return super().get_context(name, None, attrs)


class SecretText(Unshown, forms.Textarea):
    """A secret of several lines, which no page shows again (one of one line is a PasswordInput)."""


class SecretLine(Unshown, forms.TextInput):
    """A secret of one line that may be read while it is typed."""


class Number(forms.IntegerField):
    """A whole number. What is none is cleaned to one that the services refuse, so that their sentence is said."""

    def __init__(self, *, empty_value: int | None = NO_NUMBER, **kwargs: Any) -> None:
        super().__init__(widget=forms.TextInput({**Text.attrs, "inputmode": "numeric"}), **kwargs)
        self.empty_value = empty_value

    def clean(self, value: Any) -> int | None:
        """Return the number."""
        try:
            number = super().clean(value)
        except ValidationError:
            return NO_NUMBER
        return self.empty_value if number is None else number
