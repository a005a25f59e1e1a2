"""Which parser reads a body, and which renderer writes the answer."""

from collections.abc import Sequence
from typing import Any

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from builds.api.renderers import PlainRenderer, renderer_of


class AddressNegotiation(DefaultContentNegotiation):
    """Answers in the dialect of the address, whatever Accept says: clients of the public build API send anything."""

    max_media_type_length = 1024  # of a boundary that is too long Django says it

    def select_parser(self, request: Request, parsers: Sequence[BaseParser]) -> BaseParser:  # type: ignore[override]  # the stubs say types
        """Return the parser of the body's type, JSON where it names none; raises 415."""
        first = parsers[0]
        coding = request.META.get("HTTP_CONTENT_ENCODING", "")
        if coding not in ("", "identity"):
            raise UnsupportedMediaType(coding, detail="A body is read as it is; send it without Content-Encoding.")
        if not request.content_type and first.media_type == "application/json":
            return first
        parser: BaseParser | None = super().select_parser(request, parsers)
        if parser is None:
            given = str(request.content_type).partition(";")[0].strip().lower()
            detail = f"{given or 'A body without a type'} is not read here; send {first.media_type}."
            raise UnsupportedMediaType(given, detail=detail)
        return parser

    def select_renderer(self, request: Request, *_args: Any, **_options: Any) -> tuple[PlainRenderer, str]:
        """Return the renderer of the address."""
        renderer = renderer_of(request.path)
        return renderer, renderer.media_type
