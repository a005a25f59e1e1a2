"""Definitions as files: export of a run's, import as a BuildAdd."""

from typing import Final

from django.http import HttpResponse
from django.http.multipartparser import MultiPartParserError
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from builds.api.bodies import read_body
from builds.api.documented import documented
from builds.api.errors import Unreadable
from builds.api.raw_body import read_raw
from builds.api.views import ApiView
from builds.contract.files import BuildFilled, BuildImport, ImportChanges, with_changes
from builds.contract.parameters import read_number
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import Invalid, Refused
from builds.services.builds.edit import may_create_in
from builds.services.builds.files import LARGEST_FILE, export_run, read_definition

ARCHIVE: Final = {"type": "string", "format": "binary", "contentMediaType": "application/zip"}
ENVELOPE_BYTES: Final = 64 * 1024  # what multipart adds to the file, with the other fields


class RunExportView(ApiView):
    """`/build/run/{buildRunSeq}/export`."""

    tag = "Runs"

    @documented(
        "exportRun",
        "Export a run's definition",
        ARCHIVE,
        media_type="application/zip",
        errors=[ErrorCode.EXPORT_FAILED],
        headers={"Content-Disposition": "Name of the file"},
    )
    def get(self, request: Request, build_run_seq: str) -> HttpResponse:
        """Return the definition of a run as a zip without secrets, for POST /build/import."""
        file = export_run(run_id=read_number("buildRunSeq", build_run_seq), caller=self.caller)
        headers = {"Content-Disposition": file.disposition, "X-Content-Type-Options": "nosniff"}
        return HttpResponse(file.content, content_type="application/zip", headers=headers)


class BuildImportView(ApiView):
    """`/build/import`."""

    tag = "Builds"

    @property
    def most_body_bytes(self) -> int:
        """Return how many bytes a body may have here: a file of the largest size and its fields."""
        return LARGEST_FILE + ENVELOPE_BYTES

    @documented(
        "importBuild",
        "Read an exported build",
        BuildFilled,
        body=BuildImport,
        body_type="multipart/form-data",
        errors=(ErrorCode.NO_ZIP, ErrorCode.OTHER_VERSION, ErrorCode.IMPORT_FAILED, ErrorCode.REGISTRY_NOT_FOUND),
    )
    def post(self, request: Request) -> HttpResponse:
        """Return the BuildAdd of an exported file, with the given fields in place of its own.

        Creates nothing: send the answer to POST /build.
        """
        texts, content = _read_form(request, self.most_body_bytes)
        changes, errors = read_body(ImportChanges, texts)
        if errors:
            raise Invalid(errors)
        may_create_in(self.caller, changes.get("account_seq"))
        if content is None:
            raise Refused("Give the exported zip as dataFile (multipart/form-data).", code=ErrorCode.NO_ZIP)
        return self.answer(with_changes(read_definition(content), changes))


def _read_form(request: Request, most: int) -> tuple[dict[str, str], bytes | None]:
    """Return the texts of a multipart body, and its file if it has one."""
    media_type = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type != "multipart/form-data":
        detail = f"{media_type or 'A body without a type'} is not read here; send multipart/form-data."
        raise UnsupportedMediaType(media_type, detail=detail)
    read_raw(request, most)
    try:
        texts, files = request._request.POST, request._request.FILES
    except MultiPartParserError as error:
        raise Unreadable(f"The body is no multipart/form-data: {error}.") from error
    file = files.get("dataFile")
    given = {name: str(text) for name, text in texts.items() if text}
    return given, None if file is None else file.read(LARGEST_FILE + 1)
