"""INIT: say what begins, and that the build server answers; unpack what was uploaded for the run."""

from builds.domain.log.masking import LEAST
from builds.execution.context import RunContext
from builds.execution.steps import uploaded_context
from builds.models import RunStep
from builds.queries.runs import lost_attempts


def run(context: RunContext, _step: RunStep) -> None:
    """Ask the engine what it is and say it; raises where it does not answer or cannot build for us."""
    run_ = context.run
    number = context.lease.attempt
    if number > 1:
        said = {lost.attempt: lost.sentence for lost in context.patiently(lost_attempts, run_.pk)}
        context.recorder.say(
            f"{said.get(number - 1, f'Attempt {number - 1} is over.')} Attempt {number} begins. What was printed after"
            " the line above may be missing; instructions that had finished are cached now and print nothing again."
        )
    version = context.engine_version.result()
    context.recorder.say(
        f"{run_.definition.name} #{run_.build_no} on {context.server.name}: Docker Engine {version},"
        f" image {run_.image.tagged}"
    )
    if context.recorder.masker.unmasked:
        context.recorder.say(
            f"A secret of this run has fewer than {LEAST} characters a line and is not masked in this log"
        )
    uploaded_context.unpack_into_workspace(context)
