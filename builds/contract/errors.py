"""What is wrong, as both dialects tell it."""

from builds.contract.fields import Choice, Model, Number, Text, Word
from builds.domain.error_codes import ErrorCode


class FieldProblem(Model):
    """What is wrong with one field."""

    field = Text("Path of the field", example="buildSteps[1].buildStepConfig.repositoryUrl")
    message = Text("A sentence with the remedy")
    code = Word(ErrorCode, "Stable code", example=ErrorCode.INVALID_PARAMETER.value)


class Problem(Model):
    """What is wrong (RFC 9457)."""

    type = Text("Page about this code")
    title = Text("Short name of the code", example="Invalid parameter")
    status = Number("The HTTP status", min_value=400, max_value=599, example=400)
    detail = Text("A sentence with the remedy")
    code = Word(ErrorCode, "Stable code", example=ErrorCode.INVALID_PARAMETER.value)
    errors = FieldProblem(many=True, help_text="All fields that are wrong, at once")  # type: ignore[assignment]
    requestId = Text("Name of the request in the server's log", null=True)


class ErrorEnvelope(Model):
    """What is wrong, as the enveloped dialect tells it."""

    code = Word(ErrorCode, "Stable code", example=ErrorCode.INVALID_PARAMETER.value)
    message = Text("What is wrong, with the remedy")
    status = Choice(["error"])
    errors = FieldProblem(many=True, help_text="All fields that are wrong")  # type: ignore[assignment]
    requestId = Text("Name of the request in the server's log", null=True)
