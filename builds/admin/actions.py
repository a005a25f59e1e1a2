"""Actions that ask the services: what is refused is shown in the service's own sentence."""

from collections.abc import Callable, Iterable
from typing import Final

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest

from builds.domain.errors import Refused
from builds.models import BuildRun, Caller
from builds.services.accounts.access import caller_for
from builds.services.accounts.tokens import revoke_token
from builds.services.runs.cancel_and_remove import request_cancel, request_remove
from builds.services.runs.start import start_run

MOST_AT_ONCE: Final = 100  # each is a transaction of its own within one request

Ask = Callable[[int, Caller], str]


def caller_of(request: HttpRequest) -> Caller:
    """Return who asks through Django's admin."""
    if not isinstance(request.user, User):
        raise TypeError("Django's admin let somebody in who has not signed in.")
    return caller_for(request.user)


def ask_each(request: HttpRequest, ids: Iterable[int], ask: Ask, *, what: str) -> None:
    """Ask for each of `ids` and show each answer; `what` names one of them in front of a refusal."""
    asked = list(ids)
    if len(asked) > MOST_AT_ONCE:
        messages.error(request, f"{len(asked)} are chosen; choose {MOST_AT_ONCE} or fewer. Nothing was asked for.")
        return
    caller = caller_of(request)
    for seq in asked:
        try:
            messages.success(request, ask(seq, caller))
        except Refused as refusal:
            messages.error(request, f"{what} {seq}: {refusal.sentence}")


def press(build_id: int, caller: Caller) -> str:
    """Press Build; return what to say. Raises `Refused`."""
    run = start_run(build_id=build_id, caller=caller)
    return f"Run {run.pk} ({run}) was accepted; its image will be {run.image.tagged}."


def cancel(run_id: int, caller: Caller) -> str:
    """Ask for a run to be cancelled; return what to say. Raises `Refused`."""
    request: BuildRun = request_cancel(run_id=run_id, caller=caller)
    done = "is cancelled" if request.is_final else "is being cancelled"
    return f"Run {run_id} {done} (run {request.pk})."


def remove(run_id: int, caller: Caller) -> str:
    """Ask for a run and its image to be removed; return what to say. Raises `Refused`."""
    request = request_remove(run_id=run_id, caller=caller)
    return f"Run {run_id} and its image are being removed (run {request.pk})."


def revoke(token_id: int, caller: Caller) -> str:
    """Revoke a token; return what to say. Raises `Refused`."""
    revoke_token(token_id=token_id, caller=caller)
    return f"Token {token_id} is revoked; programs that used it are refused from now on."
