"""The story of a run: take the lease, run every step in order, end it. Never leaves a run it holds without an end."""

import os

from builds.domain import failures
from builds.domain.failures import Failure
from builds.domain.logs import Masker
from builds.domain.states import EndReason, StepState, StepType
from builds.engine.errors import BuildStopped, EngineStalled, EngineUnreachable, PullStopped, PushStopped
from builds.execution.context import RunContext
from builds.execution.failing import failure_from
from builds.execution.heartbeat import Heartbeat
from builds.execution.recorder import Recorder
from builds.execution.steps import RUNNERS
from builds.execution.stop import Stop, StopReason, StopRequested
from builds.models import BuildRun, RunStep
from builds.services import run_steps, transitions
from builds.services.limits import log_limit_bytes, worker_host
from builds.services.run_ends import end_run
from builds.services.run_secrets import secrets_of
from builds.services.run_steps import LeaseLost
from builds.services.transitions import End, Lease


def execute_build(run_id: int, claim: int) -> None:
    """Execute a claimed BUILD run; leaves quietly where somebody else has it or it was cancelled."""
    lease = transitions.take(run_id, claim=claim, owner=f"{worker_host()}/{os.getpid()}")
    if lease is not None:
        Executor(lease).execute()


def _masker_of(run: BuildRun) -> Masker:
    """Return what hides the secrets of a run, and those of the run whose image it pushes again."""
    return Masker(secrets_of(filter(None, (run, run.target))))


class Executor:
    """One attempt of one run."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._stop = Stop()
        self._run = BuildRun.objects.select_related("server", "registry", "target__registry").get(pk=lease.run_id)
        recorder = Recorder(lease, self._stop, limit_bytes=log_limit_bytes(), masker=_masker_of(self._run))
        self._context = RunContext(run=self._run, lease=lease, stop=self._stop, recorder=recorder)

    def execute(self) -> None:
        """Run every step in order and end the run."""
        limit = float(self._context.definition("time_limit_seconds"))
        with Heartbeat(self._lease, self._stop, seconds_left=limit - self._lease.elapsed_ms / 1000):
            try:
                self._run_steps()
            except (StopRequested, BuildStopped, PullStopped, PushStopped):
                self._end_stopped()
            except LeaseLost:
                self._context.recorder.close()
            except EngineStalled as error:
                self._end_stalled(error)
            except EngineUnreachable as error:
                self._end_unreachable(error)
            except Exception as error:  # noqa: BLE001  whatever it is, the run gets an end that says so
                self._end(failure_from(error, server=self._context.server.name))
            else:
                self._end_done()

    def _run_steps(self) -> None:
        for step in run_steps.prepare_attempt(self._lease):
            self._stop.check()
            self._context.recorder.enter_step(step.pk)
            run_steps.open_step(self._lease, step)
            RUNNERS[StepType(step.step_type)](self._context, step)
            self._close(step)

    def _close(self, step: RunStep) -> None:
        run_steps.close_step(self._lease, step, to=StepState.DONE)

    def _end_done(self) -> None:
        """End as DONE: only the digest that was read back allows it."""
        self._context.recorder.close()
        verified = self._context.verified
        if verified is None:
            self._end(failures.definition_invalid("no step made an image"))
            return
        end = End(EndReason.DONE, image_digest=verified.digest, image_size=verified.size_bytes)
        end_run(self._lease, end)

    def _end_stopped(self) -> None:
        """End what was stopped, now that the engine has confirmed it; a lost lease leaves without a word."""
        match self._stop.reason:
            case StopReason.CANCEL:
                self._end(failures.cancelled())
            case StopReason.TIME_LIMIT:
                self._end(failures.time_limit(int(self._context.definition("time_limit_seconds"))))
            case _:
                self._context.recorder.close()

    def _end_stalled(self, error: EngineStalled) -> None:
        """Give the run back for a further attempt, or end it when this was the last one."""
        attempt = self._lease.attempt
        if attempt >= self._context.definition("max_attempts"):
            self._end(failures.engine_stalled(self._context.server.name, attempt))
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

    def _give_back(self, because: str) -> None:
        transitions.give_back(self._lease, because=self._context.recorder.masker.mask_text(because))

    def _end(self, found: Failure) -> None:
        failure = found.masked(self._context.recorder.masker)
        self._context.recorder.say(failure.sentence)
        self._context.recorder.close()
        end = End(failure.kind.end_reason, failure.sentence, failure.as_facts())
        end_run(self._lease, end)
