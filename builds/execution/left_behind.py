"""What attempts that are over have left on an engine: their containers and volumes, by label."""

import logging

from builds.domain.states import RunState
from builds.engine.docker import Engine
from builds.models import BuildRun
from builds.queries.installation import installation_id

log = logging.getLogger(__name__)


def sweep_engine(engine: Engine) -> None:
    """Remove what no running attempt of this installation has there. Raises `EngineError`.

    What is found is looked up afterwards: whoever makes something holds his run before.
    """
    found = engine.leftovers({"buildhub.installation": installation_id()})
    owners = {left: (left.labels.get("buildhub.run", ""), left.labels.get("buildhub.attempt", "")) for left in found}
    numbers = {int(run) for run, _ in owners.values() if run.isdigit()}
    running = BuildRun.objects.filter(pk__in=numbers, run_state=RunState.RUNNING)
    live = {(str(run), str(attempt)) for run, attempt in running.values_list("pk", "attempt")}
    for left, owner in owners.items():
        if owner not in live:
            log.warning("%s %s of run %s is over and is removed", left.kind, left.name, owner[0] or "unknown")
            engine.remove_leftover(left)
