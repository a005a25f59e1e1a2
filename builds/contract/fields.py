"""What the serializers of this floor are made of: a field is one line with its type, meaning, example and null.

In an answer every field is there. In a body a field may be left out unless it is `required`, and null is the same. A
field reads the attribute of its name in snake_case (`runState`: `run_state`) unless `source` says otherwise.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import Any, Final, NoReturn, cast

from django.contrib.auth.models import User
from rest_framework import serializers

from builds.domain.access import Permission, refused
from builds.domain.errors import FieldError
from builds.domain.steps.checks import unstorable
from builds.domain.times import iso_time, plain_time, whole_seconds
from builds.models import Caller

Answer = dict[str, Any]
Tell = Callable[[Any, Caller | None], Any]  # of a row or value, for who reads it
INT32: Final = 2**31 - 1
LONGEST_TEXT: Final = 4000  # characters, where a field does not say otherwise
LONGEST_PEM: Final = 64 * 1024
MOST_ITEMS: Final = 1000


def stored_name(name: str) -> str:
    """Return the attribute that belongs to a field of the API (`buildRunSeq`: `build_run_seq`)."""
    return re.sub("(?<=.)([A-Z])", r"_\1", name).lower()


class Named(serializers.Field[Any, Any, Any, Any]):
    """What reads the attribute of its name in snake_case."""

    def bind(self, field_name: str, parent: Any) -> None:
        """Take the name that the serializer gives."""
        if self.source is None and stored_name(field_name) != field_name:
            self.source = stored_name(field_name)
        super().bind(field_name, parent)


class Field(Named):
    """A value that is told as it is; None is told as `unknown`, which is null unless the contract says otherwise."""

    default_error_messages = {
        **dict.fromkeys(("no_text", "null"), "{name} has to be text; write it in quotes."),
        "unstorable": "{name} holds a NUL or half of a surrogate pair; remove it.",
        "too_long": "{name} may have up to {most:,} characters; this has {given:,}.",
    }
    is_read = True  # False: always told as `unknown`, whatever is stored

    def __init__(self, meaning: str = "", *, example: Any = None, null: bool = False, **options: Any) -> None:
        """`reads`: what takes the value from a row where no attribute holds it."""
        self.example, self.unknown = example, options.pop("unknown", None)
        self.reads: Callable[[Any], Any] | None = options.pop("reads", None)
        if not options.get("read_only"):
            options.setdefault("required", False)
        super().__init__(help_text=meaning or None, allow_null=null, **options)

    def fail(self, key: str, **values: Any) -> NoReturn:
        """Raise the error `key`; its sentence may have name (an item of a list has none), words and bounds."""
        words = ", ".join(word for word in getattr(self, "choices", ()) if word)
        super().fail(key, name=self.field_name or "This", words=words, **getattr(self, "bounds", {}), **values)

    def wrong(self, value: Any) -> str | None:
        """Say what is wrong with a value, in the sentence that a body would get, or None."""
        try:
            self.to_internal_value(value)
        except serializers.ValidationError as error:
            return str(cast(list[str], error.detail)[0])
        return None

    def text(self, data: Any, most: int = LONGEST_TEXT) -> str:
        """Return `data`, a text that can be stored; fails for any other."""
        if not isinstance(data, str):
            self.fail("no_text")
        if unstorable(data) is not None:
            self.fail("unstorable")
        if len(data) > most:
            self.fail("too_long", most=most, given=len(data))
        return data

    def to_representation(self, value: Any) -> Any:
        """Return what is told of a value that is not None."""
        return value


class Text(Field, serializers.CharField):
    """A text; where it may be null an empty one is told as null, unless it `keeps_empty`.

    `for_editors`: told only to those who may edit the build.
    """

    def __init__(self, meaning: str = "", **options: Any) -> None:
        self.for_editors, keeps_empty = options.pop("for_editors", False), options.pop("keeps_empty", False)
        super().__init__(meaning, **{"allow_blank": True, "trim_whitespace": False, **options})
        self.is_null_when_empty = self.allow_null and not keeps_empty

    def to_internal_value(self, data: Any) -> str:
        """Return the text of a body."""
        return self.text(data, self.max_length or LONGEST_TEXT)

    def to_representation(self, value: Any) -> Any:
        """Return the text, or None for an empty one that is told as null."""
        return value or None if self.is_null_when_empty else value


class Number(Field, serializers.IntegerField):
    """A whole number of 32 bits, from 0 unless `min_value` says otherwise; with `max_value` None of 64 bits."""

    default_error_messages = dict.fromkeys(
        ("invalid", "null"), "{name} has to be a whole number from {least} to {most:,}."
    )

    def __init__(self, meaning: str = "", **options: Any) -> None:
        options = {"min_value": 0, "max_value": INT32, **options}
        self.bounds = {"least": options["min_value"], "most": options["max_value"]}
        super().__init__(meaning, **options)

    def to_internal_value(self, data: Any) -> int:
        """Return the number of a body; neither "5" nor 5.0 nor true is one."""
        if type(data) is not int or not self.bounds["least"] <= data <= self.bounds["most"]:
            self.fail("invalid")
        return data


class Flag(Field, serializers.BooleanField):
    """True or false."""

    default_error_messages = {"invalid": "{name} has to be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        """Return the truth of a body."""
        if not isinstance(data, bool):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        """Return whether the value is set."""
        return bool(value)


class OneOf(Field, serializers.ChoiceField):
    """One of a few words, written exactly so."""

    default_error_messages = {"invalid_choice": "{name} has to be one of {words}."}

    def to_internal_value(self, data: Any) -> Any:
        """Return the word of a body."""
        if self.text(data) not in self.choices:
            self.fail("invalid_choice")
        return data


class Word(OneOf):
    """One of the words of an enumeration, which the published documents give a name of its own."""

    def __init__(
        self, words: Iterable[StrEnum], meaning: str = "", *, given: Iterable[str] = (), **options: Any
    ) -> None:
        """`given`: the words that a body may give, where these are others."""
        self.told, self.given = list(words), [str(word) for word in given]
        super().__init__(meaning, choices=self.given or [word.value for word in words], **options)

    def to_representation(self, value: Any) -> Any:
        """Return the word, None for an empty one."""
        return str(value) or None


class Choice(OneOf):
    """One of a few words that stand in this field alone."""

    def __init__(self, words: Iterable[Any], meaning: str = "", **options: Any) -> None:
        super().__init__(meaning, choices=list(words), **options)


class YesNo(StrEnum):
    """Y is yes, N is no."""

    YES = "Y"
    NO = "N"


class YesOrNo(Word):
    """A truth as the contract writes it: the text `Y` or `N`."""

    def __init__(self, meaning: str = "", *, example: str = "Y", **options: Any) -> None:
        super().__init__(YesNo, meaning, example=example, unknown=YesNo.NO, **options)

    def to_internal_value(self, data: Any) -> bool:
        """Return whether a body says Y."""
        return bool(super().to_internal_value(data) == YesNo.YES)

    def to_representation(self, value: Any) -> Any:
        """Return the word."""
        return YesNo.YES if value else YesNo.NO


class Items(Field, serializers.ListField):
    """A list of what `child` is."""

    default_error_messages = {"not_a_list": f"{{name}} has to be a list of at most {MOST_ITEMS:,} items."}

    def __init__(self, child: Any, meaning: str = "", **options: Any) -> None:
        super().__init__(meaning, child=child, **options)

    def to_internal_value(self, data: Any) -> list[Any]:
        """Return the list of a body."""
        if not isinstance(data, list) or len(data) > MOST_ITEMS:
            self.fail("not_a_list")
        return list(super().to_internal_value(data))

    def to_representation(self, value: Any) -> Any:
        """Return the list."""
        return list(value)


class Texts(Field, serializers.DictField):
    """Texts by name, of an answer."""

    def __init__(self, meaning: str = "", **options: Any) -> None:
        super().__init__(meaning, child=serializers.CharField(), read_only=True, **options)


class Secret(Text):
    """A text that is taken in a body and never told."""

    is_read = False


class Zero(Number):
    """A number that BuildHub has no use for: always 0."""

    is_read = False

    def __init__(self, meaning: str = "Always 0", **options: Any) -> None:
        super().__init__(meaning, unknown=0, example=0, read_only=True, **options)


class PlainTime(Field, serializers.RegexField):
    """`created` and `updated`: to the second, in UTC."""

    def __init__(self, meaning: str, *, example: str = "2022-12-02 08:42:46", **options: Any) -> None:
        pattern = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$"
        super().__init__(f"{meaning} (UTC)", example=example, regex=pattern, read_only=True, **options)

    def to_representation(self, value: datetime) -> str:
        """Return the time as text."""
        return plain_time(value)


class IsoTime(Field, serializers.DateTimeField):
    """A time of a run, step or image: ISO with milliseconds and +00:00."""

    def __init__(self, meaning: str, *, example: str = "2022-12-02T08:43:40.000+00:00", **options: Any) -> None:
        super().__init__(meaning, example=example, read_only=True, **options)

    def to_representation(self, value: datetime) -> str:
        """Return the time as text."""
        return iso_time(value)


class Models(Named, serializers.ListSerializer[Any]):
    """A list of a model; `max_length` is published as `most` and told by the rules, which know what is not counted."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.most: int | None = options.pop("max_length", None)
        super().__init__(*args, **options)


class Model(Named, serializers.Serializer[Any]):
    """A model of the contract. What depends on who reads it is told by a static method `tell_NAME(row, caller)`."""

    class Meta:
        list_serializer_class = Models

    aliases: Mapping[str, str] = {}  # in a body: another name of a field, which wins
    body_name = ""  # of the model in a body, where it is another name than the class's with Add
    within = ""  # the attribute whose attributes are told, with a dot behind it

    def __init__(self, *args: Any, **options: Any) -> None:
        if not options.get("read_only"):
            options.setdefault("required", False)
        super().__init__(*args, **options)

    @classmethod
    def many_init(cls, *args: Any, **options: Any) -> Any:
        """Return a list of this model, which a body may leave out as well."""
        if not options.get("read_only"):
            options.setdefault("required", False)
        return super().many_init(*args, **options)

    def to_internal_value(self, data: Any) -> Answer:
        """Return what a body gives; null is the same as absent, and so is an alias beside its name."""
        if isinstance(data, Mapping):
            given = {name: value for name, value in data.items() if value is not None}
            data = {name: value for name, value in given.items() if self.aliases.get(name) not in given}
        return cast(Answer, super().to_internal_value(data))

    @classmethod
    def tell(cls, row: Any, caller: Caller | None = None) -> Answer:
        """Return every field of an answer about a row, in order, as `caller` may see it."""
        return {name: tell(row, caller) for name, tell in _tellers(cls)}

    def to_representation(self, instance: Any) -> Answer:
        """Return what DRF asks a serializer for."""
        return self.tell(instance, self.context.get("caller"))


@cache
def _tellers(model: type[Model]) -> list[tuple[str, Tell]]:
    """Return what tells each field of a model; made once, since DRF copies all fields for each serializer."""
    return [(str(field.field_name), _teller(model, field)) for field in model()._readable_fields]


def _teller(model: type[Model], field: Any) -> Tell:
    unknown, told = getattr(field, "unknown", None), _told(field)
    if not getattr(field, "is_read", True):
        return lambda row, caller: unknown
    read = _reader(model, field)

    def tell(row: Any, caller: Caller | None) -> Any:
        value = read(row, caller)
        return unknown if value is None else told(value, caller)

    return tell


def _reader(model: type[Model], field: Any) -> Tell:
    """Return what reads a field's value from a row."""
    if own := getattr(model, f"tell_{stored_name(field.field_name)}", None):
        return cast(Tell, own)
    read = getattr(field, "reads", None) or attrgetter(model.within + field.source)
    if getattr(field, "for_editors", False):
        return lambda row, caller: read(row) if caller and may_edit(caller, row.account_id) else None
    return lambda row, caller: read(row)


def _told(field: Any) -> Tell:
    """Return what tells a value that was read: of a model, or of a list of one, for the same reader."""
    if isinstance(field, Models):
        model = cast(type[Model], type(field.child))
        return lambda rows, caller: [model.tell(row, caller) for row in getattr(rows, "all", lambda: rows)()]
    if isinstance(field, Model):
        return type(field).tell
    return lambda value, caller: field.to_representation(value)


class Loose(Model):
    """A model whose fields may all be null."""

    def get_fields(self) -> dict[str, Any]:
        """Return the fields."""
        fields = super().get_fields()
        for field in fields.values():
            field.allow_null = not isinstance(field, Secret)
        return fields


def value_errors(model: Model, row: object) -> list[FieldError]:
    """Return what a body would be told of the values of `row`: lengths, bounds and words; None is no value."""
    errors = []
    for name, field in model.fields.items():
        if not isinstance(field, Text | Number | Word) or isinstance(field, YesOrNo) or field.read_only:
            continue
        value = getattr(row, str(field.source), None)
        if value is not None and (sentence := field.wrong(value)):
            errors.append(FieldError(name, sentence))
    return errors


def seconds(row: Any) -> int | None:
    """Return the whole seconds that a run or step took, None until it has ended."""
    return whole_seconds(row.begin_time, row.end_time)


def name_of(user: User | None) -> str | None:
    """Return the name under which somebody signs in."""
    return user.get_username() if user else None


def may_edit(caller: Caller, account_id: int) -> bool:
    """Say whether `caller` may edit the builds of an account: certificates are shown to them only."""
    return refused(Permission.EDIT_BUILD, caller.role_in(account_id), caller.scopes) is None
