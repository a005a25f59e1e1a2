"""What is wrong, as both dialects tell it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from builds.contract.fields import Choice, Model, Number, Text, Word
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import FieldError

# Statuses that the enveloped dialect keeps, all others are 200 there. The 416 is about the bytes of a log, which no
# dialect wraps: with another status its Content-Range would mean nothing.
KEPT_STATUSES: Final = (401, 403, 416, 429)
PROBLEM_JSON: Final = "application/problem+json"  # the media type of a Problem (RFC 9457)


@dataclass(frozen=True, slots=True)
class Wrong:
    """What a refusal or an error says, whatever the dialect. `errors` are fields, `headers` those of the answer."""

    status: int
    code: ErrorCode
    detail: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    request_id: str | None = None

    @property
    def title(self) -> str:
        """Return the short name of the code."""
        return self.code.summary


class FieldProblem(Model):
    """What is wrong with one field."""

    field = Text("Path of the field", example="buildSteps[1].buildStepConfig.repositoryUrl")
    message = Text("A sentence with the remedy")
    code = Word(ErrorCode, "Stable code", example=ErrorCode.INVALID_PARAMETER.value)


class Problem(Model):
    """What is wrong (RFC 9457)."""

    type = Text("Page about this code", reads=lambda wrong: f"/docs/errors/{wrong.code}")
    title = Text("Short name of the code", example="Invalid parameter")
    status = Number("The HTTP status", min_value=400, max_value=599, example=400)
    detail = Text("A sentence with the remedy")
    code = Word(ErrorCode, "Stable code", example=ErrorCode.INVALID_PARAMETER.value)
    errors = FieldProblem(many=True, help_text="All fields that are wrong, at once")  # type: ignore[assignment]
    requestId = Text("Name of the request in the server's log", null=True)


def _message(wrong: Wrong) -> str:
    """Return one text that holds everything."""
    return " ".join(f"{error.field}: {error.message}" for error in wrong.errors) or wrong.detail


class ErrorEnvelope(Model):
    """What is wrong, as the enveloped dialect tells it."""

    code = Word(ErrorCode, "Stable code", example=ErrorCode.INVALID_PARAMETER.value)
    message = Text("What is wrong, with the remedy", reads=_message)
    status = Choice(["error"], reads=lambda _wrong: "error")
    errors = FieldProblem(many=True, help_text="All fields that are wrong")  # type: ignore[assignment]
    requestId = Text("Name of the request in the server's log", null=True)
