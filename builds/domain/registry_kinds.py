"""The kinds of failures of the registry that a build pushes to (`failure_kinds.py` has all of them)."""

from typing import Final

from builds.domain.failure_kind import FailureKind, Whose
from builds.domain.states import EndReason

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
REGISTRY_TAG_FIXED: Final = FailureKind(
    "registry.tag_fixed",
    Whose.DEFINITION,
    EndReason.REGISTRY_FAILED,
    "{registry} has a rule that a tag of {repository} is never given to another image: {detail}.",
    "Give another tag, or let the registry's administrator lift the rule for it.",
)
REGISTRY_QUOTA: Final = FailureKind(
    "registry.quota",
    Whose.REGISTRY,
    EndReason.REGISTRY_FAILED,
    "{registry} has no room left for {repository}: {detail}.",
    "Remove images there, or let its administrator raise the quota; push again needs no new build.",
)
REGISTRY_TOO_LARGE: Final = FailureKind(
    "registry.too_large",
    Whose.REGISTRY,
    EndReason.REGISTRY_FAILED,
    "A layer of {repository} is larger than {registry}, or a proxy before it, takes at once: {detail}.",
    "Let its administrator raise the limit of request bodies; push again needs no new build.",
)
REGISTRY_NAME: Final = FailureKind(
    "registry.name",
    Whose.REGISTRY,
    EndReason.REGISTRY_FAILED,
    "{registry} takes no repository {repository}: {detail}.",
    "Check the image name and the prefix of the registry; some registries want the project to be made there first.",
)
REGISTRY_READ_ONLY: Final = FailureKind(
    "registry.read_only",
    Whose.REGISTRY,
    EndReason.REGISTRY_FAILED,
    "{registry} takes no pushes at all now: {detail}.",
    "Let its administrator end the read-only mode; push again needs no new build.",
)
REGISTRY_BUSY: Final = FailureKind(
    "registry.busy",
    Whose.REGISTRY,
    EndReason.REGISTRY_FAILED,
    "{registry} gets too many requests: {detail}.",
    "Wait a little; push again needs no new build.",
)
REGISTRY_REFUSED: Final = FailureKind(
    "registry.refused",
    Whose.REGISTRY,
    EndReason.REGISTRY_FAILED,
    "{registry} refused the image {repository}: {detail}.",
    "The same push would be refused again: look into the registry's log; where no tag is given twice, give another.",
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
