"""HTTP: one request, its redirects, and what its answer has to be like."""

import ssl
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO, Final, cast

from django.conf import settings

from builds.credentials import decrypt_fields
from builds.domain import remote_kinds
from builds.domain.failure_kind import FailureKind
from builds.domain.outbound import without_query
from builds.domain.remote_failures import remote_failed
from builds.domain.steps.http import ANY_SUCCESS, basic_login, wanted_statuses
from builds.engine.errors import EngineError
from builds.engine.outbound import Answer, Ask, CertificateRefused, Cut, Limits, OutboundLate
from builds.engine.outbound_redirects import (
    MOST_REDIRECTS,
    RedirectRefused,
    TooManyRedirects,
    is_other_origin,
    send_and_follow,
)
from builds.execution.context import RunContext
from builds.execution.failing import RunFailed
from builds.execution.steps.remote import UNREACHED, limit_words
from builds.models import RunStep

TIMEOUT_SECONDS: Final = 30  # where the step has none
KINDS: Final[Mapping[type[EngineError], FailureKind]] = {
    **UNREACHED,
    CertificateRefused: remote_kinds.REMOTE_CERTIFICATE,
    OutboundLate: remote_kinds.REMOTE_TIMED_OUT,
    RedirectRefused: remote_kinds.REMOTE_REDIRECT_REFUSED,
    TooManyRedirects: remote_kinds.REMOTE_TOO_MANY_REDIRECTS,
}
CUTS: Final[Mapping[Cut, FailureKind]] = {
    Cut.SIZE: remote_kinds.REMOTE_TOO_LARGE,
    Cut.TIME: remote_kinds.REMOTE_TIMED_OUT,
    Cut.BREAK: remote_kinds.REMOTE_BROKEN_OFF,
}
LEFT_BEHIND: Final = ", another origin: without login and headers"
OUTPUT_MODE: Final = 0o644
PIECE: Final = 64 * 1024
LONGEST_SAID: Final = 200  # characters of an answer in a sentence
# How a message is framed and to whom it goes is the client's matter; another value would only break the request.
OWN_HEADERS: Final = frozenset(("host", "connection", "content-length", "transfer-encoding"))


def run(context: RunContext, step: RunStep) -> None:
    """Send the request, judge the answer and keep it. Raises `RunFailed` with whose problem it is."""
    ask = request_of(step.config, context.patiently(decrypt_fields, step.secrets_encrypted))
    with NamedTemporaryFile(dir=context.workspace.private) as file:
        exchange = Exchange(context, step.config, cast("BinaryIO", file))
        exchange.send(ask)
        if step.config.get("console_log_response_body"):
            exchange.print_body()
        exchange.judge()
        if path := str(step.config.get("output_file") or ""):
            file.flush()
            Path(file.name).chmod(OUTPUT_MODE)
            context.bring(Path(file.name), path)
            context.recorder.say(f"The answer was written to {path}")


def request_of(config: Mapping[str, Any], secrets: Mapping[str, str]) -> Ask:
    """Return the request of an HTTP step from its stored config and its secrets in clear."""
    given = ((str(pair["name"]).lower(), str(pair.get("value") or "")) for pair in config.get("custom_headers") or ())
    # http.client writes Latin-1: so these are the bytes of UTF-8.
    headers = {name: value.strip().encode().decode("latin-1") for name, value in given if name not in OWN_HEADERS}
    if login := basic_login(str(config.get("username") or ""), secrets.get("password", "")):
        headers["authorization"] = f"Basic {login}"
    authorities = ssl.get_default_verify_paths()  # those of git
    seconds = float(config.get("timeout") or TIMEOUT_SECONDS)
    return Ask(
        method=str(config.get("http_mode") or "GET"),
        url=str(config.get("url") or ""),
        headers=headers,
        body=str(config.get("request_body") or "").encode() or None,
        allowed=settings.OUTBOUND_ALLOW,
        limits=Limits(seconds, seconds, seconds, settings.CONTEXT_LIMIT_BYTES),
        verify_tls=not config.get("ignore_ssl_errors") and (authorities.cafile or authorities.capath or True),
    )


class Exchange:
    """A request of a step with config `config`, and the answer to it, whose body lies in `file`."""

    def __init__(self, context: RunContext, config: Mapping[str, Any], file: BinaryIO) -> None:
        self._context, self._config, self._file = context, config, file
        self._say = context.recorder.say
        self._codes = str(config.get("valid_response_codes") or "").replace(" ", "") or ANY_SUCCESS
        self._wanted = wanted_statuses(self._codes)
        self._seconds = int(config.get("timeout") or TIMEOUT_SECONDS)
        self._place = ""
        self._answer: Answer

    def send(self, ask: Ask) -> None:
        """Send the request, say to what it comes, and keep the answer. Raises `RunFailed` where there is none."""
        began = time.monotonic()
        self._say(ask.shown)

        def said(asked: Ask, answer: Answer, to: Ask | None) -> None:
            size = "" if to else f", {self._file.tell():,} bytes"
            self._say(f"{named(answer.status)}{size}, {time.monotonic() - began:.1f} s")
            if to:
                elsewhere = is_other_origin(asked.url, to.url)
                self._say(f"Redirected to {to.shown}{LEFT_BEHIND if elsewhere else ''}")

        try:
            last, self._answer = send_and_follow(
                ask, answers=self._wanted, into=self._file, stopping=self._context.stop.event, said=said
            )
        except EngineError as error:
            self._context.stop.check()
            detail = error.why if isinstance(error, CertificateRefused) else error.answered
            words = {"detail": detail, "seconds": self._seconds, "count": MOST_REDIRECTS}
            self._place = error.asked.partition(" ")[2]  # of the request that failed, which may be a redirect's
            raise self._failed(KINDS.get(type(error), remote_kinds.REMOTE_UNREACHABLE), **words) from error
        self._place = without_query(last.url)

    def print_body(self) -> None:
        """Print the body to the log; a last line without an end gets one."""
        last = b"\n"
        for piece in self._pieces():
            self._context.recorder.output(None, 1, piece)
            last = piece[-1:]
        if last != b"\n":
            self._context.recorder.output(None, 1, b"\n")

    def judge(self) -> None:
        """Hold the answer against the rules of the step; raises `RunFailed` for the first one that it breaks."""
        if self._answer.cut_by:
            detail = self._answer.cut.rpartition(": ")[2]
            raise self._failed(CUTS[self._answer.cut_by], limit=limit_words(), detail=detail, seconds=self._seconds)
        if self._answer.status not in self._wanted:
            words = {"found": named(self._answer.status), "wanted": self._codes, "said": self._first_line()}
            raise self._failed(remote_kinds.REMOTE_STATUS, **words)
        self._say(f"The status is one of those wanted: {self._codes}")
        if content := str(self._config.get("valid_response_content") or ""):
            if not self._holds(content.encode()):
                raise self._failed(remote_kinds.REMOTE_CONTENT)
            self._say("The answer contains what validResponseContent asks for")

    def _failed(self, kind: FailureKind, **words: object) -> RunFailed:
        return RunFailed(remote_failed(kind, self._place, **words))

    def _pieces(self) -> Iterator[bytes]:
        """Yield the body, and stop where the run does."""
        self._file.seek(0)
        while piece := self._file.read(PIECE):
            self._context.stop.check()
            yield piece

    def _first_line(self) -> str:
        """Return the first line of a body that is text, to follow a sentence; masked before it is cut."""
        text = next(self._pieces(), b"").decode("utf-8", "replace")
        line = next((line.strip() for line in text.splitlines() if line.strip()), "")
        if not line.isprintable() or "\N{REPLACEMENT CHARACTER}" in line:
            return ""
        said = self._context.recorder.masker.mask_text(line)[:LONGEST_SAID]
        return f'; it said: "{said}"' if said else ""

    def _holds(self, content: bytes) -> bool:
        """Say whether these bytes stand anywhere in the body, be it in two of its pieces."""
        window = b""
        for piece in self._pieces():
            window = window[-(len(content) - 1) :] + piece if len(content) > 1 else piece
            if content in window:
                return True
        return False


def named(status: int) -> str:
    """Return a status with the standard's words for it."""
    return f"{status} {next((known.phrase for known in HTTPStatus if known == status), '')}".rstrip()
