"""What each error code means and what to do about it: status and title of problems, and what `type` leads to."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class ErrorHelp(NamedTuple):
    """A code's HTTP status, its short name, what happened, and what to do."""

    status: int
    title: str
    happened: str
    remedy: str


ERROR_HELP: Final[Mapping[str, ErrorHelp]] = {
    "CCCM1004000": ErrorHelp(
        400,
        "Invalid parameter",
        "One or more fields of the body, the query or the headers hold a value that is not allowed.",
        "Read errors in the answer: it names every such field with a sentence. Correct them all and send it again.",
    ),
    "CCCM1007000": ErrorHelp(
        409,
        "The state does not allow it",
        "What was asked does not fit the present state: another run is under way, a run has ended already, or the "
        "Idempotency-Key was used for another request.",
        "Read detail for the reason. possibleActions of a run or build lists what is possible now; a new request "
        "needs a new Idempotency-Key.",
    ),
    "CCCM1008000": ErrorHelp(
        429,
        "Too many requests",
        "The token has used up its requests of this minute, too many wrong tokens came from your address, or too many "
        "runs wait already.",
        "Wait as many seconds as the header Retry-After says, then send it again; or ask for a higher limit.",
    ),
    "CCCM1009000": ErrorHelp(
        401,
        "Not signed in",
        "The request carries neither a session nor a token that is known, live and complete.",
        "Send Authorization: Bearer <token>. A token that expired or was revoked stays refused: issue another one "
        "under Account, API tokens.",
    ),
    "CCCM1013000": ErrorHelp(
        404,
        "Build server not found",
        "buildServerHost names a build server that is unknown, switched off, or not granted to this account.",
        "Leave buildServerHost empty for the default server, or ask an administrator which servers there are.",
    ),
    "CCCM1044000": ErrorHelp(
        403,
        "No right",
        "The role, the scopes or the builds of the token, the address it was used from, or a missing CSRF token do "
        "not allow this.",
        "Read detail: it names what is missing. Ask an account admin for the role, or issue a token with the scope.",
    ),
    "CCCM1048000": ErrorHelp(
        404,
        "Not found",
        "There is nothing with this number, or it belongs to an account that the caller may not see.",
        "Check the number, and that the token was issued for the right account.",
    ),
    "CCBD1003000": ErrorHelp(
        409,
        "Image name taken",
        "Another build of this account makes an image of this name.",
        "Choose another imageName, or edit that build instead.",
    ),
    "CCBD1004000": ErrorHelp(
        409,
        "Tag taken",
        "The tag belongs to another run of this build that waits, runs or is done.",
        "Choose another tagName, use the automatic tag, or remove the other run first.",
    ),
    "CCBD1011000": ErrorHelp(
        400,
        "Not exactly one image step",
        "A build needs exactly one CREATE_IMAGE step that is in use; this one has none or several.",
        "Set useFlag of all CREATE_IMAGE steps but one to false, or add the missing step.",
    ),
    "CCBD1012000": ErrorHelp(
        409,
        "Build count limit",
        "The account has as many builds as it may have.",
        "Remove a build that is not needed, or ask an administrator for a higher limit.",
    ),
    "CCBD1013000": ErrorHelp(
        409,
        "Parallel limit",
        "As many builds of the account run as may run at the same time, and the account refuses more.",
        "Press again when one of them has ended, or ask an administrator for a higher limit.",
    ),
    "CCBD1014000": ErrorHelp(
        409,
        "The run is active",
        "The run waits or runs, so it cannot be removed.",
        "Cancel it, or wait for its end, then remove it.",
    ),
    "CCBD1018000": ErrorHelp(
        400,
        "Import file missing or no zip",
        "The upload has no part dataFile, or that file is no zip.",
        "Send multipart/form-data with the exported zip as dataFile.",
    ),
    "CCBD1019000": ErrorHelp(
        400,
        "Version not supported",
        "The file was exported by a version whose form is not known here.",
        "Export it again from an installation of this version, or update this installation.",
    ),
    "CCBD1020000": ErrorHelp(
        404,
        "Registry not found",
        "externalRegistrySeq names a registry that is unknown, switched off, or belongs to another account.",
        "Use 0 for the default registry, or a number that GET /v1/build/registry lists.",
    ),
    "CCBD2016000": ErrorHelp(
        400,
        "Export failed",
        "The definition of this run could not be written into a zip.",
        "Try again; if it stays so, tell the operator the request id of the answer.",
    ),
    "CCBD2017000": ErrorHelp(
        400,
        "Import failed",
        "The zip is readable, but what it holds is no exported build.",
        "Send a file just as the export has given it.",
    ),
    "CKSY1400000": ErrorHelp(
        400,
        "Unreadable request",
        "The address, the headers or the body cannot be read, or the body is too large.",
        "Send JSON (RFC 8259) in UTF-8 of at most 2 MiB with Content-Type: application/json.",
    ),
    "CKSY1404000": ErrorHelp(
        404,
        "No such route",
        "There is nothing at this address of the API.",
        "Check the path against the API's documentation at /docs/api.",
    ),
    "CKSY1405000": ErrorHelp(
        405,
        "Method not allowed",
        "The address exists, but not for this method.",
        "Use one of the methods that the header Allow lists.",
    ),
    "CKSY1406000": ErrorHelp(
        406,
        "Not acceptable",
        "The header Accept asks for a form that this address does not answer.",
        "Send Accept: application/json, or leave the header out.",
    ),
    "CKSY1415000": ErrorHelp(
        415,
        "Media type not supported",
        "The body's Content-Type is not read at this address.",
        "Send Content-Type: application/json (import: multipart/form-data).",
    ),
    "CCCM2020000": ErrorHelp(
        502,
        "Something below did not answer",
        "The database, a registry or a build server did not answer in time.",
        "Send it again after a few seconds, with the same Idempotency-Key if it writes.",
    ),
    "CCCM2027000": ErrorHelp(
        500,
        "Unexpected error",
        "Something went wrong here that nobody foresaw; nothing of the request was done halfway.",
        "Tell the operator the request id of the answer: the log has the rest under it.",
    ),
}
