"""Examples made of the examples of single fields, so that an example cannot forget a field."""

from collections.abc import Mapping
from typing import Any

from builds.api.schema.words import Schema


def example_of(schema: Schema, models: Mapping[str, Schema]) -> Any:
    """Return a value that `schema` allows: the fields' own examples, else the simplest value."""
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        return example_of(models[schema["$ref"].rpartition("/")[2]], models)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    if "anyOf" in schema:
        return None if {"type": "null"} in schema["anyOf"] else example_of(_telling(schema["anyOf"]), models)
    return _of_type(schema, models)


def _of_type(schema: Schema, models: Mapping[str, Schema]) -> Any:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "null" in kinds:
        return None
    match kinds[0]:
        case "object":
            return {name: example_of(one, models) for name, one in schema["properties"].items()}
        case "array":
            return [example_of(schema["items"], models)] if _is_shown(schema["items"]) else []
        case "integer":
            return schema.get("minimum", 0)
        case "boolean":
            return False
    return "2022-12-02 08:42:46" if "pattern" in schema else "text"


def _telling(schemas: list[Schema]) -> Schema:
    """Return the schema that examples show: of the kinds of steps, that of the image."""
    return next((one for one in schemas if "CreateImage" in one.get("$ref", "")), schemas[0])


def _is_shown(schema: Schema) -> bool:
    """Say whether a list shows an entry: earlier attempts and the like stay empty."""
    return schema.get("$ref", "").rpartition("/")[2] not in ("RunAttempt", "FieldProblem", "VolumeMount")
