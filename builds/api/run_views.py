"""Runs: press Build, read, cancel, remove, and the queue."""

from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from builds.api.build_body import STEP_NAMES, BuildBody, read_build, submit
from builds.api.json_body import read_object
from builds.api.pagination import KeysetPagination, page_limit
from builds.api.params import Query, read_number
from builds.api.views import ApiView
from builds.domain.errors import FieldError, Invalid, NotFound
from builds.domain.states import RunState, RunType
from builds.models import Build, BuildRun
from builds.queries.facts import with_facts
from builds.queries.runs import active_runs, find_run, run_detail, run_shapes, runs_of_build
from builds.queries.shapes import Shape, run_shape
from builds.services.builds.edit import BuildDraft
from builds.services.runs.cancel_and_remove import request_cancel, request_removals, request_remove
from builds.services.runs.parameters import RunAsk
from builds.services.runs.queue_order import move_to_front
from builds.services.runs.start import push_again, start_run
from builds.services.runs.turns import turn


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
        build_id, _ = query.required_number("buildSeq"), query.number("after")  # told before what is wrong below
        state, kind = query.word("runState", RunState), query.word("runType", RunType)
        runs = runs_of_build(build_id, self.caller)
        runs = runs.filter(run_state=state) if state else runs
        runs = runs.filter(run_type=kind) if kind else runs
        pages = KeysetPagination("buildRunSeq", lambda runs, after: runs.filter(pk__lt=after))
        page = pages.paginate_queryset(runs, request)
        if not Build.objects.visible_to(self.caller).filter(pk=build_id).exists():
            raise NotFound(f"There is no build {build_id}.")
        return pages.get_paginated_response(run_shapes(with_facts(page), self.caller))


def read_ask(query: Query) -> RunAsk:
    """Return the query of a press; what the parameters may be is decided with the build's steps."""
    if query.text("contextSeq"):
        sentence = "contextSeq is not executed by this version yet: contexts cannot be uploaded; leave it out."
        raise Invalid([FieldError("contextSeq", sentence)])
    return RunAsk(
        tag_name=query.text("tagName") or None,
        description=query.text("description"),
        callback_url=query.text("callbackUrl"),
        branch_name=query.text("branchName"),
        no_cache=query.flag("noCache"),
        build_args=query.pairs("buildArg"),
    )


class PressView(ApiView):
    """A view whose POST presses the build `seq`."""

    def turn(self, **kwargs: Any) -> AbstractContextManager[None]:
        """Return the turn among the presses of the build."""
        return turn(read_number("buildSeq", kwargs["seq"]))


class RunDetail(PressView):
    """`/build/run/{n}`: POST presses the build n; GET and DELETE are about the run n."""

    def post(self, request: Request, seq: str) -> HttpResponse:
        """Run a build; a body is neither needed nor read."""
        run = start_run(build_id=read_number("buildSeq", seq), caller=self.caller, ask=read_ask(self.query))
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


class RunOnce(PressView):
    """`/build/run/{buildSeq}/{buildRunSeq}`: a run of the build with steps of its own, or an earlier run once more."""

    def post(self, request: Request, seq: str, run_seq: str) -> HttpResponse:
        """Run with the steps of the body once; without steps the snapshot of the named run is run again.

        Of a body with steps only these are taken: everything else is the build's. Without them the named run gives
        definition, tag rule and steps with their stored secrets. Tag, number and query are as for any press.
        """
        build_id, run_id = read_number("buildSeq", seq), read_number("buildRunSeq", run_seq)
        ask = read_ask(self.query)
        body = _steps_of(request)
        if body is None:
            run = start_run(build_id=build_id, caller=self.caller, ask=ask, again=run_id)
        else:
            run = submit(body, partial(self._start_once, build_id=build_id, run_id=run_id, ask=ask))
        return self.answer(shape_now(self, run.pk))

    def _start_once(self, draft: BuildDraft, *, build_id: int, run_id: int, ask: RunAsk) -> BuildRun:
        once = replace(ask, steps=draft.steps or ())
        return start_run(build_id=build_id, caller=self.caller, ask=once, again=run_id)


class RunPush(ApiView):
    """`/build/run/{buildRunSeq}/push`."""

    def post(self, request: Request, seq: str) -> HttpResponse:
        """Push the image of a run again without building; return the run that does it."""
        query = self.query
        run = push_again(
            run_id=read_number("buildRunSeq", seq),
            caller=self.caller,
            tag_name=query.text("tagName") or None,
            external_registry_seq=query.number("externalRegistrySeq", least=0),
        )
        return self.answer(shape_now(self, run.pk))


class RunTags(ApiView):
    """`/build/run/{buildSeq}/tag`: the images of several runs."""

    def delete(self, request: Request, seq: str) -> HttpResponse:
        """Ask for the named runs to be removed, all or none; return how many removals were accepted."""
        build_id, run_ids = read_number("buildSeq", seq), self.query.required_seqs("buildRunSeqs")
        return self.answer(len(request_removals(build_id=build_id, run_ids=run_ids, caller=self.caller)))


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
        return self.answer(_queue(self))


class QueueFront(ApiView):
    """`/build/queue/{buildRunSeq}/front`."""

    def post(self, request: Request, seq: str) -> HttpResponse:
        """Let a waiting run start before others; return the queue."""
        move_to_front(run_id=read_number("buildRunSeq", seq), caller=self.caller)
        return self.answer(_queue(self))


def _queue(view: ApiView) -> Shape:
    limit = page_limit(view.query)
    running, waiting = active_runs(view.caller)
    return {
        "running": run_shapes(with_facts(running)[:limit], view.caller),
        "waiting": run_shapes(with_facts(waiting)[:limit], view.caller),
        "runningCount": running.count(),
        "waitingCount": waiting.count(),
    }


def _steps_of(request: Request) -> BuildBody | None:
    """Return the steps of a body, and what is wrong with them; None where there is no body, or none in it."""
    meta = request.META
    if meta.get("CONTENT_LENGTH") in (None, "", "0") and "HTTP_TRANSFER_ENCODING" not in meta:
        return None
    values = read_object(request)
    if all(values.get(name) is None for name in STEP_NAMES):
        return None
    body = read_build(values, edit=True)
    return replace(body, errors=[error for error in body.errors if error.field.startswith(body.steps_name)])
