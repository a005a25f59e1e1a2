"""How bodies are read: JSON strictly, and forms of parts."""

import os
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, DataAndFiles, MultiPartParser

from builds.api.requests import UPLOAD, Unreadable
from builds.domain.strict_json import NotStrict, read_object


class StrictJSONParser(BaseParser):
    """Reads one JSON object."""

    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        """Return the object; raises `Unreadable` with what is wrong and where."""
        try:
            return read_object(stream.read())
        except NotStrict as error:
            raise Unreadable(f"The body {error}") from error


class FormParser(MultiPartParser):
    """Reads texts and a file, whatever length was announced."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the texts and the files; raises `Unreadable`."""
        request = parser_context["request"]
        request.META["CONTENT_LENGTH"] = str(_length(stream))  # Django's parser reads as much
        try:
            return super().parse(stream, media_type, parser_context)
        except ParseError as error:
            raise Unreadable(f"The body is no multipart/form-data: {str(error.detail).rstrip('.')}.") from error


class WholeBodyParser(BaseParser):
    """Takes a body of any type as the file that a form would hold; the form's parser stands before it."""

    media_type = "*/*"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the body as a file, without reading it."""
        file = UploadedFile(stream, UPLOAD, size=_length(stream))
        return DataAndFiles(QueryDict(), MultiValueDict({UPLOAD: [file]}))


def _length(stream: IO[Any]) -> int:
    """Return how many bytes there are, and go back to the first."""
    length = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    return length
