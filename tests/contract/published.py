"""Reads the published documents: what they promise for an operation, and whether an answer keeps it."""

from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from builds.api.openapi import openapi_document

METHODS = ("get", "post", "put", "delete")


def operations(prefix: str) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Return path, method and operation object by operationId."""
    return {
        operation["operationId"]: (path, method, operation)
        for path, methods in openapi_document(prefix)["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    }


def problems(prefix: str, name: str, answer: Any, *, status: int = 200) -> list[str]:
    """Return where `answer` differs from what is published for it; a field that nobody documented counts."""
    _, _, operation = operations(prefix)[name]
    promised = operation["responses"].get(str(status))
    if promised is None:
        return [f"{name} does not document status {status}"]
    media_type = answer.headers["Content-Type"].partition(";")[0]
    if media_type not in promised["content"]:
        return [f"{name} does not document {media_type}"]
    if not media_type.endswith("json"):
        return []
    return differences(prefix, promised["content"][media_type]["schema"], answer.json())


def differences(prefix: str, schema: dict[str, Any], value: Any) -> list[str]:
    """Return where `value` breaks `schema`, objects closed."""
    components = openapi_document(prefix)["components"]
    whole = {**_closed(schema), "components": {"schemas": _closed(components["schemas"])}}
    found = Draft202012Validator(whole, format_checker=FormatChecker()).iter_errors(value)
    return [f"{error.json_path}: {error.message[:300]}" for error in found]


def _closed(schema: Any) -> Any:
    """Return `schema` without room for fields that are not documented."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    return {**closed, "additionalProperties": False} if isinstance(closed.get("properties"), dict) else closed
