"""The error codes of the API: status and title of each, what happened, and what to do about it.

The one table of them: answers, the pages that `type` leads to and the OpenAPI document read it.
"""

from enum import StrEnum
from typing import Self


class ErrorCode(StrEnum):
    """A stable code; its text is what answers carry."""

    status: int  # of HTTP
    summary: str  # title of a problem
    happened: str
    remedy: str

    def __new__(cls, code: str, status: int, summary: str, happened: str, remedy: str) -> Self:
        """Make a member of a row of the table."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.status, member.summary, member.happened, member.remedy = status, summary, happened, remedy
        return member

    INVALID_PARAMETER = (
        "CCCM1004000",
        400,
        "Invalid parameter",
        "One or more fields of the body, the query or the headers hold a value that is not allowed.",
        "Read errors in the answer: it names every such field with a sentence. Correct them all and send it again.",
    )
    NOT_POSSIBLE = (
        "CCCM1007000",
        409,
        "The state does not allow it",
        (
            "What was asked does not fit the present state: another run is under way, a run has ended already, or the "
            "Idempotency-Key was used for another request."
        ),
        (
            "Read detail for the reason. possibleActions of a run or build lists what is possible now; a new request "
            "needs a new Idempotency-Key."
        ),
    )
    TOO_MANY_REQUESTS = (
        "CCCM1008000",
        429,
        "Too many requests",
        (
            "The token has used up its requests of this minute, too many wrong tokens came from your address, or too "
            "many runs wait already."
        ),
        "Wait as many seconds as the header Retry-After says, then send it again; or ask for a higher limit.",
    )
    NOT_SIGNED_IN = (
        "CCCM1009000",
        401,
        "Not signed in",
        "The request carries neither a session nor a token that is known, live and complete.",
        (
            "Send Authorization: Bearer <token>. A token that expired or was revoked stays refused: issue another one "
            "under Account, API tokens."
        ),
    )
    SERVER_NOT_FOUND = (
        "CCCM1013000",
        404,
        "Build server not found",
        "buildServerHost names a build server that is unknown, switched off, or not granted to this account.",
        "Leave buildServerHost empty for the default server, or ask an administrator which servers there are.",
    )
    NO_RIGHT = (
        "CCCM1044000",
        403,
        "No right",
        (
            "The role, the scopes or the builds of the token, the address it was used from, or a missing CSRF token do "
            "not allow this."
        ),
        "Read detail: it names what is missing. Ask an account admin for the role, or issue a token with the scope.",
    )
    NOT_FOUND = (
        "CCCM1048000",
        404,
        "Not found",
        "There is nothing with this number, or it belongs to an account that the caller may not see.",
        "Check the number, and that the token was issued for the right account.",
    )
    IMAGE_NAME_TAKEN = (
        "CCBD1003000",
        409,
        "Image name taken",
        "Another build of this account makes an image of this name.",
        "Choose another imageName, or edit that build instead.",
    )
    TAG_TAKEN = (
        "CCBD1004000",
        409,
        "Tag taken",
        "The tag belongs to another run of this build that waits, runs or is done.",
        "Choose another tagName, use the automatic tag, or remove the other run first.",
    )
    NOT_ONE_IMAGE_STEP = (
        "CCBD1011000",
        400,
        "Not exactly one image step",
        "A build needs exactly one CREATE_IMAGE step that is in use; this one has none or several.",
        "Set useFlag of all CREATE_IMAGE steps but one to false, or add the missing step.",
    )
    BUILD_LIMIT = (
        "CCBD1012000",
        409,
        "Build count limit",
        "The account has as many builds as it may have.",
        "Remove a build that is not needed, or ask an administrator for a higher limit.",
    )
    PARALLEL_LIMIT = (
        "CCBD1013000",
        409,
        "Parallel limit",
        "As many builds of the account run as may run at the same time, and the account refuses more.",
        "Press again when one of them has ended, or ask an administrator for a higher limit.",
    )
    RUN_IS_ACTIVE = (
        "CCBD1014000",
        409,
        "The run is active",
        "The run waits or runs, so it cannot be removed.",
        "Cancel it, or wait for its end, then remove it.",
    )
    NO_ZIP = (
        "CCBD1018000",
        400,
        "Import file missing or no zip",
        "The upload has no part dataFile, or that file is no zip.",
        "Send multipart/form-data with the exported zip as dataFile.",
    )
    OTHER_VERSION = (
        "CCBD1019000",
        400,
        "Version not supported",
        "The file was exported by a version whose form is not known here.",
        "Export it again from an installation of this version, or update this installation.",
    )
    REGISTRY_NOT_FOUND = (
        "CCBD1020000",
        404,
        "Registry not found",
        "externalRegistrySeq names a registry that is unknown, switched off, or belongs to another account.",
        "Use 0 for the default registry, or a number that GET /v1/build/registry lists.",
    )
    EXPORT_FAILED = (
        "CCBD2016000",
        400,
        "Export failed",
        "The definition of this run could not be written into a zip.",
        "Try again; if it stays so, tell the operator the request id of the answer.",
    )
    IMPORT_FAILED = (
        "CCBD2017000",
        400,
        "Import failed",
        "The zip is readable, but what it holds is no exported build.",
        "Send a file just as the export has given it.",
    )
    UNREADABLE = (
        "CKSY1400000",
        400,
        "Unreadable request",
        "The address, the headers or the body cannot be read, or the body is too large.",
        "Send JSON (RFC 8259) in UTF-8 of at most 2 MiB with Content-Type: application/json.",
    )
    NO_ROUTE = (
        "CKSY1404000",
        404,
        "No such route",
        "There is nothing at this address of the API.",
        "Check the path against the API's documentation at /docs/api.",
    )
    METHOD_NOT_ALLOWED = (
        "CKSY1405000",
        405,
        "Method not allowed",
        "The address exists, but not for this method.",
        "Use one of the methods that the header Allow lists.",
    )
    NOT_ACCEPTABLE = (
        "CKSY1406000",
        406,
        "Not acceptable",
        "The header Accept asks for a form that this address does not answer.",
        "Send Accept: application/json, or leave the header out.",
    )
    MEDIA_TYPE_NOT_SUPPORTED = (
        "CKSY1415000",
        415,
        "Media type not supported",
        "The body's Content-Type is not read at this address.",
        "Send Content-Type: application/json (import: multipart/form-data).",
    )
    NO_ANSWER_BELOW = (
        "CCCM2020000",
        502,
        "Something below did not answer",
        "The database, a registry or a build server did not answer in time.",
        "Send it again after a few seconds, with the same Idempotency-Key if it writes.",
    )
    UNEXPECTED = (
        "CCCM2027000",
        500,
        "Unexpected error",
        "Something went wrong here that nobody foresaw; nothing of the request was done halfway.",
        "Tell the operator the request id of the answer: the log has the rest under it.",
    )
