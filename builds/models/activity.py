"""Who did what and when."""

from enum import StrEnum
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from builds.models.build import Build
    from builds.models.run import BuildRun


class Did(StrEnum):
    """Acts worth keeping."""

    CREATE_BUILD = "created the build"
    EDIT_BUILD = "edited the build"
    UPLOAD_CONTEXT = "uploaded a context"
    REMOVE_BUILD = "asked to remove the build"
    START_RUN = "pressed Build"
    CANCEL_RUN = "asked to cancel"
    REMOVE_RUN = "asked to remove"
    RESEND_CALLBACK = "sent a callback again"
    ROTATE_WEBHOOK_SECRET = "replaced the webhook secret"  # noqa: S105  an act, not a secret
    PUSH_AGAIN = "asked to push again"
    MOVE_TO_FRONT = "moved to the front of the queue"
    CREATE_TOKEN = "created a token"  # noqa: S105  an act, not a secret
    REVOKE_TOKEN = "revoked a token"  # noqa: S105  an act, not a secret
    ADD_MEMBER = "added a member"
    CHANGE_ROLE = "changed a role"
    REMOVE_MEMBER = "removed a member"
    CREATE_ACCOUNT = "created the account"
    CHANGE_ACCOUNT = "changed the account"
    REMOVE_ACCOUNT = "removed the account"
    CHANGE_KNOWN_HOST = "changed the known hosts"
    UNLOCK_SIGN_IN = "unlocked a sign-in"
    ADD_SERVER = "added a build server"
    EDIT_SERVER = "changed a build server"
    REMOVE_SERVER = "removed a build server"
    ADD_REGISTRY = "added a registry"
    EDIT_REGISTRY = "changed a registry"
    REMOVE_REGISTRY = "removed a registry"


class Activity(models.Model):
    """One act of a person or program; written in the act's own transaction."""

    account = models.ForeignKey("builds.Account", on_delete=models.SET_NULL, null=True, related_name="activities")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="activities")
    did = models.CharField(max_length=40)
    build = models.ForeignKey("builds.Build", on_delete=models.CASCADE, null=True, related_name="activities")
    run = models.ForeignKey("builds.BuildRun", on_delete=models.CASCADE, null=True, related_name="activities")
    detail = models.CharField(max_length=500, blank=True, default="")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "activities"
        indexes = [models.Index(fields=["account", "-id"], name="activity_newest")]

    def __str__(self) -> str:
        return f"{self.by or 'BuildHub'} {self.did}"

    @classmethod
    def record(
        cls,
        *,
        by: "User | None",
        did: Did,
        build: "Build | None" = None,
        run: "BuildRun | None" = None,
        account_id: int | None = None,
        detail: str = "",
    ) -> None:
        """Keep one act; `account_id` where it is about neither a build nor a run."""
        subject = run or build
        cls.objects.create(
            account_id=subject.account_id if subject else account_id,
            by=by,
            did=did,
            build_id=run.build_id if run else (build.pk if build else None),
            run=run,
            detail=detail[:500],
        )
