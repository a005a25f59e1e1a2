"""A request of the API: its body is read once and within a limit, whatever length the client has announced."""

import os
import re
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from builds.domain.errors import FieldError, Invalid
from builds.services.builds.contexts import too_large_sentence

if TYPE_CHECKING:
    from hashlib import _Hash

BOUNDARY: Final = re.compile(r"boundary=\"?([^\";]+)")
ENVELOPE_BYTES: Final = 64 * 1024  # what multipart adds to a file, with the other fields
UPLOAD: Final = "dataFile"
UPLOADS: Final = re.compile(r"/(?:v1/build|api/build|builds)/[0-9]+/context/?\Z")  # addresses of uploads of a context
MOST_BYTES: Final = 21 * 1024**2  # for all other addresses: an import has 20 MiB, in a form
NO_UPLOAD: Final = "Give the archive as dataFile of a form (multipart/form-data), or as the whole body."


class Unreadable(APIException):
    """A body that cannot be read; `status` 400 or 413. `field` is the part that is to blame, empty for the whole."""

    def __init__(self, sentence: str, *, status: int = 400, field: str = "") -> None:
        super().__init__(sentence)
        self.status_code = status
        self.field = field


class ApiRequest(Request):
    """DRF's own takes the announced length for true, and reads no body that announces none (chunked)."""

    @property
    def data(self) -> dict[str, Any]:
        """Return the object that the body is; raises `Unreadable` and 415."""
        return cast(dict[str, Any], super().data)

    @property
    def stream(self) -> BinaryIO:
        """Return the whole body, from its beginning; raises `Unreadable` (413)."""
        return BytesIO(self.raw)

    @property
    def raw(self) -> bytes:
        """Return the bytes of the body; raises `Unreadable` (413)."""
        plain: Any = self._request
        most = self.parser_context["view"].most_body_bytes
        if not hasattr(plain, "_body"):
            plain._body = plain.read(most + 1)  # what HttpRequest.body would leave
            plain._stream = BytesIO(plain._body)  # for Django, whose CSRF check parses forms
        if len(plain._body) > most:
            raise Unreadable(f"The body is larger than {most // 1024**2} MiB; shorten it.", status=413)
        return bytes(plain._body)

    def prepare_csrf_check(self) -> None:
        """Have the body read before Django's CSRF check parses it as a form."""
        self.raw  # noqa: B018

    def hash_body(self, digest: "_Hash") -> None:
        """Add the body to `digest`.

        The boundary of a form's parts is drawn anew each time that a client sends it, so it is left out.
        """
        raw = self.raw
        if match := BOUNDARY.search(self.META.get("CONTENT_TYPE", "")):
            raw = raw.replace(match[1].encode("latin-1", "replace"), b"")
        digest.update(raw)


class UploadRequest(ApiRequest):
    """A request whose body is an archive, or a form with one: read in pieces, so that memory never holds it."""

    @property
    def stream(self) -> BinaryIO:
        """Return the whole body as a seekable file, from its beginning; raises `Unreadable` (413)."""
        plain: Any = self._request
        most = most_upload_bytes()
        if not plain._stream.seekable():  # only where no ASGI server is between: that hands over a temporary file
            plain._stream = BytesIO(plain.read(most + 1))
        if plain._stream.seek(0, os.SEEK_END) > most:
            raise too_large()
        plain._stream.seek(0)
        return cast(BinaryIO, plain._stream)

    @property
    def upload(self) -> "UploadedFile[Any]":
        """Return the archive; raises `Unreadable` (413), and `Invalid` where there is none."""
        file = self.FILES.get(UPLOAD)
        if file is None:
            raise Invalid([FieldError(UPLOAD, NO_UPLOAD)])
        if (file.size or 0) > settings.CONTEXT_LIMIT_BYTES:
            raise too_large()
        return cast("UploadedFile[Any]", file)

    def prepare_csrf_check(self) -> None:
        """Keep Django's CSRF check from the body: the token of an upload stands in the header X-CSRFToken."""
        self._request.POST = QueryDict()

    def hash_body(self, digest: "_Hash") -> None:
        """Add the archive and its name to `digest`."""
        digest.update(f"{self.upload.name or ''}\n".encode("utf-8", "surrogateescape"))
        for piece in self.upload.chunks():
            digest.update(piece)


def most_upload_bytes() -> int:
    """Return how long the body of an upload may be, in a form."""
    return int(settings.CONTEXT_LIMIT_BYTES) + ENVELOPE_BYTES


def most_bytes(path: str) -> int:
    """Return how long a body may be that is sent to `path`; a view may take less, once it knows who sends it."""
    return most_upload_bytes() if UPLOADS.search(path) else MOST_BYTES


def too_large() -> Unreadable:
    """Return the refusal of an archive that is larger than may be uploaded."""
    return Unreadable(too_large_sentence(), status=413, field=UPLOAD)
