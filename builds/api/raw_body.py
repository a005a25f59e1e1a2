"""The bytes of a body: read once and within a limit, whatever length the client has announced."""

from io import BytesIO

from rest_framework.request import Request

from builds.api.errors import Unreadable


def read_raw(request: Request, most: int) -> bytes:
    """Return the body of at most `most` bytes; raises `Unreadable` (413). It can be read again by whoever comes later.

    DRF's own reading parses at once and without a limit; Django's believes the announced length.
    """
    plain = request._request
    stored: bytes | None = getattr(plain, "_body", None)
    data: bytes = plain.read(most + 1) if stored is None else stored
    if len(data) > most:
        raise Unreadable(f"The body is larger than {most // 1024**2} MiB; shorten it.", status=413)
    plain._body = data  # what HttpRequest.body would leave
    plain._stream = BytesIO(data)
    return data
