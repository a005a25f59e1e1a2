"""What stands above a handler: the operation of the published documents that it is (openapi.py writes it down)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from drf_spectacular.utils import OpenApiExample, OpenApiRequest, extend_schema

from builds.contract.parameters import Query
from builds.domain.error_codes import ErrorCode

Handler = TypeVar("Handler", bound=Callable[..., Any])
JSON: Final = "application/json"
Links = Mapping[str, tuple[str, str]]  # operation: its parameter, a field's pointer
GET_RUN: Final[Links] = {"getRun": ("buildSeq", "/buildRunSeq")}
LINKS_OF_RUN: Final[Links] = {
    **GET_RUN,
    **dict.fromkeys(("cancelRun", "getRunLog", "getRunLines", "getRunText"), ("buildRunSeq", "/buildRunSeq")),
    "removeRun": ("buildSeq", "/buildRunSeq"),
}


@dataclass(frozen=True, slots=True)
class Documented:
    """What the document tells of an operation beside its serializers."""

    name: str
    query: type[Query] = Query  # what reads the parameters; by default there are none
    errors: Sequence[ErrorCode] = ()  # beside those that address, method and body bring
    links: Links = field(default_factory=dict)
    paged: bool = False
    has_result: bool = True  # False: the enveloped dialect answers without result
    may_be_null: bool = False
    enveloped: Any = None  # what the enveloped dialect answers, where that is another model
    statuses: Mapping[int, str] = field(default_factory=dict)  # further statuses of success: what they mean
    headers: Mapping[str, str] = field(default_factory=dict)
    example: Any = None  # of an answer that is no model
    media_type: str = JSON  # of the answer
    body_required: bool = True
    body_example: Any = None


def documented(
    name: str, summary: str, answer: Any, *, query: type[Query] = Query, body: Any = None, **told: Any
) -> Callable[[Handler], Handler]:
    """Document a handler as the operation `name`: its answer, query and body (a serializer, or
    a dict with one for each media type), and `Documented`'s rest.

    Its docstring is the description.
    """
    operation = Documented(name, query, **told)
    shown = [OpenApiExample(name, value=operation.body_example)] if operation.body_example else []
    request = body if isinstance(body, dict) else OpenApiRequest(body, examples=shown) if body else None
    responses = {(status, operation.media_type): answer for status in (200, *operation.statuses)}

    def decorate(handler: Handler) -> Handler:
        handler.documented = operation  # type: ignore[attr-defined]
        parameters = [] if query is Query else [query]
        return extend_schema(
            operation_id=name, summary=summary, parameters=parameters, request=request, responses=responses
        )(handler)

    return decorate
