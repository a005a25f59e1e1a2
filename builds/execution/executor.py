"""The story of a run: take the lease, run every step in order, end it. Never leaves a run it holds without an end."""

import logging
import os
from contextlib import suppress
from typing import Final

from django.conf import settings

from builds.domain import failures
from builds.domain.failures import Failure
from builds.domain.log.masking import Masker
from builds.domain.states import WORKING_STEPS, EndReason, StepType
from builds.engine.errors import BuildStopped, EngineError, EngineStalled, EngineUnreachable, PullStopped, PushStopped
from builds.execution.context import RunContext
from builds.execution.failing import failure_from
from builds.execution.heartbeat import Heartbeat
from builds.execution.left_behind import sweep_engine
from builds.execution.patience import DatabaseAway, Patience, before_heartbeat, is_away, until_it_is_back
from builds.execution.recorder import Recorder
from builds.execution.steps import RUNNERS
from builds.execution.stop import Stop, StopReason, StopRequested
from builds.models import BuildRun, RunStep
from builds.queries.runs import counted_attempts
from builds.services.connections.clients import RunAccess
from builds.services.runs.ends import end_run
from builds.services.runs.secrets import secrets_of
from builds.services.runs.steps import LeaseLost, close_step, open_step, prepare_attempt
from builds.services.runs.transitions import End, Lease, give_back, take

log = logging.getLogger(__name__)
IN_A_PUSH: Final = (StepType.INIT, StepType.CREATE_IMAGE)
AWAY: Final = "its worker could not reach the database"  # ends a sentence, see AttemptLost


def execute_build(run_id: int, claim: int) -> None:
    """Execute a claimed BUILD run; leaves quietly where somebody else has it or it was cancelled."""
    owner = f"{settings.WORKER_HOST}/{os.getpid()}"
    lease = until_it_is_back(take, run_id, claim=claim, owner=owner)
    if lease is None:
        return
    try:
        patiently = before_heartbeat(lease)  # what has to be read before the heartbeat begins
        run = patiently(BuildRun.objects.select_related("server", "registry", "target__registry").get, pk=run_id)
        access = RunAccess(run)
        secrets = patiently(secrets_of, [access, *([RunAccess(run.target)] if run.target else [])])
        Executor(lease, access, Masker(secrets)).execute()
    except DatabaseAway:
        # Said once it can be, and not counted: the attempt is over for the database's sake (ADR 20).
        until_it_is_back(give_back, lease, because=AWAY, counted=False)


class Executor:
    """One attempt of one run."""

    def __init__(self, lease: Lease, access: RunAccess, masker: Masker) -> None:
        self._lease = lease
        self._stop = Stop()
        self._patiently = Patience(self._stop.lease_is_over)
        recorder = Recorder(lease, self._stop, limit_bytes=settings.LOG_LIMIT_BYTES, masker=masker)
        self._context = RunContext(
            access=access, lease=lease, stop=self._stop, recorder=recorder, patiently=self._patiently
        )

    def execute(self) -> None:
        """Run every step in order and end the run; raises `DatabaseAway` where it gave up its lease for that."""
        limit = self._context.run.definition.time_limit_seconds
        with Heartbeat(self._lease, self._stop, seconds_left=limit - self._lease.elapsed_ms / 1000):
            try:
                self._run_and_end()
            except (LeaseLost, DatabaseAway):
                log.info("Run %s: attempt %s leaves", self._lease.run_id, self._lease.attempt)
            finally:
                self._context.recorder.close()
                self._context.workspace.remove()
        if self._stop.reason is StopReason.DATABASE_AWAY:
            raise DatabaseAway

    def _run_and_end(self) -> None:
        try:
            try:
                self._run_steps()
            finally:
                self._clear_server()
            self._end_done()
        except (StopRequested, BuildStopped, PullStopped, PushStopped):
            self._end_stopped()
        except (LeaseLost, DatabaseAway):
            raise
        except EngineStalled as error:
            self._end_stalled(error)
        except EngineUnreachable as error:
            self._end_unreachable(error)
        except Exception as error:  # noqa: BLE001  whatever it is, the run gets an end that says so
            self._end_unforeseen(error)

    def _run_steps(self) -> None:
        _asked = self._context.engine_version  # the engine answers while the steps are read
        done: RunStep | None = None
        try:
            steps = self._patiently(prepare_attempt, self._lease)
            if self._context.original is None and any(step.step_type in WORKING_STEPS for step in steps):
                self._context.works_on_server = True
                if self._context.server.given_by_builds:  # which nobody else can reach to clear it
                    with suppress(EngineError):
                        self._patiently(sweep_engine, self._context.engine)
                self._context.volume.begin()
            for step in steps:
                self._stop.check()
                self._context.recorder.enter_step(step.pk)
                self._patiently(open_step, self._lease, step, after=done)
                done = None
                self._run_step(step)
                done = step
        finally:
            if done is not None:  # the last one, or the one before a stop
                self._patiently(close_step, self._lease, done)

    def _run_step(self, step: RunStep) -> None:
        step_type = StepType(step.step_type)
        if self._context.original is not None and step_type not in IN_A_PUSH:
            self._context.recorder.say("Nothing is done here: the image of an earlier run is pushed again")
            return
        RUNNERS[step_type](self._context, step)

    def _clear_server(self) -> None:
        """Remove what the attempt has on the build server besides its image; a stop is confirmed by nothing less."""
        if not self._context.works_on_server:
            return
        try:
            self._context.volume.remove()
        except EngineError as error:
            if self._stop.reason is not None:
                raise EngineUnreachable(error.asked, error.answered) from error
            self._context.recorder.say(
                f"The workspace stays on the build server until its engine answers again: {error.answered}"
            )

    def _end_done(self) -> None:
        """End as DONE: only the digest that was read back allows it."""
        self._context.recorder.close()
        if self._context.recorder.error is not None:
            raise self._context.recorder.error
        verified = self._context.verified
        if verified is None:
            self._end(failures.definition_invalid("no step made an image"))
            return
        end = End(
            EndReason.DONE,
            image_digest=verified.digest,
            image_size=verified.size_bytes,
            sealed=self._context.recorder.sealed,
        )
        self._patiently(end_run, self._lease, end)

    def _end_stopped(self) -> None:
        """End what was stopped, now that the engine has confirmed it."""
        match self._stop.reason:
            case StopReason.CANCEL:
                self._end(failures.cancelled())
            case StopReason.TIME_LIMIT:
                self._end(failures.time_limit(self._context.run.definition.time_limit_seconds))
            case StopReason.LOG_FAILED if error := self._context.recorder.error:
                self._end(failure_from(error, server=self._context.server.name))
            case _:
                raise LeaseLost

    def _end_stalled(self, error: EngineStalled) -> None:
        """Give the run back for a further attempt, or end it when this was the last one."""
        counted = self._patiently(counted_attempts, self._context.run)
        if counted >= self._context.run.definition.max_attempts:
            self._end(failures.engine_stalled(self._context.server.name, self._lease.attempt))
            return
        self._context.recorder.close()
        self._give_back(f"{error.answered} (a known fault of Docker before 23)")

    def _end_unreachable(self, error: EngineUnreachable) -> None:
        """End with the server's failure; a stop that the engine did not confirm is left to the sweeper."""
        if self._stop.reason is None:
            self._end(failure_from(error, server=self._context.server.name))
            return
        self._context.recorder.say(f"The build server did not confirm the stop: {error.answered}")
        self._context.recorder.close()
        self._give_back(f"the stop was not confirmed: {error.answered}")

    def _end_unforeseen(self, error: Exception) -> None:
        """End with what `error` is; where a step asked the database without patience, a further attempt is due."""
        if is_away(error):
            log.error("Run %s: the database was asked without patience", self._lease.run_id, exc_info=error)
            self._context.recorder.close()
            self._give_back(AWAY, counted=False)
        else:
            self._end(failure_from(error, server=self._context.server.name))

    def _give_back(self, because: str, *, counted: bool = True) -> None:
        said = self._context.recorder.masker.mask_text(because)
        self._patiently(give_back, self._lease, because=said, counted=counted)

    def _end(self, found: Failure) -> None:
        failure = found.masked(self._context.recorder.masker)
        self._context.recorder.say(failure.sentence)
        self._context.recorder.close()
        end = End.of(failure, sealed=self._context.recorder.sealed)
        self._patiently(end_run, self._lease, end)
