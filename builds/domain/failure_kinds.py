"""The catalogue of failures: stable id, whose problem it is, how the run ends, what people read."""

from collections.abc import Mapping
from typing import Final

from builds.domain import registry_kinds, remote_kinds, source_kinds, task_kinds
from builds.domain.failure_kind import FailureKind, Whose
from builds.domain.states import EndReason

BUILD_EXITED: Final = FailureKind(
    "build.exited", Whose.DEFINITION, EndReason.BUILD_FAILED, "", "Read the last lines of this step."
)
COMMAND_MISSING: Final = FailureKind(
    "build.command_missing",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "",
    "Install it in an earlier instruction, or take a base image that has it.",
)
BUILD_OUT_OF_MEMORY: Final = FailureKind(
    "build.out_of_memory",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "",
    "Let this instruction use less memory (fewer parallel jobs), or give the build server more.",
)
BUILD_FAILED: Final = FailureKind(
    "build.failed",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "The engine could not build the image",
    "Read the last lines of the log and correct the Dockerfile.",
)
DOCKERFILE_INVALID: Final = FailureKind(
    "build.dockerfile_invalid",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "The Dockerfile cannot be read",
    "Correct the Dockerfile.",
)
FILE_MISSING: Final = FailureKind(
    "build.file_missing",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "A file that the Dockerfile copies is not there",
    "Check the path, relative to the build context, and .dockerignore.",
)
BASE_NOT_FOUND: Final = FailureKind(
    "build.base_not_found",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "The base image does not exist or may not be pulled",
    "Check its name and tag in FROM; for a private one, store a registry of its host with a login.",
)
BASE_DENIED: Final = FailureKind(
    "build.base_denied",
    Whose.REGISTRY,
    EndReason.BUILD_FAILED,
    "The registry of the base image does not accept the login that is stored for it, or does not show it the image",
    "Let an admin of the account test the registry's login, and see whether it may pull this image.",
)
BASE_LOGIN_MISSING: Final = FailureKind(
    "build.base_login_missing",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "The registry of the base image asks for a login, and this account has none for it",
    "Let an admin of the account store a registry of this host with its login, then press Build again.",
)
BASE_LIMIT: Final = FailureKind(
    "build.base_limit",
    Whose.REGISTRY,
    EndReason.BUILD_FAILED,
    "The registry of an image that the build needs limits pulls",
    "Wait, or let the build server's administrator load the image there.",
)
PLATFORM_MISSING: Final = FailureKind(
    "build.platform_missing",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "An image that the build needs is not there for this platform",
    "Choose another platform, or a base image that is made for it.",
)
BASE_UNREACHABLE: Final = FailureKind(
    "build.base_unreachable",
    Whose.REGISTRY,
    EndReason.BUILD_FAILED,
    "The registry of an image that the build needs does not answer the build server",
    "Check the host in FROM (or in # syntax=), and the network and name server of the build server.",
)
HOST_UNREACHABLE: Final = FailureKind(
    "build.host_unreachable",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "The build server cannot reach an address that the build needs",
    "Check the address in the Dockerfile, and the network and name server of the build server.",
)
HERE_DOCUMENT_UNKNOWN: Final = FailureKind(
    "build.here_document",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "This engine knows no here-documents (<<)",
    "Begin the Dockerfile with a line such as `# syntax=docker/dockerfile:1`, write the instruction without a"
    " here-document, or give the build server Docker Engine 23 or newer.",
)
FRONTEND_MISSING: Final = FailureKind(
    "build.frontend_missing",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "The image that `# syntax=` names does not exist or may not be pulled",
    "Check its name and tag, or remove the line: the engine's own frontend is used then.",
)
NOT_ALLOWED: Final = FailureKind(
    "build.not_allowed",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "The instruction asks for a right that the build server does not give",
    "Leave out --network=host or --security=insecure.",
)
USER_MISSING: Final = FailureKind(
    "build.user_missing",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "A user or group that the Dockerfile names is not in the image",
    "Make it before with RUN (adduser, useradd), or name it by its number.",
)
ADDRESS_REFUSED: Final = FailureKind(
    "build.address_refused",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "An address that the Dockerfile adds does not give the file",
    "Open the address by hand: it has moved, or asks for a login.",
)
SESSION_MISSING: Final = FailureKind(
    "build.session_missing",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "The build asks for a secret or a key that it was not given",
    "Give it in the image step: a secret under the same id, or the SSH key, whose id is default.",
)
TARGET_MISSING: Final = FailureKind(
    "build.target_missing",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "The target is no stage of the Dockerfile",
    "Name a stage that FROM ... AS gives, or leave the target empty.",
)
BUILD_DISK_FULL: Final = FailureKind(
    "build.disk_full",
    Whose.SERVER,
    EndReason.SERVER_FAILED,
    "The disk of the build server is full",
    "Let its administrator remove unused images and build cache, then press Build again.",
)
ENGINE_NETWORK: Final = FailureKind(
    "engine.network",
    Whose.SERVER,
    EndReason.SERVER_FAILED,
    "The engine could not give the instruction a network",
    "Let the administrator of the build server look at its bridge and packet filter (a restart of the engine makes them"
    " anew), then press Build again.",
)
ENGINE_MEMORY: Final = FailureKind(
    "engine.memory",
    Whose.SERVER,
    EndReason.SERVER_FAILED,
    "The build server has no memory left",
    "Let its administrator run fewer builds at once or give it more memory, then press Build again.",
)
ENGINE_RUNTIME: Final = FailureKind(
    "engine.runtime",
    Whose.SERVER,
    EndReason.SERVER_FAILED,
    "The engine could not run the instruction",
    "Nothing of the instruction has run: let the administrator of the build server look into the engine's log.",
)
ENGINE_STORAGE: Final = FailureKind(
    "engine.storage",
    Whose.SERVER,
    EndReason.SERVER_FAILED,
    "The engine could not read or write its own storage",
    "Let the administrator of the build server look at its disk and into the engine's log, then press Build again.",
)
ENGINE_STOPPED_BUILD: Final = FailureKind(
    "engine.stopped_build",
    Whose.SERVER,
    EndReason.SERVER_FAILED,
    "The engine stopped the build without being asked to",
    "Check whether the engine was restarted, then press Build again.",
)
ENGINE_UNREACHABLE: Final = FailureKind(
    "engine.unreachable",
    Whose.SERVER,
    EndReason.SERVER_FAILED,
    "The engine of {server} does not answer: {detail}.",
    "Check that it runs and can be reached from the worker, then press Build again.",
)
ENGINE_UNSUPPORTED: Final = FailureKind(
    "engine.unsupported",
    Whose.SERVER,
    EndReason.SERVER_FAILED,
    "{server} is no build server that BuildHub can use: {found} answers there.",
    "BuildHub builds with BuildKit of Docker Engine 20.10 or newer on Linux: let the administrator start one and give"
    " the build server its address.",
)
ENGINE_CONNECTION_LOST: Final = FailureKind(
    "engine.connection_lost",
    Whose.SERVER,
    EndReason.SERVER_FAILED,
    "The connection to the engine of {server} was lost: {detail}.",
    "The engine ends a build whose connection is gone; press Build again.",
)
ENGINE_REFUSED: Final = FailureKind(
    "engine.refused",
    Whose.SERVER,
    EndReason.SERVER_FAILED,
    "The engine of {server} refused: {detail}.",
    "Look into its log; if the sentence names a field of the build, correct it there.",
)
ENGINE_STALLED: Final = FailureKind(
    "engine.stalled",
    Whose.SERVER,
    EndReason.SERVER_FAILED,
    "The engine of {server} stopped telling how the build goes, in each of {attempts}: its BuildKit fell into an"
    " endless loop, as Docker before 23 does when an instruction prints more than 1 MiB at once.",
    "Let the instruction print less at once (into a file, say), or give the build server a newer Docker Engine.",
)
CONTAINER_LOST: Final = FailureKind(
    "engine.container_lost",
    Whose.SERVER,
    EndReason.SERVER_FAILED,
    "A container of this run was stopped or removed on {server}, and not by BuildHub: {detail}.",
    "Keep jobs that clean the server away from what has the label buildhub.run, then press Build again.",
)
TOOLS_MISSING: Final = FailureKind(
    "worker.tools_missing",
    Whose.BUILDHUB,
    EndReason.SERVER_FAILED,
    "The worker has no static busybox, with which it makes the workspace on the build server: {detail}.",
    "Install Debian's busybox-static on the worker host, then press Build again.",
)
IMAGE_GONE: Final = FailureKind(
    "image.gone",
    Whose.SERVER,
    EndReason.SERVER_FAILED,
    "The image of run {build_no} is nowhere any more: not on {server}, and not in its registry.",
    "Press Build: the image has to be built again.",
)
IMAGE_TAKEN: Final = FailureKind(
    "image.taken",
    Whose.SERVER,
    EndReason.SERVER_FAILED,
    "The engine of the build server does not have the image any more that it was to push: {detail}.",
    "Look who removes images there while builds run, then press Build again.",
)
WORKER_LOST: Final = FailureKind(
    "worker.lost",
    Whose.BUILDHUB,
    EndReason.WORKER_LOST,
    "The worker of this run was lost, and {attempts} did not bring it to its end.",
    "Look into the worker's log and memory, then press Build again.",
)
TIME_LIMIT: Final = FailureKind(
    "run.time_limit",
    Whose.DEFINITION,
    EndReason.TIME_LIMIT,
    "The run took longer than its limit of {seconds} seconds and was stopped.",
    "Make the build shorter, or raise the time limit of the build.",
)
QUEUE_LIMIT: Final = FailureKind(
    "run.queue_limit",
    Whose.SERVER,
    EndReason.QUEUE_LIMIT,
    "The run waited longer than its limit of {seconds} seconds and was never started.",
    "See on the queue page what holds its build server, then press Build again.",
)
CANCELLED: Final = FailureKind(
    "run.cancelled",
    Whose.BUILDHUB,
    EndReason.CANCELLED,
    "The run was cancelled{by}, and nothing of it is left on the build server.",
    "Press Build to run it again.",
)
NOT_CONFIRMED: Final = FailureKind(
    "cancel.not_confirmed",
    Whose.SERVER,
    EndReason.NOT_CONFIRMED,
    "It could not be confirmed that {server} stopped the run: {detail}.",
    "Check that the engine of this server answers, then cancel again.",
)
DEFINITION_INVALID: Final = FailureKind(
    "definition.invalid",
    Whose.DEFINITION,
    EndReason.DEFINITION_INVALID,
    "The definition of this run cannot be executed: {detail}.",
    "Edit the build and press Build again.",
)
INTERNAL: Final = FailureKind(
    "buildhub.internal",
    Whose.BUILDHUB,
    EndReason.INTERNAL,
    "BuildHub failed in this run ({reference}).",
    "Press Build again; if it repeats, give this reference to the operator, who finds it in BuildHub's log.",
)

KINDS: Final[Mapping[str, FailureKind]] = {
    kind.id: kind
    for kind in [
        *globals().values(),
        *(one for module in (registry_kinds, remote_kinds, source_kinds) for one in vars(module).values()),
        *task_kinds.KINDS,
    ]
    if isinstance(kind, FailureKind)
}
