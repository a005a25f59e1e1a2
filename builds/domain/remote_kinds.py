"""The kinds of failures of steps that talk to a server of somebody else (`failure_kinds.py` has all of them)."""

from typing import Final

from builds.domain.failure_kind import FailureKind, Whose
from builds.domain.states import EndReason

REMOTE_REFUSED: Final = FailureKind(
    "remote.refused",
    Whose.DEFINITION,
    EndReason.STEP_FAILED,
    "BuildHub does not go to {place}: {detail}.",
    "Only public hosts, and private ones that the operator has allowed, are reached by a step.",
)
REMOTE_HOST_UNKNOWN: Final = FailureKind(
    "remote.host_unknown",
    Whose.DEFINITION,
    EndReason.STEP_FAILED,
    "The host of {place} is not known: {detail}.",
    "Check the address of the step, and the name server of the worker.",
)
REMOTE_UNREACHABLE: Final = FailureKind(
    "remote.unreachable",
    Whose.REMOTE,
    EndReason.STEP_FAILED,
    "{place} does not answer: {detail}.",
    "Check that the server runs and that the worker's network reaches it, then press Build again.",
)
REMOTE_TIMED_OUT: Final = FailureKind(
    "remote.timed_out",
    Whose.REMOTE,
    EndReason.STEP_FAILED,
    "{place} did not answer in full within its timeout of {seconds} s.",
    "Check how long the server takes, or raise the timeout of the step.",
)
REMOTE_CERTIFICATE: Final = FailureKind(
    "remote.certificate",
    Whose.REMOTE,
    EndReason.STEP_FAILED,
    "The certificate of {place} cannot be trusted: {detail}.",
    "Let the administrator of that server renew it, or let the operator add its authority to the worker's system."
    " ignoreSslErrors takes any certificate: whoever stands between then reads and changes all that is sent, the login"
    " too.",
)
REMOTE_BROKEN_OFF: Final = FailureKind(
    "remote.broken_off",
    Whose.REMOTE,
    EndReason.STEP_FAILED,
    "The answer of {place} broke off: {detail}.",
    "Look into the log of that server, then press Build again.",
)
REMOTE_TOO_LARGE: Final = FailureKind(
    "remote.too_large",
    Whose.REMOTE,
    EndReason.STEP_FAILED,
    "The answer of {place} has more than {limit}, which are allowed.",
    "Ask for less, or let the operator raise BUILDHUB_CONTEXT_LIMIT_MB.",
)
REMOTE_TOO_MANY_REDIRECTS: Final = FailureKind(
    "remote.too_many_redirects",
    Whose.REMOTE,
    EndReason.STEP_FAILED,
    "{place} is the end of {count} redirects, and redirects again.",
    "Probably they lead in a circle: open the address by hand, and give the step the one where it ends.",
)
REMOTE_REDIRECT_REFUSED: Final = FailureKind(
    "remote.redirect_refused",
    Whose.REMOTE,
    EndReason.STEP_FAILED,
    "The redirect of {place} is not followed: {detail}.",
    "Give the step the address where it should end.",
)
REMOTE_STATUS: Final = FailureKind(
    "remote.status",
    Whose.REMOTE,
    EndReason.STEP_FAILED,
    "{place} answered {found}, and wanted is {wanted}{said}.",
    "Look why that server answers so, or correct validResponseCodes of the step.",
)
REMOTE_CONTENT: Final = FailureKind(
    "remote.content",
    Whose.REMOTE,
    EndReason.STEP_FAILED,
    "The answer of {place} does not contain what validResponseContent of the step asks for.",
    "consoleLogResponseBody prints the answer, so that one sees what came instead.",
)
REMOTE_PATH_LEAVES: Final = FailureKind(
    "remote.path_leaves",
    Whose.DEFINITION,
    EndReason.STEP_FAILED,
    "{place}, where the step was to write, leads out of the workspace.",
    "Name a place in it: a link that an earlier step has made may lead within it only.",
)
FTP_LOGIN_REFUSED: Final = FailureKind(
    "ftp.login_refused",
    Whose.DEFINITION,
    EndReason.STEP_FAILED,
    "{place} does not let {user} in: {detail}.",
    "Check username and password of the step.",
)
FTP_HOST_KEY_CHANGED: Final = FailureKind(
    "ftp.host_key_changed",
    Whose.REMOTE,
    EndReason.STEP_FAILED,
    "The ssh key of {place} is not the one that is known, but {detail}: it was changed, or somebody stands between.",
    "Ask the administrator of that server. If the key is new, let an administrator of BuildHub remove the old one from"
    " its known hosts.",
)
FTP_REQUEST_REFUSED: Final = FailureKind(
    "ftp.request_refused",
    Whose.REMOTE,
    EndReason.STEP_FAILED,
    "{place} does not {asked}: {detail}.",
    "Check remoteDirectory and sourceFiles of the step, and what this user may do on that server.",
)
FTP_NO_FILES: Final = FailureKind(
    "ftp.no_files",
    Whose.DEFINITION,
    EndReason.STEP_FAILED,
    "There is nothing to transfer: {detail}.",
    "Look what is there, and correct sourceFiles of the step: * stays within a folder, ** goes across folders.",
)
FTP_SAME_NAME: Final = FailureKind(
    "ftp.same_name",
    Whose.DEFINITION,
    EndReason.STEP_FAILED,
    "{detail} would get the same name at {place}.",
    "Give a pattern that begins in a folder above both, so that their folders are kept.",
)
FTP_SILENT: Final = FailureKind(
    "ftp.silent",
    Whose.REMOTE,
    EndReason.STEP_FAILED,
    "{place} has said nothing for {seconds} seconds; it was asked to {asked}.",
    "Check that server and the network between, then press Build again.",
)
FTP_BROKEN_OFF: Final = FailureKind(
    "ftp.broken_off",
    Whose.REMOTE,
    EndReason.STEP_FAILED,
    "The connection to {place} ended while it was asked to {asked}: {detail}.",
    "Look into the log of that server, then press Build again.",
)
FTP_NAME_REFUSED: Final = FailureKind(
    "ftp.name_refused",
    Whose.REMOTE,
    EndReason.STEP_FAILED,
    "{place} names a file {detail}, which the workspace does not take.",
    "Rename it there, or choose files without it: no name may hold /, .. or control characters, and all are UTF-8.",
)
FTP_TOO_LARGE: Final = FailureKind(
    "ftp.too_large",
    Whose.DEFINITION,
    EndReason.STEP_FAILED,
    "More is to be transferred with {place} than is allowed, which is {limit}.",
    "Choose fewer files, or let the operator raise BUILDHUB_CONTEXT_LIMIT_MB.",
)
