"""Examples made of the examples of single fields, so that an example cannot forget a field."""

from collections.abc import Mapping
from typing import Any, Final

from builds.api.schema.words import Schema

NOT_SHOWN: Final = ("RunAttempt", "FieldProblem", "VolumeMount")


def example_of(schema: Schema, models: Mapping[str, Schema]) -> Any:
    """Return a value that `schema` allows: the fields' own examples, else the simplest value."""
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        return example_of(models[schema["$ref"].rpartition("/")[2]], models)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    if "anyOf" in schema:  # of the kinds of steps, that of the image
        shown = next((one for one in schema["anyOf"] if "CreateImage" in one.get("$ref", "")), schema["anyOf"][0])
        return None if {"type": "null"} in schema["anyOf"] else example_of(shown, models)
    return _of_type(schema, models)


def _of_type(schema: Schema, models: Mapping[str, Schema]) -> Any:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "null" in kinds:
        return None
    match kinds[0]:
        case "object":
            return {name: example_of(one, models) for name, one in schema["properties"].items()}
        case "array":
            # earlier attempts and the like stay empty
            is_shown = schema["items"].get("$ref", "").rpartition("/")[2] not in NOT_SHOWN
            return [example_of(schema["items"], models)] if is_shown else []
        case "integer":
            return schema.get("minimum", 0)
        case "boolean":
            return False
    return "2022-12-02 08:42:46" if "pattern" in schema else "text"
