"""Names of the queues and of the clusters of workers that take from them."""

from typing import Final

BUILDS: Final = "builds"
SERVICE: Final = "service"  # short work that holds no build slot: removals, and sending callbacks
CALLBACKS: Final = "callbacks"  # a queue of the service workers, apart so that its calls can be counted


def own_queue(cluster: str, host: str) -> str:
    """Return the queue that only the workers of one host's cluster take from (the column holds 100 characters)."""
    return f"{cluster}@{host}"[:100]


def queues_of(cluster: str, host: str) -> list[str]:
    """Return the queues that the workers of one host's cluster take from."""
    shared = [SERVICE, CALLBACKS] if cluster == SERVICE else []
    return [*shared, own_queue(cluster, host)]


def process_name(cluster: str) -> str:
    """Return what the processes of a cluster are called, for `ps` and for who has to tell one from another."""
    return f"q-{cluster}"
