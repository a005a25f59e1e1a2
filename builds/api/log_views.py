"""The log of a run: in one piece, as numbered lines, and as the stored bytes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from builds.api.errors import Problem, written
from builds.api.params import read_number
from builds.api.run_views import found_run
from builds.api.views import ApiView
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import NotFound
from builds.domain.log.lines import Stream
from builds.models import BuildRun, RunStep
from builds.queries.log import (
    WINDOW_LINES,
    LineWindow,
    TextView,
    asynchronous,
    iterate_bytes,
    iterate_text,
    read_window,
    step_text,
)
from builds.queries.runs import find_step, steps_by_attempt
from builds.queries.shapes import Shape, step_run_shape

MOST_LINES: Final = 10_000
RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z")


class RunLog(ApiView):
    """`/build/run/log/{buildRunSeq}`."""

    def get(self, request: Request, seq: str) -> HttpResponse:
        """Return the BuildRunLog, whose steps hold their texts: in the plain dialect an array of this one."""
        run = found_run(self, read_number("buildRunSeq", seq))
        _, latest = steps_by_attempt(run)
        log = _log_shape(run, latest)
        return self.answer(log if self.envelope else [log])


class StepLog(ApiView):
    """`/build/run/log/step/{buildStepRunSeq}`."""

    def get(self, request: Request, seq: str) -> HttpResponse:
        """Return the BuildRunLog of a step's run with this step alone."""
        step_id = read_number("buildStepRunSeq", seq)
        step = find_step(step_id, self.caller)
        if step is None:
            raise NotFound(f"There is no step {step_id}.")
        return self.answer(_log_shape(step.run, [step]))


class RunLines(ApiView):
    """`/build/run/{buildRunSeq}/lines`."""

    def get(self, request: Request, seq: str) -> HttpResponse:
        """Return the lines after a number: `{lines, last, total, complete}`."""
        query = self.query
        window = LineWindow(
            after=query.number("after", least=0) or 0,
            limit=query.number("limit", least=1, most=MOST_LINES) or WINDOW_LINES,
            step_id=query.number("step"),
            search=query.text("search"),
        )
        return self.answer(read_window(found_run(self, read_number("buildRunSeq", seq)), window))


class TextRenderer(BaseRenderer):
    """Lets a client ask for text/plain; the view writes the bytes itself."""

    media_type = "text/plain"
    format = "txt"


class RunText(ApiView):
    """`/build/run/{buildRunSeq}/log.txt`."""

    renderer_classes = [TextRenderer, JSONRenderer]

    def get(self, request: Request, seq: str) -> HttpResponseBase:
        """Stream the stored bytes, or a part of them; with parameters the lines that they ask for."""
        view = TextView(
            first=self.query.number("from", least=1) or 1,
            last=self.query.number("to", least=1),
            timestamps=self.query.flag("timestamps"),
            streams=self.query.numbers("stream", Stream),
        )
        run = found_run(self, read_number("buildRunSeq", seq))
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
            problem = Problem(416, ErrorCode.INVALID_PARAMETER, sentence, headers={"Content-Range": f"bytes */{size}"})
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


def _log_shape(run: BuildRun, chosen: Sequence[RunStep]) -> Shape:
    steps = [step_run_shape(step, run, log=step_text(run.pk, step.pk)) for step in chosen]
    return {
        "buildRunSeq": run.pk,
        "runState": run.run_state,
        "buildSeq": run.build_id,
        "registryProjectId": run.definition.registry_project_id,
        "externalRegistrySeq": run.registry_id or 0,
        "buildServerHost": run.definition.server_host or None,
        "dbLog": run.is_final,
        "buildStepRuns": steps,
        "buildRunLogs": steps,
    }
