"""BuildHub decides what starts: claims slots under the server's row lock and hands claimed runs to the queue.

Called when a run is accepted or ends, when a server changes, and by the sweeper; calling it once too often is free.
"""

from collections import Counter
from typing import Final

from django.db import connection, transaction
from django.db.models import BooleanField, Exists, F, Func, Min, OuterRef, Q, Value
from django.db.models.functions import Now

from builds import doorbell, task_queue
from builds.domain import run_events, scheduling
from builds.domain.states import RunState
from builds.models import Account, BuildRun, BuildServer, RunEvent
from builds.queries.waiting import Load, account_facts, elder_active, load_of

# Servers share workers: who claims one has counted all, and nobody else claims one meanwhile. Always the first lock.
WORKERS_LOCK: Final = 0x776F726B  # "work", within 32 bits


def dispatch(server_id: int) -> list[int]:
    """Claim and hand over what may start on a server now; return the runs."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [WORKERS_LOCK])
        # Not FOR UPDATE: an insert of a run refers to this row, and could hold a run that is to be claimed here.
        server = BuildServer.objects.select_for_update(no_key=True).get(pk=server_id)
        load = load_of(server)
        claimed: list[int] = []
        is_more = True
        while is_more:
            runs, is_more = _claim_next(load)
            claimed += runs
        if claimed:
            BuildServer.objects.filter(pk=server_id).update(served_at=Now())
    return claimed


def slot_at_once(server: BuildServer, account: Account) -> str | None:
    """Return the host where a run that is accepted now may start, its slot held until the transaction ends, or None.

    None leaves the run to `dispatch`, after the commit: it has to wait, or somebody else decides about the server just
    now (whose row is not waited for, so that this lock stands in nobody's order), or the account has a limit.
    """
    if account.parallel_limit is not None:
        return None
    others = BuildRun.objects.waiting().filter(server=OuterRef("pk"))
    free = BuildServer.objects.select_for_update(no_key=True, skip_locked=True).exclude(Exists(others))
    lock_is_ours = Func(Value(WORKERS_LOCK), function="pg_try_advisory_xact_lock", output_field=BooleanField())
    locked = free.filter(lock_is_ours, pk=server.pk).first()
    load = load_of(locked) if locked else None
    return load.take() if load and load.facts.free_slots else None


def dispatch_all() -> None:
    """Claim what may start on any server: after the end of a run, and for calls that never came.

    A worker that has come free, or the room of an account, may be what runs of several servers wait for. The server
    with the fewest runs gets it; of those, the one that was given something the longest time ago.
    """
    queues = BuildRun.objects.waiting().exclude(server=None).order_by().values("server_id", "server__served_at")
    turns = queues.annotate(first=Min("front_at")).order_by(F("server__served_at").asc(nulls_first=True), "first")
    servers = list(turns.values_list("server_id", flat=True))
    if len(servers) > 1:
        running = Counter(BuildRun.objects.holding_slots().values_list("server_id", flat=True))
        servers.sort(key=lambda server_id: running[server_id])
    for server_id in servers:
        dispatch(server_id)


def hand_over_again(run_id: int, *, host: str) -> None:
    """Give a run whose worker is lost to another one; the older claim is void from now on."""
    again = Q(run_state=RunState.RUNNING, lease_expires_at__lt=Now())
    with transaction.atomic():
        if BuildRun.objects.filter(again, pk=run_id).update(claim=F("claim") + 1, claimed_at=Now(), claimed_host=host):
            _announce(BuildRun.objects.get(pk=run_id), host)


def call_service_again(run_id: int) -> None:
    """Give a REMOVE run whose worker is lost to another service worker."""
    orphan = Q(run_state=RunState.CREATED) | Q(run_state=RunState.RUNNING, lease_expires_at__lt=Now())
    with transaction.atomic():
        again = BuildRun.objects.filter(orphan, pk=run_id)
        if again.update(claim=F("claim") + 1, claimed_at=Now(), updated_at=Now()):
            task_queue.call_service(run_id, claim=BuildRun.objects.values_list("claim", flat=True).get(pk=run_id))


def release_unstarted(run_id: int) -> None:
    """Take back a claim that no worker has followed up, so that the run is dispatched anew."""
    BuildRun.objects.filter(pk=run_id, run_state=RunState.CREATED).update(
        claim=F("claim") + 1, claimed_at=None, claimed_host=""
    )


def _claim_next(load: Load) -> tuple[list[int], bool]:
    """Claim the next runs; return them, and whether there may be more.

    Runs of an account without room may have filled what was looked at.
    """
    facts = load.facts
    if not facts.free_slots:
        return [], False
    queue = BuildRun.objects.waiting().filter(server=load.server)
    # Accounts with a limit that wait here are locked, so that no other server gives their room away.
    limited = Account.objects.filter(Exists(queue.filter(account=OuterRef("pk"))), parallel_limit__isnull=False)
    accounts = account_facts(limited.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
    full = [account_id for account_id, account in accounts.items() if not account.room]
    ready = queue.filter(cancel_requested_at=None).exclude(elder_active()).exclude(account_id__in=full)
    looked_at = list(ready[: facts.free_slots])
    waiting = [
        scheduling.WaitingRun(run_id=run.pk, build_id=run.build_id, position=position, account_id=run.account_id)
        for position, run in enumerate(looked_at, start=1)
    ]
    runs = scheduling.claimable(waiting, facts, accounts)
    rows = {run.pk: run for run in looked_at}
    for run_id in runs:
        _claim(rows[run_id], load.take())
    return runs, bool(runs) and len(looked_at) == facts.free_slots


def _claim(run: BuildRun, host: str) -> None:
    """Claim a run as it was read; none where it has changed since."""
    same = BuildRun.objects.filter(pk=run.pk, run_state=RunState.CREATED, claimed_at=None, claim=run.claim)
    if same.update(claim=run.claim + 1, claimed_at=Now(), claimed_host=host):
        run.claim += 1
        _announce(run, host)


def _announce(run: BuildRun, host: str) -> None:
    RunEvent.record(run, run_events.Claimed(run.claim), because=host)
    task_queue.hand_over(run.pk, claim=run.claim, host=host)
    doorbell.run_changed(run.pk, build_id=run.build_id, account_id=run.account_id)
