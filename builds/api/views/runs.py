"""Runs: press Build, read, cancel, remove, and the queue."""

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Final

from django.http import HttpResponse

from builds.api.documented import GET_RUN, LINKS_OF_RUN, documented
from builds.api.examples import IMAGE_STEP
from builds.api.pagination import KeysetPagination
from builds.api.requests import ApiRequest
from builds.api.views.base import ApiView
from builds.contract import parameters
from builds.contract.builds import RunSteps
from builds.contract.fields import Answer
from builds.contract.runs import BuildRun, BuildRunDetail, Queue, run_answer, run_answers, run_detail
from builds.domain.error_codes import ErrorCode
from builds.models import Build
from builds.models import BuildRun as RunRow
from builds.queries.facts import with_facts
from builds.queries.queue import run_queue
from builds.queries.runs import runs_of_build
from builds.services.builds.bodies import STEP_NAMES, read_build
from builds.services.runs.cancel_and_remove import request_cancel, request_removals, request_remove
from builds.services.runs.parameters import RunAsk
from builds.services.runs.queue_order import move_to_front
from builds.services.runs.start import push_again, start_run
from builds.services.runs.turns import turn

PRESS_ERRORS: Final = (
    ErrorCode.SERVER_NOT_FOUND,
    ErrorCode.TAG_TAKEN,
    ErrorCode.NOT_ONE_IMAGE_STEP,
    ErrorCode.PARALLEL_LIMIT,
    ErrorCode.REGISTRY_NOT_FOUND,
)
COUNT: Final = {"type": "integer", "format": "int32", "minimum": 0, "maximum": 2**31 - 1, "examples": [2]}


def found_run(view: ApiView, run_id: int) -> Any:
    """Return a run with its facts; raises `NotFound` where the caller may not know of it."""
    return with_facts(RunRow.objects.visible_to(view.caller)).wanted(run_id)


def answer_now(view: ApiView, run_id: int) -> Answer:
    """Return a run as it is stored now: a worker may have been that quick."""
    return run_answer(found_run(view, run_id), view.caller)


class RunListView(ApiView):
    """`/build/run?buildSeq=`: the runs of a build."""

    tag = "Runs"

    @documented(
        "listRuns",
        "List the runs of a build",
        BuildRun(many=True),
        query=parameters.Runs,
        errors=[ErrorCode.NOT_FOUND],
        paged=True,
    )
    def get(self, request: ApiRequest) -> HttpResponse:
        """Return a page of runs of all types, newest first, without steps."""
        build_id = self.asked["build_id"]
        narrowed = {name: value for name, value in self.asked.items() if name in ("run_state", "run_type")}
        runs = runs_of_build(build_id, self.caller).filter(**narrowed)
        pages = KeysetPagination("buildRunSeq", lambda runs, after: runs.filter(pk__lt=after))
        page = pages.paginate_queryset(runs, request, self)
        Build.objects.visible_to(self.caller).wanted(build_id)
        return pages.get_paginated_response(run_answers(with_facts(page), self.caller))


class PressView(ApiView):
    """A view whose POST presses the build `build_seq`."""

    def turn(self) -> AbstractContextManager[None]:
        """Return the turn among the presses of the build."""
        return turn(self.kwargs["build_seq"])


class RunDetailView(PressView):
    """`/build/run/{n}`: POST presses the build n; GET and DELETE are about the run n."""

    tag = "Runs"

    @documented(
        "startRun",
        "Run build: create a tag",
        BuildRun,
        query=parameters.Press,
        errors=PRESS_ERRORS,
        links=LINKS_OF_RUN,
    )
    def post(self, request: ApiRequest, build_seq: int) -> HttpResponse:
        """Execute a build with a new tag; no body is needed.

        The run is stored when this answers, and its state is told by GET /build/run/{buildRunSeq}, the socket, and
        callbacks.
        """
        run = start_run(build_id=build_seq, caller=self.caller, ask=RunAsk(**self.asked))
        return self.answer(answer_now(self, run.pk))

    def number_name(self, name: str) -> str:
        """Return which number the one of the path is."""
        return "buildSeq" if self.request.method == "POST" else "buildRunSeq"

    @documented("getRun", "Get a run with its steps", BuildRunDetail)
    def get(self, request: ApiRequest, build_seq: int) -> HttpResponse:
        """Return a run with its steps and earlier attempts; the number in the path is the run's: buildRunSeq."""
        return self.answer(run_detail(found_run(self, build_seq), self.caller))

    @documented("removeRun", "Remove a run and its image", BuildRun, errors=[ErrorCode.RUN_IS_ACTIVE])
    def delete(self, request: ApiRequest, build_seq: int) -> HttpResponse:
        """Ask for a run's image and row to be removed, which a REMOVE run does; return the run as it was.

        The number in the path is the run's: buildRunSeq.
        """
        run = found_run(self, build_seq)
        as_it_was = run_answer(run, self.caller)
        request_remove(run_id=run.pk, caller=self.caller)
        return self.answer(as_it_was)


class RunOnceView(PressView):
    """`/build/run/{buildSeq}/{buildRunSeq}`: a run of the build with steps of its own, or an earlier run once more."""

    tag = "Runs"

    @documented(
        "repeatRun",
        "Run with these steps once",
        BuildRun,
        query=parameters.Press,
        body=RunSteps,
        body_required=False,
        body_example={"buildSteps": [IMAGE_STEP]},
        errors=PRESS_ERRORS,
        links=LINKS_OF_RUN,
    )
    def post(self, request: ApiRequest, build_seq: int, build_run_seq: int) -> HttpResponse:
        """Run with the steps of the body once; without steps the snapshot of the named run is run again.

        Of a body with steps only these are taken: everything else is the build's. Without them the named run gives
        definition, tag rule and steps with their stored secrets. Tag, number and query are as for any press. Steps of
        the body are a definition: a token needs the scope `write` for them, beside `run`.
        """
        ask = RunAsk(**self.asked)
        body = request.data if request.raw else {}
        if any(body.get(name) is not None for name in STEP_NAMES):
            draft = read_build(RunSteps, body)
            ask = replace(ask, steps=draft.steps, steps_name=draft.steps_name, errors=draft.errors)
        run = start_run(build_id=build_seq, caller=self.caller, ask=ask, again=build_run_seq)
        return self.answer(answer_now(self, run.pk))


class RunPushView(ApiView):
    """`/build/run/{buildRunSeq}/push`."""

    tag = "Runs"

    @documented("pushAgain", "Push a built image again", BuildRun, query=parameters.Push, errors=PRESS_ERRORS)
    def post(self, request: ApiRequest, build_run_seq: int) -> HttpResponse:
        """Push the image of a run again without building; return the run that does it."""
        run = push_again(run_id=build_run_seq, caller=self.caller, **self.asked)
        return self.answer(answer_now(self, run.pk))


class RunTagsView(ApiView):
    """`/build/run/{buildSeq}/tag`: the images of several runs."""

    tag = "Runs"

    @documented(
        "removeRuns",
        "Remove several runs of a build",
        COUNT,
        query=parameters.Removals,
        errors=[ErrorCode.RUN_IS_ACTIVE],
        example=2,
    )
    def delete(self, request: ApiRequest, build_seq: int) -> HttpResponse:
        """Ask for the named runs to be removed, all or none; return how many removals were accepted."""
        return self.answer(len(request_removals(build_id=build_seq, caller=self.caller, **self.asked)))


class RunCancelView(ApiView):
    """`/build/run/cancel/{buildRunSeq}`."""

    tag = "Runs"

    @documented("cancelRun", "Cancel a run", BuildRun, query=parameters.Callback, links=GET_RUN)
    def put(self, request: ApiRequest, build_run_seq: int) -> HttpResponse:
        """Ask for a run to be cancelled; return the CANCEL run at once, that under way if there is one.

        The run itself ends when it is confirmed that nothing of it is left.
        """
        cancel = request_cancel(run_id=build_run_seq, caller=self.caller, **self.asked)
        return self.answer(answer_now(self, cancel.pk))


class QueueView(ApiView):
    """`/build/queue`: what runs, what waits and why."""

    tag = "Queue"

    @documented("getQueue", "What runs and what waits", Queue, query=parameters.Limit)
    def get(self, request: ApiRequest) -> HttpResponse:
        """Return the runs under way and the next that wait, each with position and reason."""
        return self.answer(_queue(self))


class QueueFrontView(ApiView):
    """`/build/queue/{buildRunSeq}/front`."""

    tag = "Queue"

    @documented("moveToFront", "Let a waiting run be next", Queue, query=parameters.Front)
    def post(self, request: ApiRequest, build_run_seq: int) -> HttpResponse:
        """Move a waiting run to the place of the account's first, for instance admins before all; return the queue."""
        move_to_front(run_id=build_run_seq, caller=self.caller, reason=self.asked.get("reason", ""))
        return self.answer(_queue(self))


def _queue(view: ApiView) -> Answer:
    return Queue.tell(run_queue(view.caller, most=view.asked["limit"]), view.caller)
