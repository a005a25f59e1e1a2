"""What the forms of pages share: Django checks the kind of a value, the services check everything else."""

import re
from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from builds.domain.errors import Invalid, Refused

NO_NUMBER: Final = -1  # every range refuses it


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
    def error_count(self) -> int:
        """Return how many errors the summary lists."""
        return sum(len(sentences) for sentences in self.errors.values())

    def refuse(self, refused: Refused) -> dict[str, Any]:
        """Put errors of fields beside them; return what the page needs besides: status, else banner and status."""
        if not isinstance(refused, Invalid):
            return {"status": refused.status, "banner": refused.sentence}
        for error in refused.errors:
            self.add_error(self.field_of(error.field), ValidationError(error.message, code=error.field))
        return {"status": refused.status}

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


class SecretText(forms.Textarea):
    """A secret of several lines, which no page shows again (one of one line is a PasswordInput)."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Return what is drawn."""
        return super().get_context(name, None, attrs)


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
