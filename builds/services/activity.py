"""Who did what: written in the deed's own transaction."""

from enum import StrEnum

from django.contrib.auth.models import User

from builds.models import Activity, Build, BuildRun


class Did(StrEnum):
    """Deeds worth keeping."""

    CREATE_BUILD = "created the build"
    EDIT_BUILD = "edited the build"
    REMOVE_BUILD = "asked to remove the build"
    START_RUN = "pressed Build"
    CANCEL_RUN = "asked to cancel"
    REMOVE_RUN = "asked to remove"
    CREATE_TOKEN = "created a token"  # noqa: S105  a deed, not a secret


def record(
    *, by: User | None, did: Did, build: Build | None = None, run: BuildRun | None = None, detail: str = ""
) -> None:
    """Keep one deed."""
    subject = run or build
    Activity.objects.create(
        account_id=subject.account_id if subject else None,
        by=by,
        did=did,
        build_id=run.build_id if run else (build.pk if build else None),
        run=run,
        detail=detail[:500],
    )
