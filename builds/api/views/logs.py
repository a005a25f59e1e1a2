"""The log of a run: in one piece, as numbered lines, and as the stored bytes."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes

from builds.api.documented import documented
from builds.api.exceptions import written
from builds.api.requests import ApiRequest
from builds.api.views.base import ApiView
from builds.api.views.runs import found_run
from builds.contract import parameters
from builds.contract.errors import Wrong
from builds.contract.runs import BuildRunLog, Hits, Lines, Section
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import NotFound
from builds.models import BuildRun
from builds.queries.log import LineWindow, TextView, asynchronous, iterate_bytes, iterate_text, read_log, read_window
from builds.queries.log_search import HitQuery, read_hits
from builds.queries.log_sections import long_sections
from builds.queries.runs import find_step, steps_by_attempt

RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z")


def _seen_run(view: ApiView, run_id: int) -> BuildRun:
    """Return a run without what only its whole model tells; raises `NotFound` where the caller may not know of it."""
    return BuildRun.objects.visible_to(view.caller).wanted(run_id)


class RunLogView(ApiView):
    """`/build/run/log/{buildRunSeq}`."""

    tag = "Log"

    @documented("getRunLog", "Get the log in one piece", BuildRunLog(many=True), enveloped=BuildRunLog)
    def get(self, request: ApiRequest, build_run_seq: int) -> HttpResponse:
        """Return the BuildRunLog, whose steps hold their texts: in the plain dialect an array of this one."""
        run = found_run(self, build_run_seq)
        _, latest = steps_by_attempt(run)
        log = BuildRunLog.tell(read_log(run, latest))
        return self.answer(log if self.envelope else [log])


class StepLogView(ApiView):
    """`/build/run/log/step/{buildStepRunSeq}`."""

    tag = "Log"

    @documented("getStepLog", "Get the log of one step", BuildRunLog)
    def get(self, request: ApiRequest, build_step_run_seq: int) -> HttpResponse:
        """Return the BuildRunLog of a step's run with this step alone."""
        step = find_step(build_step_run_seq, self.caller)
        if step is None:
            raise NotFound(f"There is no step {build_step_run_seq}.")
        return self.answer(BuildRunLog.tell(read_log(step.run, [step])))


class RunLinesView(ApiView):
    """`/build/run/{buildRunSeq}/lines`."""

    tag = "Log"

    @documented("getRunLines", "Get lines of the log", Lines, query=parameters.Lines)
    def get(self, request: ApiRequest, build_run_seq: int) -> HttpResponse:
        """Return the lines after a number; ask again with `after` = `last` until `complete`."""
        window = LineWindow(**self.asked)
        return self.answer(Lines(read_window(_seen_run(self, build_run_seq), window)).data)


class RunHitsView(ApiView):
    """`/build/run/{buildRunSeq}/hits`."""

    tag = "Log"

    @documented("getRunHits", "Search the log", Hits, query=parameters.Hits)
    def get(self, request: ApiRequest, build_run_seq: int) -> HttpResponse:
        """Return how many lines of the whole log hold a text, and the next one or the one before."""
        query = HitQuery(**self.asked)
        return self.answer(Hits(read_hits(_seen_run(self, build_run_seq), query)).data)


class RunSectionsView(ApiView):
    """`/build/run/{buildRunSeq}/sections`."""

    tag = "Log"

    @documented("getRunSections", "List the long sections of the log", Section(many=True))
    def get(self, request: ApiRequest, build_run_seq: int) -> HttpResponse:
        """Return where one instruction, or one step outside of instructions, has more than 200 lines on end."""
        return self.answer(Section(long_sections(_seen_run(self, build_run_seq)), many=True).data)


class RunTextView(ApiView):
    """`/build/run/{buildRunSeq}/log.txt`."""

    tag = "Log"

    @documented(
        "getRunText",
        "Get the log as text",
        OpenApiTypes.STR,
        media_type="text/plain",
        query=parameters.LogText,
        headers={"Accept-Ranges": "`bytes`"},
        statuses={206: "The range that was asked for"},
    )
    def get(self, request: ApiRequest, build_run_seq: int) -> HttpResponseBase:
        """Stream the stored bytes, with Range, empty before the first line; with parameters the lines they ask for."""
        view = TextView(**self.asked)
        run = _seen_run(self, build_run_seq)
        if not view.is_plain:
            return self._stream(iterate_text(run, view))
        return self._bytes(run)

    def _bytes(self, run: BuildRun) -> HttpResponseBase:
        """Stream exactly the bytes that were stored when the run was read, so that the announced length holds."""
        size, etag = run.byte_count, f'"{run.log_sha256}"' if run.log_sha256 else ""
        headers = {"Accept-Ranges": "bytes", **({"ETag": etag} if etag else {})}
        asked = self._asked_range(size, etag)
        if asked is None:
            return self._stream(iterate_bytes(run.pk, stop=size), {**headers, "Content-Length": str(size)})
        start, stop = asked
        if start >= stop:
            sentence = f"The log has {size} bytes; ask for a range within it."
            problem = Wrong(416, ErrorCode.INVALID_PARAMETER, sentence, headers={"Content-Range": f"bytes */{size}"})
            return written(problem, self.request)
        headers |= {"Content-Length": str(stop - start), "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        return self._stream(iterate_bytes(run.pk, start=start, stop=stop), headers, status=206)

    def _asked_range(self, size: int, etag: str) -> tuple[int, int] | None:
        """Return the single range that is asked for as (start, stop), None for all bytes (RFC 9110, section 14)."""
        match = RANGE.match(self.request.META.get("HTTP_RANGE", ""))
        if_range = self.request.META.get("HTTP_IF_RANGE")
        if match is None or not size or not any(match.groups()) or (if_range and if_range != etag):
            return None
        first, last = match.groups()
        if not first:
            return max(size - int(last), 0), size
        if last and int(last) < int(first):
            return None
        return int(first), min(int(last) + 1, size) if last else size

    def _stream(
        self, parts: Iterator[bytes], headers: Mapping[str, str] | None = None, *, status: int = 200
    ) -> StreamingHttpResponse:
        # Under ASGI Django would read a plain iterator to its end before it sends the first byte.
        is_async = isinstance(self.request._request, ASGIRequest)
        return StreamingHttpResponse(
            asynchronous(parts) if is_async else parts,
            status=status,
            content_type="text/plain; charset=utf-8",
            headers={"X-Content-Type-Options": "nosniff", **(headers or {})},
        )
