"""How errors are documented in both dialects."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from builds.api.schema.words import Schema, answer_model, items, maybe, one_of, ref, text
from builds.domain.error_pages import ERROR_HELP

PROBLEM: Final = "application/problem+json"
ALWAYS: Final = (
    "CCCM1004000", "CCCM1009000", "CCCM1044000", "CKSY1406000", "CCCM1008000", "CCCM2027000", "CCCM2020000",
)  # fmt: skip
OF_BODIES: Final = {413: "CKSY1400000"}  # a second status of that code
OF_RANGES: Final = {416: "CCCM1004000"}
KEPT_STATUSES: Final = (401, 403, 416, 429)  # those that the enveloped dialect keeps
RETRY_AFTER: Final = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}}}
CHALLENGE: Final = {"WWW-Authenticate": {"description": "`Bearer`", "schema": {"type": "string"}}}
REQUEST_ID: Final = {
    "X-Request-Id": {"description": "Name of this request in the server's log", "schema": {"type": "string"}}
}

ENVELOPE_MODELS: Final[dict[str, Schema]] = {
    "ErrorEnvelope": answer_model(
        {
            "code": one_of("ErrorCode", "Stable code", example="CCCM1004000"),
            "message": text("What is wrong, with the remedy"),
            "status": {"const": "error"},
            "errors": items(ref("FieldProblem"), "All fields that are wrong"),
            "requestId": maybe(text("Name of the request in the server's log")),
        },
        "What is wrong, as the enveloped dialect tells it.",
    ),
}


def error_responses(codes: Iterable[str], *, further: Mapping[int, str]) -> dict[str, Any]:
    """Return the errors of an operation as the plain dialect answers them, by status.

    `further` are codes with another status than theirs, by that status.
    """
    found = _by_status(codes, further)
    return {str(status): _problem(status, found[status]) for status in sorted(found)}


def kept_errors(codes: Iterable[str], *, further: Mapping[int, str]) -> dict[str, Any]:
    """Return the errors of an operation for which the enveloped dialect keeps the HTTP status."""
    found = _by_status(codes, further)
    return {
        str(status): _answer(status, found[status], "application/json", ref("ErrorEnvelope"))
        for status in KEPT_STATUSES
        if status in found
    }


def error_examples() -> dict[str, Any]:
    """Return a problem of each code."""
    return {code: {"value": _example(known.status, code)} for code, known in ERROR_HELP.items()}


def _by_status(codes: Iterable[str], further: Mapping[int, str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for code in dict.fromkeys((*ALWAYS, *codes)):
        found.setdefault(ERROR_HELP[code].status, []).append(code)
    return found | {status: [code] for status, code in further.items()}


def _problem(status: int, codes: list[str]) -> dict[str, Any]:
    answer = _answer(status, codes, PROBLEM, ref("Problem"))
    answer["content"][PROBLEM]["examples"] = {code: {"$ref": f"#/components/examples/{code}"} for code in codes}
    return answer


def _answer(status: int, codes: list[str], media_type: str, schema: Schema) -> dict[str, Any]:
    headers = {
        **REQUEST_ID,
        **(RETRY_AFTER if status in (429, 502) else {}),
        **(CHALLENGE if status == 401 else {}),
    }
    told = "; ".join(f"`{code}` {ERROR_HELP[code].title}" for code in codes)
    return {"description": told, "headers": headers, "content": {media_type: {"schema": schema}}}


def _example(status: int, code: str) -> dict[str, Any]:
    known = ERROR_HELP[code]
    return {
        "type": f"/docs/errors/{code}",
        "title": known.title,
        "status": status,
        "detail": known.happened,
        "code": code,
        "errors": [],
        "requestId": "7c0f5d1e9a3b4c62",
    }
