"""Contexts by upload."""

from typing import Any, BinaryIO, Final, cast

from django.http import HttpResponse

from builds.api.documented import documented
from builds.api.parsers import FormParser, WholeBodyParser
from builds.api.requests import UploadRequest
from builds.api.views.base import ApiView
from builds.contract.contexts import Context, ContextUpload
from builds.services.builds.contexts import check_may_upload, store_context

BODIES: Final[dict[str, Any]] = {
    "multipart/form-data": ContextUpload,
    "application/octet-stream": {"type": "string", "format": "binary"},
}


class BuildContextView(ApiView):
    """`/build/{buildSeq}/context`."""

    tag = "Builds"
    parser_classes = [FormParser, WholeBodyParser]
    request_class = UploadRequest

    @documented("uploadContext", "Upload a build context", Context, body=BODIES)
    def post(self, request: UploadRequest, build_seq: int) -> HttpResponse:
        """Keep an archive (tar, tar.gz or zip) as the files that the next runs are built from.

        It is the part dataFile of a form, or the whole body under any other Content-Type. The next runs use it until
        another one comes; contextSeq of POST run uses it for one run. All or nothing is stored.
        """
        check_may_upload(build_id=build_seq, caller=self.caller)
        file = cast(BinaryIO, request.upload.file)
        context = store_context(build_id=build_seq, caller=self.caller, file=file)
        return self.answer(Context(context).data)
