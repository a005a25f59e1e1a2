"""Definitions as files: export of a run's, import as a BuildAdd."""

from typing import Final

from django.http import HttpResponse

from builds.api.documented import documented
from builds.api.parsers import FormParser
from builds.api.requests import ENVELOPE_BYTES, ApiRequest
from builds.api.views.base import ApiView
from builds.contract.bodies import read_body
from builds.contract.files import BuildFilled, BuildImport, ImportChanges, with_changes
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import Invalid, Refused
from builds.services.builds.edit import may_create_in
from builds.services.builds.files import LARGEST_FILE, export_run, read_definition

ARCHIVE: Final = {"type": "string", "format": "binary", "contentMediaType": "application/zip"}


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
    def get(self, request: ApiRequest, build_run_seq: int) -> HttpResponse:
        """Return the definition of a run as a zip without secrets, for POST /build/import."""
        file = export_run(run_id=build_run_seq, caller=self.caller)
        headers = {"Content-Disposition": file.disposition, "X-Content-Type-Options": "nosniff"}
        return HttpResponse(file.content, content_type="application/zip", headers=headers)


class BuildImportView(ApiView):
    """`/build/import`."""

    tag = "Builds"
    parser_classes = [FormParser]

    most_body_bytes = LARGEST_FILE + ENVELOPE_BYTES

    @documented(
        "importBuild",
        "Read an exported build",
        BuildFilled,
        body=BuildImport,
        errors=(ErrorCode.NO_ZIP, ErrorCode.OTHER_VERSION, ErrorCode.IMPORT_FAILED, ErrorCode.REGISTRY_NOT_FOUND),
    )
    def post(self, request: ApiRequest) -> HttpResponse:
        """Return the BuildAdd of an exported file, with the given fields in place of its own.

        Creates nothing: send the answer to POST /build.
        """
        texts = {name: str(text) for name, text in request.POST.items() if text}
        changes, errors = read_body(ImportChanges, texts)
        if errors:
            raise Invalid(errors)
        may_create_in(self.caller, changes.get("account_seq"))
        file = request.FILES.get("dataFile")
        if file is None:
            raise Refused("Give the exported zip as dataFile (multipart/form-data).", code=ErrorCode.NO_ZIP)
        return self.answer(with_changes(read_definition(file.read(LARGEST_FILE + 1)), changes))
