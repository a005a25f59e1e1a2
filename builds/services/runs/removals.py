"""What a finished removal leaves: tombstones (docs/contract.md, "Remove")."""

from django.db import transaction
from django.db.models.functions import Now

from builds import doorbell
from builds.domain.callbacks import Told
from builds.domain.states import RunType
from builds.models import Build, BuildRun
from builds.services import callbacks
from builds.services.builds.contexts import delete_contexts
from builds.services.runs.transitions import End, Lease, end_attempt, has_ended


def finish(removal: BuildRun, lease: Lease, end: End) -> bool:
    """End a REMOVE run as DONE and take what it removed out of the lists, in one transaction. May be repeated."""
    with transaction.atomic():
        if not end_attempt(lease, end):
            return has_ended(lease, end)
        build = removal.build
        if removal.target_id is not None:
            BuildRun.objects.filter(pk=removal.target_id).update(removed_at=Now(), updated_at=Now())
            left = BuildRun.objects.filter(build=build, run_type=RunType.BUILD, removed_at=None).order_by("-id").first()
            Build.objects.filter(pk=build.pk).update(last_run=left)
        else:
            BuildRun.objects.filter(build=build, removed_at=None).update(removed_at=Now(), updated_at=Now())
            Build.objects.filter(pk=build.pk).update(removed_at=Now(), in_use=False, last_run=None, context=None)
            delete_contexts(build.contexts.all())
            requester = callbacks.requester_of(removal)
            callbacks.note_build(build, what=Told.REMOVED, callback_url=removal.callback_url, caller=requester)
        doorbell.build_changed(build.pk, account_id=removal.account_id)
    return True


def owner_of(run: BuildRun, digest: str) -> str:
    """Return in words which run of the build owns a tag that has moved on to `digest`."""
    others = BuildRun.objects.filter(build=run.build, tag_name=run.tag_name, image_digest=digest).exclude(pk=run.pk)
    owner = others.order_by("-id").first()
    return f"run {owner.pk}" if owner else "somebody else"
