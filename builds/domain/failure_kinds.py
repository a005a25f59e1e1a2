"""The catalogue of failures: stable id, whose problem it is, how the run ends, what people read."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from builds.domain.states import EndReason


class Whose(StrEnum):
    """Who can mend it."""

    DEFINITION = "definition"
    SOURCE = "source"
    REGISTRY = "registry"
    SERVER = "server"
    BUILDHUB = "buildhub"


@dataclass(frozen=True, slots=True)
class FailureKind:
    """A kind of failure; `message` and `remedy` may hold words in braces that a constructor of failures.py fills."""

    id: str
    whose: Whose
    end_reason: EndReason
    message: str
    remedy: str


BUILD_EXITED: Final = FailureKind(
    "build.exited", Whose.DEFINITION, EndReason.BUILD_FAILED, "", "Read the last lines of this step."
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
    "Check its name and tag in FROM; a private one needs a stored registry with a login.",
)
BASE_DENIED: Final = FailureKind(
    "build.base_denied",
    Whose.REGISTRY,
    EndReason.BUILD_FAILED,
    "The registry of the base image refused it",
    "Store this registry with a user and password that may pull the image in FROM.",
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
SESSION_MISSING: Final = FailureKind(
    "build.session_missing",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "The build asks for a secret or a login that it was not given",
    "Remove RUN --mount=type=secret or ssh, or store the registry of a private base image with its login.",
)
TARGET_MISSING: Final = FailureKind(
    "build.target_missing",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "The target is no stage of the Dockerfile",
    "Name a stage that FROM ... AS gives, or leave the target empty.",
)
ENGINE_DISK_FULL: Final = FailureKind(
    "engine.disk_full",
    Whose.SERVER,
    EndReason.SERVER_FAILED,
    "The disk of {server} is full.",
    "Let its administrator remove unused images and build cache, then press Build again.",
)
BUILD_DISK_FULL: Final = FailureKind(
    "build.disk_full",
    Whose.SERVER,
    EndReason.SERVER_FAILED,
    "The disk of the build server is full",
    "Let its administrator remove unused images and build cache, then press Build again.",
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
    "BuildHub builds with BuildKit of Docker Engine 20.10 or newer on Linux, with containerd's image store of 28 or"
    " newer: let the administrator start one and give the build server its address.",
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
REGISTRY_UNAUTHORIZED: Final = FailureKind(
    "registry.unauthorized",
    Whose.REGISTRY,
    EndReason.REGISTRY_FAILED,
    "{registry} asks for a login or does not accept the one it was given ({detail}).",
    "Check the user and password stored for this registry.",
)
REGISTRY_DENIED: Final = FailureKind(
    "registry.denied",
    Whose.REGISTRY,
    EndReason.REGISTRY_FAILED,
    "{registry} refused the push to {repository} ({detail}).",
    "Check that the user of this registry may push there.",
)
REGISTRY_UNREACHABLE: Final = FailureKind(
    "registry.unreachable",
    Whose.REGISTRY,
    EndReason.REGISTRY_FAILED,
    "{registry} does not answer the build server: {detail}.",
    "Check that it runs and can be reached from there; push again needs no new build.",
)
REGISTRY_UNKNOWN_HOST: Final = FailureKind(
    "registry.unknown_host",
    Whose.REGISTRY,
    EndReason.REGISTRY_FAILED,
    "The build server cannot resolve the name of {registry}: {detail}.",
    "Check the host of this registry and the name server of the build server.",
)
REGISTRY_CERTIFICATE: Final = FailureKind(
    "registry.certificate",
    Whose.REGISTRY,
    EndReason.REGISTRY_FAILED,
    "The build server does not trust the connection to {registry}: {detail}.",
    "Its administrator adds the registry's CA to the engine, or names it under insecure-registries for plain HTTP.",
)
REGISTRY_MANIFEST_LOST: Final = FailureKind(
    "registry.manifest_lost",
    Whose.REGISTRY,
    EndReason.REGISTRY_FAILED,
    "{registry} accepted {reference} and does not have it now.",
    "Look into the registry's storage and log; push again needs no new build.",
)
REGISTRY_FAILED: Final = FailureKind(
    "registry.failed",
    Whose.REGISTRY,
    EndReason.REGISTRY_FAILED,
    "{registry} did not take the image {repository}: {detail}.",
    "Look into the registry's log; push again needs no new build.",
)
REGISTRY_PULL_FAILED: Final = FailureKind(
    "registry.pull_failed",
    Whose.REGISTRY,
    EndReason.REGISTRY_FAILED,
    "{server} does not have the image any more, and could not fetch it from {registry}: {detail}.",
    "Check that the registry answers the build server and accepts the stored login; or press Build.",
)
IMAGE_GONE: Final = FailureKind(
    "image.gone",
    Whose.SERVER,
    EndReason.SERVER_FAILED,
    "The image of run {build_no} is nowhere any more: not on {server}, and not in its registry.",
    "Press Build: the image has to be built again.",
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
    kind.id: kind for kind in list(globals().values()) if isinstance(kind, FailureKind)
}
