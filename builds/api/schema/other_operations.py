"""The operations on callbacks, build servers and registries."""

from typing import Final

from builds.api.schema.operations import LIMIT, Body, Operation, query
from builds.api.schema.words import items, null, number, ref
from builds.domain.error_codes import ErrorCode

CALLBACKS: Final = "Callbacks"
SERVERS: Final = "Build servers"
REGISTRIES: Final = "Registries"
STORE_ERRORS: Final = (
    ErrorCode.UNREADABLE,
    ErrorCode.MEDIA_TYPE_NOT_SUPPORTED,
    ErrorCode.NOT_POSSIBLE,
    ErrorCode.NOT_FOUND,
)
NEW_SERVER: Final = {"buildServerName": "arm", "buildServerHost": "topic:arm", "capacity": 2}
NEW_REGISTRY: Final = {"registryName": "release", "registryUrl": "registry.internal:5000", "plainHttp": True}

CALLBACK_OPERATIONS: Final = (
    Operation(
        "GET", "/build/run/{buildRunSeq}/callbacks", "listCallbacks", "List the callbacks of a run", CALLBACKS,
        items(ref("Delivery")), "In order, each with its attempts.", errors=(ErrorCode.NOT_FOUND,),
    ),
    Operation(
        "POST", "/build/run/{buildRunSeq}/callbacks/{number}/resend", "resendCallback", "Send a callback again",
        CALLBACKS, ref("Delivery"), errors=(ErrorCode.NOT_FOUND, ErrorCode.NOT_POSSIBLE),
    ),
)  # fmt: skip

SERVER_OPERATIONS: Final = (
    Operation(
        "GET", "/build/server", "listServers", "List build servers", SERVERS, items(ref("BuildServer")),
        parameters=(LIMIT, query("after", number(least=1), "The last buildServerSeq of the page before")), paged=True,
    ),
    Operation(
        "POST", "/build/server", "createServer", "Register a build server", SERVERS, ref("BuildServer"),
        body=Body("BuildServerAdd", NEW_SERVER), errors=STORE_ERRORS,
    ),
    Operation(
        "GET", "/build/server/{buildServerSeq}", "getServer", "Get a build server", SERVERS, ref("BuildServer"),
        errors=(ErrorCode.NOT_FOUND, ErrorCode.SERVER_NOT_FOUND),
    ),
    Operation(
        "PUT", "/build/server/{buildServerSeq}", "editServer", "Change a build server", SERVERS, ref("BuildServer"),
        body=Body("BuildServerAdd", {"capacity": 4}), errors=(*STORE_ERRORS, ErrorCode.SERVER_NOT_FOUND),
    ),
    Operation(
        "DELETE", "/build/server/{buildServerSeq}", "removeServer", "Remove a build server", SERVERS, null(),
        errors=(ErrorCode.NOT_FOUND, ErrorCode.NOT_POSSIBLE, ErrorCode.SERVER_NOT_FOUND),
    ),
    Operation(
        "POST", "/build/server/{buildServerSeq}/test", "testServer", "Ask a build server who it is", SERVERS,
        ref("ServerTest"), "Answers `ok` false with the reason where it does not answer.",
        errors=(ErrorCode.NOT_FOUND, ErrorCode.SERVER_NOT_FOUND),
    ),
)  # fmt: skip

REGISTRY_OPERATIONS: Final = (
    Operation(
        "GET", "/build/registry", "listRegistries", "List registries", REGISTRIES, items(ref("Registry")),
        parameters=(LIMIT, query("after", number(least=1), "The last externalRegistrySeq of the page before")),
        paged=True,
    ),
    Operation(
        "POST", "/build/registry", "createRegistry", "Register a registry", REGISTRIES, ref("Registry"),
        body=Body("RegistryAdd", NEW_REGISTRY), errors=STORE_ERRORS,
    ),
    Operation(
        "GET", "/build/registry/{externalRegistrySeq}", "getRegistry", "Get a registry", REGISTRIES, ref("Registry"),
        errors=(ErrorCode.NOT_FOUND, ErrorCode.REGISTRY_NOT_FOUND),
    ),
    Operation(
        "PUT", "/build/registry/{externalRegistrySeq}", "editRegistry", "Change a registry", REGISTRIES,
        ref("Registry"), body=Body("RegistryAdd", {"useYn": "Y"}), errors=(*STORE_ERRORS, ErrorCode.REGISTRY_NOT_FOUND),
    ),
    Operation(
        "DELETE", "/build/registry/{externalRegistrySeq}", "removeRegistry", "Remove a registry", REGISTRIES, null(),
        errors=(ErrorCode.NOT_FOUND, ErrorCode.NOT_POSSIBLE, ErrorCode.REGISTRY_NOT_FOUND),
    ),
    Operation(
        "POST", "/build/registry/{externalRegistrySeq}/test", "testRegistry", "Ask a registry whether it answers",
        REGISTRIES, ref("RegistryTest"), "Answers `ok` false with the reason where it does not answer.",
        errors=(ErrorCode.NOT_FOUND, ErrorCode.REGISTRY_NOT_FOUND),
    ),
)  # fmt: skip
