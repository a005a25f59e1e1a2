"""REMOVE runs: take images out of the registry, then the rows out of the lists (docs/contract.md, "Remove")."""

import logging
import os
from contextlib import suppress

from django.conf import settings

from builds.domain import failures
from builds.domain.log.masking import Masker
from builds.domain.states import EndReason, RunState, RunType
from builds.engine.errors import EngineError
from builds.execution.failing import failure_from
from builds.execution.heartbeat import Heartbeat
from builds.execution.patience import DatabaseAway, Patience, before_heartbeat, until_it_is_back
from builds.execution.recorder import Recorder
from builds.execution.stop import Stop
from builds.models import BuildRun
from builds.services.connections.clients import RunAccess, registry_client, registry_of_run
from builds.services.runs.removals import finish, owner_of
from builds.services.runs.secrets import secrets_of
from builds.services.runs.steps import LeaseLost, open_step, prepare_attempt
from builds.services.runs.transitions import End, Lease, end_attempt, take

log = logging.getLogger(__name__)
TIME_LIMIT_SECONDS = 600.0


def execute_removal(run_id: int, claim: int) -> None:
    """Carry out a REMOVE run; leaves quietly where somebody else has it."""
    owner = f"{settings.WORKER_HOST}/{os.getpid()}"
    lease = until_it_is_back(take, run_id, claim=claim, owner=owner)
    if lease is None:
        return
    with suppress(LeaseLost, DatabaseAway):  # the sweeper calls again for a removal that has no worker
        early = before_heartbeat(lease)
        removal = early(BuildRun.objects.select_related("target", "build").get, pk=lease.run_id)
        masker = early(_masker_of, removal)
        stop = Stop()
        patiently = Patience(stop.lease_is_over)
        recorder = Recorder(lease, stop, limit_bytes=settings.LOG_LIMIT_BYTES, masker=masker)
        with Heartbeat(lease, stop, seconds_left=TIME_LIMIT_SECONDS):
            try:
                end = _work(removal, lease, recorder, patiently)
            finally:
                recorder.close()
            if recorder.error is not None:
                end = End.of(failure_from(recorder.error, server=""))
            if end.reason is EndReason.DONE:
                patiently(finish, removal, lease, end)
            else:
                patiently(end_attempt, lease, end)  # repeated, it finds nothing left to end


def _masker_of(removal: BuildRun) -> Masker:
    """Return what hides the secrets of a removal and of the runs whose images it takes away, one for each registry."""
    one_a_registry = {(run.registry_id, run.registry_host): run for run in _runs_of(removal)}
    return Masker(secrets_of(map(RunAccess, (removal, *one_a_registry.values()))))


def _work(removal: BuildRun, lease: Lease, recorder: Recorder, patiently: Patience) -> End:
    """Remove the images and say how that ended."""
    try:
        for step in patiently(prepare_attempt, lease):
            recorder.enter_step(step.pk)
            patiently(open_step, lease, step)
        said = [_remove_image(run, patiently) for run in patiently(_runs_of, removal)]
    except (LeaseLost, DatabaseAway):
        raise
    except EngineError as error:
        failure = failures.push_failed(
            error.answered, registry=removal.registry_host, repository=removal.image.repository
        )
    except Exception as error:  # noqa: BLE001  whatever it is, the run gets an end that says so
        failure = failure_from(error, server="")
    else:
        recorder.say("\n".join(said) or "There was no image to remove.")
        return End(EndReason.DONE, said[-1] if len(said) == 1 else f"{len(said)} images were looked at.")
    failure = failure.masked(recorder.masker)
    recorder.say(failure.sentence)
    return End.of(failure)


def _runs_of(removal: BuildRun) -> list[BuildRun]:
    """Return the runs whose images go: the target, or every run of the build."""
    if removal.target is not None:
        return [removal.target]
    return list(
        BuildRun.objects.filter(build=removal.build, run_type=RunType.BUILD, run_state=RunState.DONE, removed_at=None)
    )


def _remove_image(run: BuildRun, patiently: Patience) -> str:
    """Remove a run's tag if it still points to the run's digest; say what was found."""
    image = run.image
    if not run.image_digest:
        return f"Run {run.pk} pushed no image."
    with registry_client(patiently(registry_of_run, run)) as registry:
        deleted = registry.delete_tag(image.repository, image.tag, digest=run.image_digest)
    if deleted.deleted:
        return f"{image.tagged} was removed from the registry."
    if deleted.now_points_to is None:
        return f"{image.tagged} was gone from the registry already."
    owner = patiently(owner_of, run, deleted.now_points_to)
    return f"{image.tagged} stays: it belongs to {owner} now ({deleted.now_points_to})."
