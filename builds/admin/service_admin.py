"""Tables whose rows are written by services: a form holds its fields against their rules, a page stores nothing itself.

So what is added, changed or deleted here is checked as at every other door, and who did it is written down.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from builds.admin.actions import caller_of
from builds.admin.base import TableAdmin
from builds.contract.fields import Model, stored_name
from builds.domain.errors import FieldError, Refused
from builds.models import Caller

if TYPE_CHECKING:
    BaseForm = forms.ModelForm[Any]
else:
    BaseForm = forms.ModelForm  # generic for the type checker only


class ServiceForm(BaseForm):
    """Fields only: what they have to be is the services' rule, told in the services' sentence."""

    contract: ClassVar[Model | None] = None  # its fields say which column an error is about
    places: ClassVar[Mapping[str, str]] = {}  # fields that are called otherwise than their columns

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.required, field.validators = False, []

    def clean(self) -> dict[str, Any]:
        """Hold the fields against the rules; `instance` is still as it is stored."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        wrong = frozenset(self.errors)
        for error in self.rule_errors(cleaned):
            if (place := self.place_of(error.field)) not in wrong:
                self.add_error(place if place in self.fields else None, error.message)
        return cleaned

    def place_of(self, path: str) -> str:
        """Return the field that an error's path belongs to."""
        name = path.partition("[")[0]
        told = self.contract.fields.get(name) if self.contract else None
        column = str(told.source) if told else stored_name(name)
        return self.places.get(column, column)

    def rule_errors(self, cleaned: Mapping[str, Any]) -> list[FieldError]:
        """Return all that the services would refuse."""
        raise NotImplementedError


class ServiceAdmin(TableAdmin):
    """A table that is added to, changed and deleted from by services."""

    def store(self, pk: int | None, caller: Caller, form: Any) -> Any:
        """Create a row, or change the one with this key; return it. Raises `Refused`."""
        raise NotImplementedError

    def remove(self, pk: int, caller: Caller) -> None:
        """Remove a row; raises `Refused`."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001  Django's
        """Let the service store what the form has read."""
        obj.pk = self.store(obj.pk if change else None, caller_of(request), form).pk
        obj.refresh_from_db()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Let the service remove it."""
        self.remove(obj.pk, caller_of(request))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show or store one; what the service refuses is said on the same page."""
        return _or_refusal(request, super().changeform_view, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask, or delete; what the service refuses is said on the same page."""
        return _or_refusal(request, super().delete_view, *args, **kwargs)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the actions without Django's that deletes, which would not ask the service."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}


def _or_refusal(request: HttpRequest, view: Callable[..., HttpResponse], *args: Any, **kwargs: Any) -> HttpResponse:
    """Answer with `view`; where a service refuses, show its sentence on the page that was sent."""
    try:
        return view(request, *args, **kwargs)
    except Refused as refusal:
        messages.error(request, refusal.sentence)
        return HttpResponseRedirect(request.get_full_path())
