"""Answers that are kept for requests with an Idempotency-Key (ADR 15)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from django.db.models.functions import Now

from builds.domain.errors import Busy, NotPossible
from builds.models import Caller, KeptAnswer

KEPT: Final = timedelta(hours=24)
TRIES: Final = 10
REUSED: Final = (
    "This Idempotency-Key was used for another request within the last 24 hours; send a new key with a new request."
)


def hold(*, name: str, key: str, fingerprint: str) -> KeptAnswer:
    """Return the row of this key: `status` 0 where the request is ours to answer, else the first answer to it.

    Call it inside a transaction, and end that with `keep` or `let_go`: until then, whoever comes with the same key
    waits here. Raises `NotPossible` where the key belongs to another request.
    """
    for _ in range(TRIES):
        rows = KeptAnswer.objects.filter(caller=name, key=key)
        rows.filter(created_at__lt=Now() - KEPT).delete()
        # The unique index makes all others wait for the transaction that was first, and see its answer then.
        KeptAnswer.objects.bulk_create(
            [KeptAnswer(caller=name, key=key, fingerprint=fingerprint)], ignore_conflicts=True
        )
        row = rows.first()
        if row is None:  # the first has let go of it meanwhile
            continue
        if row.fingerprint != fingerprint:
            raise NotPossible("Idempotency-Key", REUSED)
        return row  # status 0 is never committed, so such a row can only be our own
    raise Busy("Many requests use this Idempotency-Key at the same moment; try again.")


def keep(row: KeptAnswer, *, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Keep the answer, in the transaction of the act."""
    KeptAnswer.objects.filter(pk=row.pk).update(status=status, headers=dict(headers), body=body)


def let_go(row: KeptAnswer) -> None:
    """Forget the key: this answer says nothing about the act."""
    KeptAnswer.objects.filter(pk=row.pk).delete()


def key_owner(caller: Caller, token_id: int | None) -> str:
    """Return whose keys these are: each token and each user have their own."""
    return f"token:{token_id}" if token_id is not None else f"user:{caller.user.pk}"


def forget_old_answers() -> int:
    """Delete what is older than 24 hours and return how many; the sweeper calls it once an hour."""
    count, _ = KeptAnswer.objects.filter(created_at__lt=Now() - KEPT).delete()
    return count
