"""Short ways to write JSON Schemas (2020-12, as OpenAPI 3.1 takes them); `Schema` is plain data.

The tables of models and operations are written with these, so that a field is one line.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

Schema = dict[str, Any]
INT32: Final = 2**31 - 1
PLAIN_TIME: Final = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$"


def text(description: str = "", *, example: str | None = None, most: int | None = None, least: int = 0) -> Schema:
    """Return a text of `least` to `most` characters."""
    schema: Schema = {"type": "string"}
    if least:
        schema["minLength"] = least
    if most is not None:
        schema["maxLength"] = most
    return _told(schema, description, example)


def number(
    description: str = "", *, example: int | None = None, least: int | None = 0, most: int | None = INT32
) -> Schema:
    """Return a whole number from `least` to `most`; None: no bound."""
    schema: Schema = {"type": "integer"}
    if most == INT32:
        schema["format"] = "int32"
    if least is not None:
        schema["minimum"] = least
    if most is not None:
        schema["maximum"] = most
    return _told(schema, description, example)


def big_number(description: str = "", *, example: int | None = None) -> Schema:
    """Return a count or a size in bytes, which may need 64 bits."""
    return _told({"type": "integer", "format": "int64", "minimum": 0}, description, example)


def flag(description: str = "", *, example: bool | None = None) -> Schema:
    """Return true or false."""
    return _told({"type": "boolean"}, description, example)


def word(words: Iterable[str], description: str = "", *, example: str | None = None) -> Schema:
    """Return one of `words`."""
    return _told({"type": "string", "enum": [str(one) for one in words]}, description, example)


def yes_no(description: str = "", *, example: str = "Y") -> Schema:
    """Return the text `Y` or `N`."""
    return one_of("YesNo", description, example=example)


def plain_time(description: str, *, example: str = "2022-12-02 08:42:46") -> Schema:
    """Return a time as `created` and `updated` have it: seconds, in UTC."""
    return _told({"type": "string", "pattern": PLAIN_TIME}, f"{description} (UTC)", example)


def iso_time(description: str, *, example: str = "2022-12-02T08:43:40.000+00:00") -> Schema:
    """Return a time of a run: ISO with milliseconds and +00:00."""
    return _told({"type": "string", "format": "date-time"}, description, example)


def items(schema: Schema, description: str = "", **limits: int) -> Schema:
    """Return a list of `schema`."""
    return _told({"type": "array", "items": schema, **limits}, description, None)


def ref(name: str, description: str = "") -> Schema:
    """Return a reference to the model `name`."""
    schema: Schema = {"$ref": f"#/components/schemas/{name}"}
    return {**schema, "description": description} if description else schema


def one_of(name: str, description: str = "", *, example: str | None = None) -> Schema:
    """Return one of the words of the model `name` (WORD_MODELS)."""
    return _told(ref(name), description, example)


def any_of(*schemas: Schema, description: str = "") -> Schema:
    """Return what is one of `schemas`."""
    return _told({"anyOf": list(schemas)}, description, None)


def null(description: str = "") -> Schema:
    """Return what is always null."""
    return _told({"type": "null"}, description, None)


def maybe(schema: Schema) -> Schema:
    """Return `schema`, or null; a schema that allows null already is returned as it is."""
    if "null" in schema.get("type", ()):
        return schema
    if "$ref" in schema:
        told = {key: value for key, value in schema.items() if key != "$ref"}
        return {"anyOf": [{"$ref": schema["$ref"]}, {"type": "null"}], **told}
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    if "enum" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}


def answer_model(fields: Mapping[str, Schema], description: str) -> Schema:
    """Return an object of an answer: every field is always there."""
    return {
        "type": "object",
        "description": description,
        "properties": dict(fields),
        "required": list(fields),
    }


def body_model(fields: Mapping[str, Schema], description: str, *, required: Iterable[str] = ()) -> Schema:
    """Return an object of a body: what is not `required` may be left out or null, which is the same."""
    needed = list(required)
    opened = {name: schema if name in needed else maybe(schema) for name, schema in fields.items()}
    model: Schema = {"type": "object", "description": description, "properties": opened}
    return {**model, "required": needed} if needed else model


def _told(schema: Schema, description: str, example: Any) -> Schema:
    if description:
        schema["description"] = description
    if example is not None:
        schema["examples"] = [example]
    return schema
