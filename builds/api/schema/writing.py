"""An `Operation` as OpenAPI 3.1 writes it down, in the dialect of an address."""

from collections.abc import Mapping
from typing import Any, Final

from builds.api.schema.build_models import BUILD_MODELS
from builds.api.schema.errors import ENVELOPE_MODELS, OF_BODIES, OF_RANGES, REQUEST_ID, error_responses, kept_errors
from builds.api.schema.examples import example_of
from builds.api.schema.operations import QUERY, Operation, Parameter
from builds.api.schema.other_models import OTHER_MODELS
from builds.api.schema.run_models import RUN_MODELS
from builds.api.schema.step_models import STEP_MODELS
from builds.api.schema.word_models import WORD_MODELS
from builds.api.schema.words import Schema, ref

MODELS: Final[Mapping[str, Schema]] = {
    **RUN_MODELS, **BUILD_MODELS, **STEP_MODELS, **OTHER_MODELS, **ENVELOPE_MODELS, **WORD_MODELS,
}  # fmt: skip
JSON: Final = "application/json"
PAGE_HEADERS: Final = {
    "Link": {"description": 'The next page: `<…>; rel="next"`; absent on the last', "schema": {"type": "string"}},
    "X-Total-Count": {"description": "How many there are in all", "schema": {"type": "integer", "minimum": 0}},
    "X-Total-Estimated": {
        "description": "`true` where there are more than X-Total-Count says",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
REPLAYED: Final = {
    "Idempotency-Replayed": {
        "description": "`true` where this is the kept answer of an earlier request",
        "schema": {"type": "string", "enum": ["true"]},
    }
}


def write_operation(operation: Operation, *, enveloped: bool) -> dict[str, Any]:
    """Return the operation object of `operation`."""
    written: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [_parameter(parameter) for parameter in operation.all_parameters],
        "security": [{"bearer": []}, {"session": []}],
        "responses": _responses(operation, enveloped=enveloped),
    }
    if operation.description:
        written["description"] = operation.description
    if operation.body is not None:
        media: dict[str, Any] = {"schema": ref(operation.body.model)}
        if operation.body.example is not None:
            media["examples"] = {operation.name: {"value": operation.body.example}}
        body = operation.body
        written["requestBody"] = {"required": body.required, "content": {body.media_type: media}}
    return written


def _parameter(parameter: Parameter) -> dict[str, Any]:
    written: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.description,
        "required": parameter.required,
        "schema": parameter.schema,
    }
    if parameter.where == QUERY and not parameter.required:
        written["allowEmptyValue"] = True  # empty is the same as absent (api/params.py)
    return written if parameter.example is None else {**written, "example": parameter.example}


def _responses(operation: Operation, *, enveloped: bool) -> dict[str, Any]:
    told = {name: {"description": text, "schema": schema} for name, (text, schema) in operation.answer_headers.items()}
    plain = {operation.media_type: {"schema": operation.answer}}
    if operation.media_type == JSON:
        plain = {JSON: _media(operation.answer, operation.name)}
    answer: dict[str, Any] = {
        "description": operation.summary,
        "headers": {
            **REQUEST_ID,
            **(PAGE_HEADERS if operation.paged else {}),
            **(REPLAYED if operation.writes else {}),
            **told,
        },
        "content": _enveloped_content(operation) if enveloped else plain,
    }
    if operation.links:
        root = "$response.body#/result" if enveloped else "$response.body#"
        answer["links"] = {
            link.operation: {"operationId": link.operation, "parameters": {link.parameter: root + link.pointer}}
            for link in operation.links
        }
    further = {str(status): {**answer, "description": told} for status, told in operation.statuses.items()}
    more = (OF_BODIES if operation.body is not None else {}) | (OF_RANGES if 206 in operation.statuses else {})
    errors = (kept_errors if enveloped else error_responses)(operation.all_errors, further=more)
    return {"200": answer, **further, **errors}


def _enveloped_content(operation: Operation) -> dict[str, Any]:
    """Return what HTTP 200 carries under /api: the answer in its envelope, or most errors."""
    if operation.media_type != JSON:
        return {operation.media_type: {"schema": operation.answer}, JSON: {"schema": ref("ErrorEnvelope")}}
    fields: dict[str, Schema] = {"code": {"const": "200"}, "status": {"const": "ok"}}
    if operation.has_result:
        fields["result"] = operation.enveloped_answer or operation.answer
    success = {"type": "object", "properties": fields, "required": list(fields)}
    media = _media(success, operation.name)
    return {JSON: {**media, "schema": {"oneOf": [success, ref("ErrorEnvelope")]}}}


def _media(schema: Schema, name: str) -> dict[str, Any]:
    return {"schema": schema, "examples": {name: {"value": example_of(schema, MODELS)}}}
