"""One execution of a build, or the recorded wish to cancel or remove one."""

from typing import Self

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from builds.domain.definition import Definition
from builds.domain.references import ImageReference
from builds.domain.states import ACTIVE, MOVES, EndReason, RunState, RunType, WhenRunning
from builds.models import build_counts
from builds.models.caller import Caller
from builds.models.choices import choices, one_of
from builds.models.definition_field import DefinitionField
from builds.models.wanted import WantedQuerySet

FAILED = [reason.value for reason in EndReason if reason is not EndReason.DONE]


class BuildRunQuerySet(WantedQuerySet["BuildRun"]):
    """Look-ups of runs."""

    called = "run"

    def visible_to(self, caller: Caller) -> Self:
        """Return the runs that `caller` may know of; a removed run is a tombstone that only Activity shows."""
        found = self.filter(removed_at=None)
        if not caller.sees_everything:
            found = found.filter(account_id__in=caller.account_ids)
        if caller.build_ids is not None:
            found = found.filter(build_id__in=caller.build_ids)
        return found

    def active(self) -> Self:
        """Return the runs that wait or run."""
        return self.filter(run_state__in=ACTIVE)

    def waiting(self) -> Self:
        """Return the BUILD runs that no worker has been given yet, in the order in which they start."""
        return self.filter(run_type=RunType.BUILD, run_state=RunState.CREATED, claimed_at=None).order_by(
            "front_at", "id"
        )

    def holding_slots(self) -> Self:
        """Return the BUILD runs that hold a slot of their server: claimed or running."""
        return self.filter(run_type=RunType.BUILD).filter(
            Q(run_state=RunState.RUNNING) | Q(run_state=RunState.CREATED, claimed_at__isnull=False)
        )


class BuildRun(models.Model):
    """A run. `run_state` is written by services/runs/transitions.py only."""

    account = models.ForeignKey("builds.Account", on_delete=models.PROTECT, related_name="runs")
    build = models.ForeignKey("builds.Build", on_delete=models.PROTECT, related_name="runs")
    build_no = models.PositiveIntegerField()
    run_type = models.CharField(max_length=8, choices=choices(RunType), default=RunType.BUILD)
    run_state = models.CharField(max_length=8, choices=choices(RunState), default=RunState.CREATED)
    end_reason = models.CharField(max_length=20, choices=choices(EndReason), blank=True, default="")
    end_message = models.TextField(blank=True, default="")
    failure = models.JSONField(null=True, blank=True, help_text="Kind, whose problem, exit code, instruction.")
    description = models.CharField(max_length=1000, blank=True, default="")
    definition = DefinitionField(default=Definition, help_text="The build as it was when the run was accepted.")
    work_digest = models.CharField(
        max_length=64, blank=True, default="", editable=False, help_text="Equal for runs that do the same steps."
    )
    secrets_encrypted = models.TextField(
        blank=True, default="", editable=False, help_text="Secrets of the definition, such as the build server's key."
    )
    when_running = models.CharField(max_length=16, choices=choices(WhenRunning), default=WhenRunning.REFUSE)
    target = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="follow_ups",
        help_text="What a CANCEL or REMOVE run acts on; the run whose image a BUILD run pushes again.",
    )
    context = models.ForeignKey(
        "builds.UploadedContext",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="runs",
        help_text="The uploaded context that is built from; empty again when an ended run's context has gone.",
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    callback_url = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    registry = models.ForeignKey("builds.Registry", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    registry_host = models.CharField(max_length=255, blank=True, default="")
    registry_prefix = models.CharField(max_length=200, blank=True, default="")
    tag_name = models.CharField(max_length=128, blank=True, default="")
    image_size = models.BigIntegerField(default=0)
    image_digest = models.CharField(max_length=100, blank=True, default="")
    image_id = models.CharField(max_length=100, blank=True, default="", help_text="The built image on its engine.")
    commit_id = models.CharField(max_length=64, blank=True, default="", help_text="What was built: of the first git.")
    commit_branch = models.CharField(
        max_length=250, blank=True, default="", help_text="Branch or tag, as it was asked."
    )
    commit_author = models.CharField(max_length=200, blank=True, default="")
    commit_subject = models.CharField(max_length=300, blank=True, default="")

    server = models.ForeignKey(
        "builds.BuildServer", on_delete=models.PROTECT, null=True, blank=True, related_name="runs"
    )
    front_at = models.DateTimeField(db_default=Now(), help_text="Waiting order; moved back in time by 'move to front'.")
    claimed_at = models.DateTimeField(null=True, blank=True)
    claimed_host = models.CharField(max_length=255, blank=True, default="")
    claim = models.PositiveIntegerField(
        default=0, help_text="Counts hand-overs to the queue: an old task finds another number."
    )
    attempt = models.PositiveIntegerField(default=0)
    token = models.PositiveIntegerField(default=0, help_text="Fence: every write of an attempt names it.")
    lease_owner = models.CharField(max_length=255, blank=True, default="")
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    begin_time = models.DateTimeField(null=True, blank=True)
    end_time = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    line_count = models.BigIntegerField(default=0)
    byte_count = models.BigIntegerField(default=0)
    chunk_count = models.BigIntegerField(default=0)
    log_sha256 = models.CharField(max_length=64, blank=True, default="")

    objects = BuildRunQuerySet.as_manager()

    class Meta:
        triggers = [  # end states stay as they are, whoever writes: PostgreSQL itself refuses any other move
            pgtrigger.FSM(
                name="run_moves",
                field="run_state",
                transitions=[
                    (old.value, new.value) for old, news in MOVES.items() for new in sorted(news) if new is not old
                ],
            ),
            build_counts.COUNT,
        ]
        constraints = [
            one_of("run_type", RunType, "run_type_known"),
            one_of("run_state", RunState, "run_state_known"),
            one_of("when_running", WhenRunning, "run_when_running_known"),
            models.CheckConstraint(
                name="run_reason_fits_state",
                condition=Q(run_state__in=ACTIVE, end_reason="", end_time=None)
                | Q(run_state=RunState.DONE, end_reason=EndReason.DONE, end_time__isnull=False)
                | Q(run_state=RunState.ERROR, end_reason__in=FAILED, end_time__isnull=False),
            ),
            models.CheckConstraint(
                name="run_begins_with_running",
                condition=Q(begin_time=None) | ~Q(run_state=RunState.CREATED),
            ),
            models.CheckConstraint(
                name="run_ends_after_begin",
                condition=Q(end_time=None) | Q(begin_time=None) | Q(end_time__gte=F("begin_time")),
            ),
            models.CheckConstraint(
                name="run_done_has_digest",
                condition=~Q(run_type=RunType.BUILD, run_state=RunState.DONE) | ~Q(image_digest=""),
            ),
            models.UniqueConstraint(
                fields=["build", "build_no"], condition=Q(run_type=RunType.BUILD), name="run_number_once"
            ),
            models.UniqueConstraint(
                fields=["build"],
                condition=Q(run_type=RunType.BUILD, run_state__in=ACTIVE, when_running=WhenRunning.REFUSE),
                name="run_one_active_where_refused",
            ),
            models.UniqueConstraint(
                fields=["target"],
                condition=Q(run_type__in=[RunType.CANCEL, RunType.REMOVE], run_state__in=ACTIVE),
                name="run_one_follow_up_at_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["build", "-id"], name="run_newest_of_build"),
            models.Index(fields=["run_state", "-id"], name="run_newest_of_state"),
            models.Index(
                fields=["server", "front_at", "id"], condition=Q(run_state__in=ACTIVE), name="run_active_of_server"
            ),
            models.Index(
                fields=["build", "id"],
                condition=Q(run_type=RunType.BUILD, run_state__in=ACTIVE),
                name="run_active_of_build",
            ),
            models.Index(
                fields=["tag_name", "-id"],
                condition=Q(run_type=RunType.BUILD, run_state=RunState.DONE, removed_at=None),
                name="run_image_by_tag",
            ),
            models.Index(fields=["lease_expires_at"], condition=Q(run_state=RunState.RUNNING), name="run_lease"),
            models.Index(fields=["-end_time"], condition=Q(run_type=RunType.BUILD), name="run_ended_lately"),
            models.Index(
                fields=["build", "tag_name"], condition=Q(run_type=RunType.BUILD, removed_at=None), name="run_tag"
            ),
            models.Index(
                fields=["registry", "-end_time"],
                condition=Q(run_type=RunType.BUILD, end_time__isnull=False) & ~Q(image_digest=""),
                name="run_pushed_lately",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.definition.name} #{self.build_no}"

    @property
    def image(self) -> ImageReference:
        """Return where this run's image goes."""
        return ImageReference(
            host=self.registry_host,
            prefix=self.registry_prefix,
            project=self.definition.project,
            name=self.definition.image_name,
            tag=self.tag_name,
        )

    @property
    def is_final(self) -> bool:
        """True when the run has ended."""
        return RunState(self.run_state).is_final
