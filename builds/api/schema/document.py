"""The document of each dialect: drf-spectacular walks the routes, the tables say what stands at each of them.

A route belongs to an operation when Django's resolver leads its address there, so that no view is named twice.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from django.urls import Resolver404, resolve
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from drf_spectacular.openapi import AutoSchema

from builds.api.schema.build_operations import BUILD_OPERATIONS
from builds.api.schema.errors import error_examples
from builds.api.schema.operations import Operation
from builds.api.schema.other_operations import CALLBACK_OPERATIONS, REGISTRY_OPERATIONS, SERVER_OPERATIONS
from builds.api.schema.run_operations import LOG_OPERATIONS, QUEUE_OPERATIONS, RUN_OPERATIONS
from builds.api.schema.writing import MODELS, write_operation

PLAIN: Final = "/v1"
ENVELOPED: Final = "/api"
PREFIXES: Final = (PLAIN, ENVELOPED)
OPERATIONS: Final[tuple[Operation, ...]] = (
    *BUILD_OPERATIONS, *RUN_OPERATIONS, *LOG_OPERATIONS, *QUEUE_OPERATIONS, *CALLBACK_OPERATIONS,
    *SERVER_OPERATIONS, *REGISTRY_OPERATIONS,
)  # fmt: skip
SECURITY_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token of /account/tokens"},
    "session": {
        "type": "apiKey", "in": "cookie", "name": "sessionid",
        "description": "The session of the pages; POST, PUT and DELETE need the header X-CSRFToken too",
    },
}  # fmt: skip


@lru_cache(maxsize=len(PREFIXES))
def openapi_document(prefix: str) -> dict[str, Any]:
    """Return the document of the dialect at `prefix`; made once."""
    document: dict[str, Any] = Generator(prefix).get_schema(public=True)  # type: ignore[no-untyped-call]  # a library's
    schemas = {name: MODELS[name] for name in MODELS if name in _used(document["paths"])}
    document["components"] = {"schemas": schemas, "securitySchemes": SECURITY_SCHEMES}
    if prefix == PLAIN:
        document["components"]["examples"] = error_examples()
    return document


def view_of(operation: Operation, prefix: str) -> Callable[..., Any] | None:
    """Return the view that answers `operation` at its address, None where there is none."""
    address = "/".join("1" if part.startswith("{") else part for part in operation.path.split("/"))
    try:
        found = resolve(prefix + address).func
    except Resolver404:
        return None
    return found if hasattr(getattr(found, "cls", None), operation.method.lower()) else None


class OperationSchema(AutoSchema):
    """Writes the operation that the tables have for an address and method."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any
    ) -> dict[str, Any] | None:
        """Return the operation object."""
        prefix = next(one for one in PREFIXES if path.startswith(f"{one}/"))
        operation = next(one for one in OPERATIONS if prefix + one.path == path and one.method == method)
        return write_operation(operation, enveloped=prefix == ENVELOPED)


class Generator(SchemaGenerator):
    """drf-spectacular's generator over the operations that the routes know."""

    def __init__(self, prefix: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # a library's
        views = [(operation, view_of(operation, prefix)) for operation in OPERATIONS]
        # path, its pattern, method, view
        self.endpoints: list[Any] = [(prefix + each.path, each.path, each.method, view) for each, view in views if view]
        self.inspector = EndpointEnumerator()

    def create_view(self, callback: Any, method: str, request: Any = None) -> Any:
        """Return the view with the schema of the tables."""
        view = super().create_view(callback, method, request)  # type: ignore[no-untyped-call]  # a library's
        self._set_schema_to_view(view, OperationSchema())  # type: ignore[no-untyped-call]  # a library's
        return view


def _used(part: Any) -> set[str]:
    """Return the names of all models that are referred to in `part`, through other models too."""
    found: set[str] = set()
    waiting = [part]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            name = str(item.get("$ref", "")).rpartition("/")[2]
            if name in MODELS and name not in found:
                found.add(name)
                waiting.append(MODELS[name])
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return found
