"""Runs: press Build, read, cancel, remove, and the queue (build-api.md, section 3 "Run")."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from builds.api.params import read_number
from builds.api.views import ApiView
from builds.domain.states import RunState, RunType
from builds.models import Build
from builds.queries.facts import with_facts
from builds.queries.runs import active_runs, find_run, run_detail, run_shapes, runs_of_build
from builds.queries.shapes import Shape, run_shape
from builds.services.errors import NotFound
from builds.services.runs import RunAsk, request_cancel, request_remove, start_run


def found_run(view: ApiView, run_id: int) -> Any:
    """Return a run with its facts; raises `NotFound` where the caller may not know of it."""
    run = find_run(run_id, view.caller)
    if run is None:
        raise NotFound(f"There is no run {run_id}.")
    return run


def shape_now(view: ApiView, run_id: int) -> Shape:
    """Return a run as it is stored now: a worker may have been that quick."""
    return run_shape(found_run(view, run_id), view.caller)


class RunList(ApiView):
    """`/build/run?buildSeq=`: the runs of a build."""

    def get(self, request: Request) -> HttpResponse:
        """Return a page of runs of all types, newest first, without steps."""
        query = self.query
        build_id, after = query.required_number("buildSeq"), query.number("after")
        state, kind = query.word("runState", RunState), query.word("runType", RunType)
        limit = self.page_limit()
        if not Build.objects.visible_to(self.caller).filter(pk=build_id).exists():
            raise NotFound(f"There is no build {build_id}.")
        runs = runs_of_build(build_id, self.caller)
        runs = runs.filter(run_state=state) if state else runs
        runs = runs.filter(run_type=kind) if kind else runs
        following = runs if after is None else runs.filter(pk__lt=after)
        shapes = run_shapes(with_facts(following)[: limit + 1], self.caller)
        return self.answer_page(shapes, seq="buildRunSeq", limit=limit, total=runs.count())


class RunDetail(ApiView):
    """`/build/run/{n}`: POST presses the build n; GET and DELETE are about the run n."""

    def post(self, request: Request, seq: str) -> HttpResponse:
        """Run a build; a body is neither needed nor read."""
        query = self.query
        ask = RunAsk(
            tag_name=query.text("tagName") or None,
            description=query.text("description"),
            callback_url=query.text("callbackUrl"),
        )
        run = start_run(build_id=read_number("buildSeq", seq), caller=self.caller, ask=ask)
        return self.answer(shape_now(self, run.pk))

    def get(self, request: Request, seq: str) -> HttpResponse:
        """Return a run with its steps and earlier attempts."""
        return self.answer(run_detail(found_run(self, read_number("buildRunSeq", seq)), self.caller))

    def delete(self, request: Request, seq: str) -> HttpResponse:
        """Ask for a run's image and row to be removed; return the run as it was."""
        run = found_run(self, read_number("buildRunSeq", seq))
        as_it_was = run_shape(run, self.caller)
        request_remove(run_id=run.pk, caller=self.caller)
        return self.answer(as_it_was)


class RunCancel(ApiView):
    """`/build/run/cancel/{buildRunSeq}`."""

    def put(self, request: Request, seq: str) -> HttpResponse:
        """Ask for a run to be cancelled; return the CANCEL run, that under way if there is one."""
        run_id = read_number("buildRunSeq", seq)
        cancel = request_cancel(run_id=run_id, caller=self.caller, callback_url=self.query.text("callbackUrl"))
        return self.answer(shape_now(self, cancel.pk))


class Queue(ApiView):
    """`/build/queue`: what runs, what waits and why."""

    def get(self, request: Request) -> HttpResponse:
        """Return the runs under way and the next that wait, each with position and reason."""
        limit = self.page_limit()
        running, waiting = active_runs(self.caller)
        return self.answer(
            {
                "running": run_shapes(with_facts(running)[:limit], self.caller),
                "waiting": run_shapes(with_facts(waiting)[:limit], self.caller),
                "runningCount": running.count(),
                "waitingCount": waiting.count(),
            }
        )
