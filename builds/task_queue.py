"""The only door to django-q2. Tasks carry numbers; whether they may act is decided by the run's row."""

from django_q.models import OrmQ
from django_q.tasks import async_task

from builds.domain.worker_queues import BUILDS, CALLBACKS, SERVICE, own_queue


def hand_over(run_id: int, *, claim: int, host: str) -> None:
    """Give a claimed run to the build workers of `host`; delivered when the transaction commits."""
    async_task("builds.tasks.execute_run", run_id, claim, cluster=own_queue(BUILDS, host))


def call_service(run_id: int, *, claim: int) -> None:
    """Give a REMOVE run to any service worker; delivered when the transaction commits."""
    async_task("builds.tasks.remove", run_id, claim, cluster=SERVICE)


def call_sender(delivery_id: int) -> None:
    """Call a sender to the sequence of a callback delivery; delivered when the transaction commits."""
    async_task("builds.tasks.deliver_callbacks", delivery_id, cluster=CALLBACKS)


def ask_cluster(cluster: str, *, host: str) -> None:
    """Ask a host's cluster for an answer by way of its queue; delivered when the transaction commits."""
    async_task("builds.tasks.answer", cluster, host, cluster=own_queue(cluster, host))


def senders_have_calls() -> bool:
    """Say whether calls are left that no sender has heard yet: another one would only lengthen the queue."""
    return bool(OrmQ.objects.filter(key=CALLBACKS).exists())
