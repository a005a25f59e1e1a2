"""Bodies as the serializers of the contract read them: what is right, and all that is wrong with its path."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

from rest_framework.settings import api_settings

from builds.contract.fields import Model
from builds.domain.errors import FieldError

Draft = TypeVar("Draft")
OF_ALL: Final = api_settings.NON_FIELD_ERRORS_KEY  # DRF's name for what is wrong with an object itself
WRONG: Final = object()


def read_body(model: type[Model], body: Mapping[str, Any], **context: Any) -> tuple[dict[str, Any], list[FieldError]]:
    """Return what `body` gives under the names of the sources, and its errors; a wrong value reads as absent.

    A serializer gives no values beside errors, so it reads what is left without the wrong ones again.
    """
    errors: list[FieldError] = []
    asked = model(data=body, context=context)
    while not asked.is_valid():
        errors += field_errors(asked.errors)
        body = _without(body, asked.errors)
        asked = model(data=body, context=context, partial=True)
    return asked.validated_data, errors


def read_draft(kind: Callable[..., Draft], model: type[Model], body: Mapping[str, Any]) -> Draft:
    """Return what `body` gives as a draft, which carries its errors to the rules that look at the others."""
    given, errors = read_body(model, body)
    return kind(**given, errors=errors)


def field_errors(detail: Any, path: str = "") -> Iterator[FieldError]:
    """Yield the nested errors of a serializer, each with its path, such as `buildSteps[1].stepOrder`."""
    if not isinstance(detail, Mapping):
        yield from (FieldError(path, str(sentence)) for sentence in detail)
        return
    for name, inner in detail.items():
        at = f"[{name}]" if isinstance(name, int) else f".{name}"
        yield from field_errors(inner, path if name == OF_ALL else f"{path}{at}".removeprefix("."))


def _without(value: Any, errors: Any) -> Any:
    """Return a value without its wrong parts; of an object that is wrong as a whole nothing stays but its place."""
    if not isinstance(errors, Mapping):
        return WRONG
    if OF_ALL in errors:
        return {}
    if isinstance(value, list):
        kept = (_without(item, errors[at]) if at in errors else item for at, item in enumerate(value))
        return [item for item in kept if item is not WRONG]
    kept_by_name = {name: _without(item, errors[name]) if name in errors else item for name, item in value.items()}
    return {name: item for name, item in kept_by_name.items() if item is not WRONG}
