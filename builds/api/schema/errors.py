"""How errors are documented in both dialects."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from builds.api.schema.words import Schema, answer_model, items, maybe, one_of, ref, text
from builds.domain.error_codes import ErrorCode

PROBLEM: Final = "application/problem+json"
ALWAYS: Final = (
    ErrorCode.INVALID_PARAMETER,
    ErrorCode.NOT_SIGNED_IN,
    ErrorCode.NO_RIGHT,
    ErrorCode.NOT_ACCEPTABLE,
    ErrorCode.TOO_MANY_REQUESTS,
    ErrorCode.UNEXPECTED,
    ErrorCode.NO_ANSWER_BELOW,
)
OF_BODIES: Final = {413: ErrorCode.UNREADABLE}  # a second status of that code
OF_RANGES: Final = {416: ErrorCode.INVALID_PARAMETER}
KEPT_STATUSES: Final = (401, 403, 416, 429)  # those that the enveloped dialect keeps
RETRY_AFTER: Final = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}}}
CHALLENGE: Final = {"WWW-Authenticate": {"description": "`Bearer`", "schema": {"type": "string"}}}
REQUEST_ID: Final = {
    "X-Request-Id": {"description": "Name of this request in the server's log", "schema": {"type": "string"}}
}

ENVELOPE_MODELS: Final[dict[str, Schema]] = {
    "ErrorEnvelope": answer_model(
        {
            "code": one_of("ErrorCode", "Stable code", example=ErrorCode.INVALID_PARAMETER.value),
            "message": text("What is wrong, with the remedy"),
            "status": {"const": "error"},
            "errors": items(ref("FieldProblem"), "All fields that are wrong"),
            "requestId": maybe(text("Name of the request in the server's log")),
        },
        "What is wrong, as the enveloped dialect tells it.",
    ),
}


def error_responses(codes: Iterable[ErrorCode], *, further: Mapping[int, ErrorCode]) -> dict[str, Any]:
    """Return the errors of an operation as the plain dialect answers them, by status.

    `further` are codes with another status than theirs, by that status.
    """
    answers: dict[str, Any] = {}
    for status, known in sorted(_by_status(codes, further).items()):
        answer = answers[str(status)] = _answer(status, known, PROBLEM, ref("Problem"))
        examples = {code.value: {"$ref": f"#/components/examples/{code}"} for code in known}
        answer["content"][PROBLEM]["examples"] = examples
    return answers


def kept_errors(codes: Iterable[ErrorCode], *, further: Mapping[int, ErrorCode]) -> dict[str, Any]:
    """Return the errors of an operation for which the enveloped dialect keeps the HTTP status."""
    found = _by_status(codes, further)
    return {
        str(status): _answer(status, found[status], "application/json", ref("ErrorEnvelope"))
        for status in KEPT_STATUSES
        if status in found
    }


def error_examples() -> dict[str, Any]:
    """Return a problem of each code."""
    return {
        code.value: {
            "value": {
                "type": f"/docs/errors/{code}",
                "title": code.summary,
                "status": code.status,
                "detail": code.happened,
                "code": code.value,
                "errors": [],
                "requestId": "7c0f5d1e9a3b4c62",
            }
        }
        for code in ErrorCode
    }


def _by_status(codes: Iterable[ErrorCode], further: Mapping[int, ErrorCode]) -> dict[int, list[ErrorCode]]:
    found: dict[int, list[ErrorCode]] = {}
    for code in dict.fromkeys((*ALWAYS, *codes)):
        found.setdefault(code.status, []).append(code)
    return found | {status: [code] for status, code in further.items()}


def _answer(status: int, codes: list[ErrorCode], media_type: str, schema: Schema) -> dict[str, Any]:
    headers = {
        **REQUEST_ID,
        **(RETRY_AFTER if status in (429, 502) else {}),
        **(CHALLENGE if status == 401 else {}),
    }
    told = "; ".join(f"`{code}` {code.summary}" for code in codes)
    return {"description": told, "headers": headers, "content": {media_type: {"schema": schema}}}
