"""The kinds of failures on the way from a repository to the files of a build (`failure_kinds.py` has all of them)."""

from typing import Final

from builds.domain.failure_kind import FailureKind, Whose
from builds.domain.states import EndReason

SOURCE_LOGIN_MISSING: Final = FailureKind(
    "source.login_missing",
    Whose.DEFINITION,
    EndReason.SOURCE_FAILED,
    "{place} asks for a login, and the step has none ({detail}).",
    "Make the repository PRIVATE in the step, with user and password or token (or a private key with ssh).",
)
SOURCE_DENIED: Final = FailureKind(
    "source.denied",
    Whose.DEFINITION,
    EndReason.SOURCE_FAILED,
    "{place} does not accept the login of the step ({detail}).",
    "Check user and password, token or key: they may be wrong, expired, or without the right to read this repository.",
)
SOURCE_MISSING: Final = FailureKind(
    "source.missing",
    Whose.DEFINITION,
    EndReason.SOURCE_FAILED,
    "{place} has no such repository, or does not show it to this login ({detail}).",
    "Check the address; many servers say this of a private repository too, when the login is missing or wrong.",
)
SOURCE_REF_MISSING: Final = FailureKind(
    "source.ref_missing",
    Whose.DEFINITION,
    EndReason.SOURCE_FAILED,
    "{place} has no branch, tag or commit {ref}.",
    "{branches}",
)
SOURCE_EMPTY: Final = FailureKind(
    "source.empty",
    Whose.SOURCE,
    EndReason.SOURCE_FAILED,
    "{place} has no commit yet.",
    "Push a first commit, then press Build again.",
)
SOURCE_HOST_UNKNOWN: Final = FailureKind(
    "source.host_unknown",
    Whose.DEFINITION,
    EndReason.SOURCE_FAILED,
    "The host of {place} is not known: {detail}.",
    "Check the repository's address, and the name server of the worker.",
)
SOURCE_UNREACHABLE: Final = FailureKind(
    "source.unreachable",
    Whose.SOURCE,
    EndReason.SOURCE_FAILED,
    "{place} does not answer: {detail}.",
    "Check that the git server runs and that the worker's network reaches it, then press Build again.",
)
SOURCE_REFUSED: Final = FailureKind(
    "source.refused",
    Whose.DEFINITION,
    EndReason.SOURCE_FAILED,
    "BuildHub does not go to {place}: {detail}.",
    "Only https, http and ssh to public hosts, and to private ones that the operator has allowed, reach a repository.",
)
SOURCE_CERTIFICATE: Final = FailureKind(
    "source.certificate",
    Whose.SOURCE,
    EndReason.SOURCE_FAILED,
    "The certificate of {place} cannot be trusted: {detail}.",
    "Let the administrator of the git server renew it, or let the operator add its authority to the worker's system;"
    " httpSslVerifySkip takes any certificate, and with it the risk.",
)
SOURCE_HOST_KEY_CHANGED: Final = FailureKind(
    "source.host_key_changed",
    Whose.SOURCE,
    EndReason.SOURCE_FAILED,
    "The ssh key of {place} is not the one that is known: it was changed, or somebody stands between.",
    "Ask the administrator of the git server. If the key is new, give it in knownHosts of the step, or let an"
    " administrator of BuildHub remove the old one from its known hosts.",
)
SOURCE_HOST_KEY_UNKNOWN: Final = FailureKind(
    "source.host_key_unknown",
    Whose.DEFINITION,
    EndReason.SOURCE_FAILED,
    "The knownHosts of the step do not hold the ssh key of {place}.",
    "Add its line, as ssh-keyscan prints it, or empty knownHosts: BuildHub then keeps the first key that it sees.",
)
SOURCE_KEY_UNUSABLE: Final = FailureKind(
    "source.key_unusable", Whose.DEFINITION, EndReason.SOURCE_FAILED, "{detail}.", "Correct the privateKey of the step."
)
SOURCE_SUBMODULE: Final = FailureKind(
    "source.submodule",
    Whose.SOURCE,
    EndReason.SOURCE_FAILED,
    "A submodule of {place} could not be fetched: {detail}.",
    "The login of the step is used for its own host only: check the address in .gitmodules, or leave submodules out.",
)
SOURCE_LFS: Final = FailureKind(
    "source.lfs",
    Whose.SOURCE,
    EndReason.SOURCE_FAILED,
    "Files that {place} keeps in LFS could not be fetched: {detail}.",
    "Check that the LFS server has them and takes this login, or leave LFS out.",
)
SOURCE_TOO_LARGE: Final = FailureKind(
    "source.too_large",
    Whose.SOURCE,
    EndReason.SOURCE_FAILED,
    "The code of {place} takes {found} of the worker's disk, and {limit} are allowed.",
    "Make the repository smaller, or let the operator raise BUILDHUB_REPOSITORY_LIMIT_MB.",
)
SOURCE_FAILED: Final = FailureKind(
    "source.failed",
    Whose.SOURCE,
    EndReason.SOURCE_FAILED,
    "The code of {place} could not be fetched: {detail}.",
    "Read the lines of this step.",
)
CONTEXT_REFUSED: Final = FailureKind(
    "source.context_refused",
    Whose.SOURCE,
    EndReason.SOURCE_FAILED,
    "The uploaded context {number} cannot be used: {detail}.",
    "Then upload it again.",
)
CONTEXT_LOST: Final = FailureKind(
    "source.context_lost",
    Whose.SOURCE,
    EndReason.SOURCE_FAILED,
    "The uploaded context {number} is not stored as it was received: there are {found} of {expected}.",
    "Upload it again, then press Build.",
)
WORKER_DISK_FULL: Final = FailureKind(
    "worker.disk_full",
    Whose.BUILDHUB,
    EndReason.SOURCE_FAILED,
    "The disk of BuildHub's worker is full.",
    "Let the operator make room in BuildHub's data directory, then press Build again.",
)
DOCKERFILE_MISSING: Final = FailureKind(
    "source.dockerfile_missing",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "There is no Dockerfile {path} in the workspace.",
    "{found} Correct its path in the build, or bring the file with the code or the upload.",
)
CONTEXT_MISSING: Final = FailureKind(
    "source.context_missing",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "There is no folder {path} in the workspace to build from.",
    "{found} Correct its path in the build, or bring the folder with the code or the upload.",
)
PATH_LEAVES: Final = FailureKind(
    "source.path_leaves",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "{path} leads out of the workspace.",
    "Name a file or folder of the repository itself: a symbolic link may lead within it only.",
)
CONTEXT_TOO_LARGE: Final = FailureKind(
    "source.context_too_large",
    Whose.DEFINITION,
    EndReason.BUILD_FAILED,
    "The build context has {found}, and {limit} are allowed; nothing was sent. The largest: {largest}.",
    "Leave out by .dockerignore what the build does not need, name a smaller contextPath, or let the operator raise"
    " BUILDHUB_CONTEXT_LIMIT_MB.",
)
CONTEXT_UNREADABLE: Final = FailureKind(
    "source.context_unreadable",
    Whose.SOURCE,
    EndReason.BUILD_FAILED,
    "The build context cannot be sent: {detail}",
    "Look at this file in the repository, then press Build again.",
)
