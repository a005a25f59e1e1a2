"""Fields that Django's forms lack: a text that goes in and never comes out, and a list with one entry a line."""

from typing import Any

from django import forms

LONGEST_SECRET = 20_000  # characters; a key with its chain is far below


class HiddenText(forms.Textarea):
    """A text area that is always rendered empty."""

    def format_value(self, value: Any) -> str:
        """Return nothing: what was stored or typed is not sent back."""
        return ""


class SecretText(forms.CharField):
    """A secret of several lines, such as a private key; leaving it empty keeps the stored one."""

    def __init__(self, *, label: str) -> None:
        widget = HiddenText(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"})
        super().__init__(required=False, max_length=LONGEST_SECRET, strip=False, widget=widget, label=label)


class LinesField(forms.CharField):
    """A list of words, one a line; empty lines are left out."""

    def __init__(self, *, help_text: str) -> None:
        super().__init__(required=False, widget=forms.Textarea(attrs={"rows": 4}), help_text=help_text)

    def prepare_value(self, value: Any) -> Any:
        """Show a stored list as lines."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Return the lines."""
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]

    def validate(self, value: Any) -> None:
        """Any list will do."""

    def run_validators(self, value: Any) -> None:
        """There are none for lists."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare the lists, not how they were typed."""
        return bool((initial or []) != self.to_python(data))
