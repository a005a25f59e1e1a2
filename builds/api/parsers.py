"""How bodies are read: JSON strictly, and forms of parts."""

from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, MultiPartParser

from builds.api.requests import Unreadable
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
        request.META["CONTENT_LENGTH"] = str(len(request.raw))  # Django's parser reads as much
        try:
            return super().parse(stream, media_type, parser_context)
        except ParseError as error:
            raise Unreadable(f"The body is no multipart/form-data: {str(error.detail).rstrip('.')}.") from error
