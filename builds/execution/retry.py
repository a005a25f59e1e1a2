"""Try again what may pass a little later, until the attempt is asked to stop."""

from collections.abc import Callable

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_after_attempt,
    wait_exponential_jitter,
)
from tenacity.stop import stop_when_event_set

from builds.execution.context import RunContext


def retrying(
    context: RunContext,
    may_pass: Callable[[BaseException], bool],
    *,
    tries: int,
    wait: wait_exponential_jitter,
    words: Callable[[BaseException | None], str],
) -> Retrying:
    """Return what calls a function up to `tries` times, as long as `may_pass` says so of what it raises.

    `words` says what went wrong; it is said, with the pause that follows.
    """

    def say(state: RetryCallState) -> None:
        said = words(state.outcome.exception() if state.outcome else None)
        pause = state.next_action.sleep if state.next_action else 0
        context.recorder.say(f"{said}; trying again in {pause:.0f} s")

    return Retrying(
        retry=retry_if_exception(may_pass),
        wait=wait,
        stop=stop_after_attempt(tries) | stop_when_event_set(context.stop.event),
        sleep=sleep_using_event(context.stop.event),
        before_sleep=say,
        reraise=True,
    )
