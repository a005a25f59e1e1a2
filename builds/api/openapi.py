"""The published documents: drf-spectacular reads routes, views and serializers; what it cannot read stands here.

That is the names of enumerations, secrets (always null in answers), the errors of each operation, and the envelope.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, cast

from django.urls import include, path
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from builds.api.documented import JSON, Documented
from builds.api.examples import example_of
from builds.contract.configs import CONFIGS, FOR_USERS
from builds.contract.errors import KEPT_STATUSES, PROBLEM_JSON, ErrorEnvelope, Problem, Wrong
from builds.contract.fields import Model, Number, Secret, Word
from builds.contract.steps import StepConfigField
from builds.domain.error_codes import ErrorCode

Schema = dict[str, Any]
PLAIN: Final = "/v1"
ENVELOPED: Final = "/api"
PREFIXES: Final = (PLAIN, ENVELOPED)
SOME_ID: Final = "7c0f5d1e9a3b4c62"
ALWAYS: Final = (
    ErrorCode.INVALID_PARAMETER,
    ErrorCode.NOT_SIGNED_IN,
    ErrorCode.NO_RIGHT,
    ErrorCode.NOT_ACCEPTABLE,
    ErrorCode.TOO_MANY_REQUESTS,
    ErrorCode.UNEXPECTED,
    ErrorCode.NO_ANSWER_BELOW,
)
SEQ: Final[Schema] = {"type": "integer", "format": "int32", "minimum": 1, "maximum": 2**31 - 1, "examples": [1]}
MEANINGS: Final[Mapping[str, str]] = {
    "build_seq": "Number of the build",
    "build_run_seq": "Number of the run",
    "account_seq": "Number of the account",
    "build_step_run_seq": "Number of a step of a run",
    "build_server_seq": "Number of the build server",
    "external_registry_seq": "Number of the registry",
    "n": "Number of the delivery, from 1",
}
EITHER_SEQ: Final = (
    "With POST the number of the build (buildSeq); with GET and DELETE the number of the run (buildRunSeq)"
)
IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!-~]([ -~]*[!-~])?$"},
    OpenApiParameter.HEADER,
    description="The same key with the same request within 24 h returns the first answer; with another request 409",
)


def _header(name: str, meaning: str, schema: Any = OpenApiTypes.STR, statuses: Any = True) -> OpenApiParameter:  # noqa: FBT002  the library's
    return OpenApiParameter(name, schema, OpenApiParameter.HEADER, description=meaning, response=statuses)


COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
TRUE: Final[Schema] = {"type": "string", "enum": ["true"]}
HEADERS: Final = [
    _header("X-Request-Id", "Name of this request in the server's log"),
    _header("Retry-After", "Seconds to wait", COUNT, [429, 502]),
    _header("WWW-Authenticate", "`Bearer`", statuses=[401]),
]
REPLAYED: Final = _header(
    "Idempotency-Replayed", "`true` where this is the kept answer of an earlier request", TRUE, [200]
)
PAGE_HEADERS: Final = [
    _header("Link", 'The next page: `<…>; rel="next"`; absent on the last', statuses=[200]),
    _header("X-Total-Count", "How many there are in all", COUNT, [200]),
    _header("X-Total-Estimated", "`true` where there are more than X-Total-Count says", TRUE, [200]),
]


class WordSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # a library's
    """One word: a reference to its enumeration, so that generated clients have one type for it."""

    target_class = Word
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> Schema:
        """Return the schema of a word."""
        if direction == "request" and self.target.given:
            return {"type": "string", "enum": self.target.given}
        words, kind = self.target.told, type(self.target.told[0])
        schema = {"type": "string", "enum": [word.value for word in words], "description": kind.__doc__}
        return _component(auto_schema, kind.__name__, schema)


class NumberSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # a library's
    """A whole number with its width; its bounds come from its validators."""

    target_class = Number
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> Schema:
        """Return the schema of a number."""
        return {"type": "integer", "format": "int64" if self.target.max_value is None else "int32"}


class SecretSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # a library's
    """Text in a body, always null in an answer."""

    target_class = Secret

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> Schema:
        """Return the schema of a secret."""
        return {"type": "null" if direction == "response" else "string"}


class ConfigSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # a library's
    """The config of a step: one of those of all kinds, in a body one of those that users configure."""

    target_class = StepConfigField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        """Return a reference to the choice."""
        is_answer = direction == "response"
        kinds = CONFIGS if is_answer else FOR_USERS
        refs = [auto_schema.resolve_serializer(CONFIGS[kind](), direction).ref for kind in kinds]
        schema = {"anyOf": refs, "description": "The config of a step, by its stepType."}
        name = "StepConfig" if is_answer else "StepConfigAdd"
        return _component(auto_schema, name, schema)


def _component(auto_schema: AutoSchema, name: str, schema: Schema) -> Schema:
    """Return a reference to a model that is no serializer, and keep it."""
    component = ResolvedComponent(name, ResolvedComponent.SCHEMA, schema=schema, object=name)  # type: ignore[no-untyped-call]  # a library's
    auto_schema.registry.register_on_missing(component)
    return component.ref


class OperationSchema(AutoSchema):
    """Writes one operation in the dialect of its address."""

    @property
    def told(self) -> Documented:
        """Return what stands above the handler."""
        return cast(Documented, getattr(self.view, self.method.lower()).documented)

    @property
    def is_enveloped(self) -> bool:
        """Say whether the address speaks the enveloped dialect."""
        return self.path.startswith(f"{ENVELOPED}/")

    def get_operation(self, *args: Any) -> Schema:
        """Return the operation; an empty parameter is the same as none."""
        operation = super().get_operation(*args) or {}
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query" and not parameter.get("required"):
                parameter["allowEmptyValue"] = True
        return operation

    def get_tags(self) -> list[str]:
        """Return the view's tag."""
        return [getattr(self.view, "tag")]  # noqa: B009  each documented view has one

    def get_auth(self) -> list[Any]:
        """Return the two ways to sign in; their schemes stand in the settings."""
        return [{"bearer": []}, {"session": []}]

    def get_override_parameters(self) -> list[Any]:
        """Return the numbers of the path, the key of a write, and headers of answers."""
        names = [name for name in MEANINGS if f"{{{name}}}" in self.path]
        is_either = self.path.endswith("/run/{build_seq}")
        numbers = [
            OpenApiParameter(name, SEQ, OpenApiParameter.PATH, description=EITHER_SEQ if is_either else MEANINGS[name])
            for name in sorted(names, key=self.path.index)
        ]
        writes = [IDEMPOTENCY_KEY, REPLAYED] if self.method in ("POST", "PUT") else []
        own = [_header(name, meaning, statuses=[200, 206]) for name, meaning in self.told.headers.items()]
        return [*numbers, *writes, *HEADERS, *(PAGE_HEADERS if self.told.paged else []), *own]

    def get_examples(self) -> list[OpenApiExample]:
        """Return an example of the answer, made of those of its fields."""
        if self.told.media_type != JSON:
            return []
        answer = cast(Any, self.get_response_serializers())[200, JSON]
        example = self.told.example if isinstance(answer, dict) else example_of(getattr(answer, "child", answer))
        return [OpenApiExample(self.told.name, value=example, response_only=True)]

    def _get_serializer_name(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> str:  # noqa: FBT001, FBT002  the library's
        name: str = super()._get_serializer_name(serializer, direction, bypass_extensions)
        if direction != "request":
            return name
        return getattr(serializer, "body_name", "") or f"{name.removesuffix('Request')}Add"

    def _get_serializer_field_meta(self, field: Any, direction: Any) -> Schema:
        """Add the example, and in a body that null is the same as absent."""
        meta: Schema = super()._get_serializer_field_meta(field, direction)  # type: ignore[no-untyped-call]  # a library's
        if getattr(field, "example", None) is not None:
            meta["examples"] = [field.example]
        if isinstance(field, serializers.ListSerializer):
            limits = {"minItems": "min_length", "maxItems": "most"}
            meta |= {name: limit for name, one in limits.items() if (limit := getattr(field, one)) is not None}
        if direction == "request" and not field.required and isinstance(field.parent, Model):
            meta["nullable"] = True
        return meta

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Schema:
        """Say of an answer that every field is there."""
        schema: Schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]  # a library's
        if direction == "response":
            hidden = {name for name, one in schema["properties"].items() if one.get("writeOnly")}
            schema["required"] = [name for name in schema["properties"] if name not in hidden]
        return schema

    def _get_request_body(self, direction: Any = "request") -> Schema | None:
        """Say whether there has to be a body, whatever of it is required."""
        body: Schema | None = super()._get_request_body(direction)  # type: ignore[no-untyped-call]  # a library's
        return {**body, "required": self.told.body_required} if body else None

    def _get_response_bodies(self, direction: Any = "response") -> Schema:
        """Add the errors, in the enveloped dialect those whose status it keeps."""
        bodies: Schema = super()._get_response_bodies(direction)
        for status, meaning in self.told.statuses.items():
            bodies[str(status)]["description"] = meaning
        for status, codes in sorted(self._errors().items()):
            if not self.is_enveloped or status in KEPT_STATUSES:
                bodies[str(status)] = self._error(status, codes)
        return bodies

    def _errors(self) -> dict[int, list[ErrorCode]]:
        """Return the codes that the operation may answer, by status."""
        has_body = bool(self.get_request_serializer())
        of_numbers = [ErrorCode.NOT_FOUND] if has_body or "{" in self.path else []
        of_body = [ErrorCode.UNREADABLE, ErrorCode.MEDIA_TYPE_NOT_SUPPORTED] if has_body else []
        of_write = [ErrorCode.NOT_POSSIBLE] if self.method != "GET" else []
        found: dict[int, list[ErrorCode]] = {}
        for code in dict.fromkeys((*ALWAYS, *of_numbers, *of_body, *of_write, *self.told.errors)):
            found.setdefault(code.status, []).append(code)
        too_large = {413: [ErrorCode.UNREADABLE]} if has_body else {}
        no_range = {416: [ErrorCode.INVALID_PARAMETER]} if 206 in self.told.statuses else {}
        return found | too_large | no_range

    def _error(self, status: int, codes: Sequence[ErrorCode]) -> Schema:
        meaning = "; ".join(f"`{code}` {code.summary}" for code in codes)
        model, media_type = (ErrorEnvelope, JSON) if self.is_enveloped else (Problem, PROBLEM_JSON)
        answer = OpenApiResponse(model, description=meaning)
        body: Schema = super()._get_response_for_code(answer, str(status), [media_type])  # type: ignore[no-untyped-call]  # a library's
        if not self.is_enveloped:
            examples = {code.value: {"$ref": f"#/components/examples/{code}"} for code in codes}
            body["content"][PROBLEM_JSON]["examples"] = examples
        return body

    def _get_response_for_code(
        self, serializer: Any, status_code: str, media_types: Any = None, direction: Any = "response"
    ) -> Schema:
        """Return the answer in its dialect, with what can be called next."""
        model = self.told.enveloped if self.is_enveloped and self.told.enveloped else serializer
        body: Schema = super()._get_response_for_code(model, status_code, media_types, direction)  # type: ignore[no-untyped-call]  # a library's
        body["description"] = body["description"] or self.get_summary()
        if self.told.links:
            root = "$response.body#/result" if self.is_enveloped else "$response.body#"
            body["links"] = {
                name: {"operationId": name, "parameters": {parameter: root + pointer}}
                for name, (parameter, pointer) in self.told.links.items()
            }
        if JSON in body["content"] and self.told.may_be_null:
            body["content"][JSON]["schema"] = {"oneOf": [body["content"][JSON]["schema"], {"type": "null"}]}
        return self._in_envelope(body) if self.is_enveloped else body

    def _in_envelope(self, body: Schema) -> Schema:
        """Return what HTTP 200 carries under /api: the answer in its envelope, or most errors."""
        error = self.resolve_serializer(ErrorEnvelope(), "response").ref
        if JSON not in body["content"]:
            body["content"][JSON] = {"schema": error}
            return body
        media = body["content"][JSON]
        fields: Schema = {"code": {"const": "200"}, "status": {"const": "ok"}}
        if self.told.has_result:
            fields["result"] = media["schema"]
        success = {"type": "object", "properties": fields, "required": list(fields)}
        for example in media["examples"].values():
            result = {"result": example["value"]} if self.told.has_result else {}
            example["value"] = {"code": "200", "status": "ok", **result}
        media["schema"] = {"oneOf": [success, error]}
        return body


class Endpoints(EndpointEnumerator):
    """The routes, each under its address without the slash that may follow."""

    def get_path_from_regex(self, path_regex: str) -> str:
        """Return the address of a route."""
        return str(super().get_path_from_regex(path_regex)).rstrip("/")  # type: ignore[no-untyped-call]  # a library's


class Generator(SchemaGenerator):
    """drf-spectacular's generator over these routes."""

    endpoint_inspector_cls = Endpoints


@lru_cache(maxsize=len(PREFIXES))
def openapi_document(prefix: str) -> Schema:
    """Return the document of the dialect at `prefix`; made once."""
    from builds.api.urls import TAILS  # noqa: PLC0415  the views that it names are documented by this module

    generator = Generator(patterns=[path(f"{prefix[1:]}/", include(TAILS))])  # type: ignore[no-untyped-call]  # a library's
    document: Schema = generator.get_schema(public=True)  # type: ignore[no-untyped-call]  # a library's
    if prefix == PLAIN:
        problems = {code.value: Wrong(code.status, code, code.happened, request_id=SOME_ID) for code in ErrorCode}
        document["components"]["examples"] = {code: {"value": Problem.tell(wrong)} for code, wrong in problems.items()}
    return document
