"""What django-q2 calls, by name."""

from builds.execution import pulse
from builds.execution.callbacks import deliver
from builds.execution.executor import execute_build
from builds.execution.remover import execute_removal


def execute_run(run_id: int, claim: int) -> None:
    """Build and push, if this claim still holds."""
    execute_build(run_id, claim)


def remove(run_id: int, claim: int) -> None:
    """Carry out a REMOVE run, if this claim still holds."""
    execute_removal(run_id, claim)


def deliver_callbacks(delivery_id: int) -> None:
    """Send what is due in the sequence of a callback delivery."""
    deliver(delivery_id)


def answer(cluster: str, host: str) -> None:
    """Show that a worker of this cluster picks up what is put into its queue."""
    pulse.answer(cluster, host)
