"""What is to be built."""

from typing import Self

from django.db import models
from django.db.models import Q

from builds.domain.definition import Definition, Step
from builds.domain.states import StepType, WhenRunning
from builds.domain.tags import AutoTagSeqType
from builds.models.caller import Caller
from builds.models.choices import choices, one_of
from builds.models.wanted import WantedQuerySet

USER_STEPS = tuple(kind for kind in StepType if kind not in (StepType.CANCEL, StepType.DELETE))


class BuildQuerySet(WantedQuerySet["Build"]):
    """Look-ups of builds."""

    called = "build"

    def visible_to(self, caller: Caller) -> Self:
        """Return the builds that `caller` may know of; the one door for look-ups by number."""
        found = self.filter(removed_at=None)
        if not caller.sees_everything:
            found = found.filter(account_id__in=caller.account_ids)
        if caller.build_ids is not None:
            found = found.filter(pk__in=caller.build_ids)
        return found


class Build(models.Model):
    """A recipe for an image: where it goes, how it is tagged, and its ordered steps."""

    account = models.ForeignKey("builds.Account", on_delete=models.PROTECT, related_name="builds")
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=1000, blank=True, default="")
    registry = models.ForeignKey(
        "builds.Registry",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="builds",
        help_text="Empty: the default registry.",
    )
    registry_project_id = models.BigIntegerField(default=0)
    project = models.CharField(max_length=200, blank=True, default="", help_text="registryName: first path part.")
    image_name = models.CharField(max_length=255)
    auto_tag = models.BooleanField(default=False)
    auto_tag_prefix = models.CharField(max_length=100, blank=True, default="")
    auto_tag_sequence = models.CharField(max_length=16, blank=True, default="", choices=choices(AutoTagSeqType))
    tag_name = models.CharField(max_length=128, blank=True, default="")
    server_host = models.CharField(max_length=255, blank=True, default="", help_text="Empty: the default server.")
    server_tls_verify = models.BooleanField(default=False)
    server_ca_cert = models.TextField(blank=True, default="")
    server_client_cert = models.TextField(blank=True, default="")
    server_client_key_encrypted = models.TextField(blank=True, default="", editable=False)
    when_running = models.CharField(max_length=16, choices=choices(WhenRunning), default=WhenRunning.REFUSE)
    time_limit_seconds = models.PositiveIntegerField(default=3600)
    queue_limit_seconds = models.PositiveIntegerField(default=86_400)
    max_attempts = models.PositiveIntegerField(default=3)
    in_use = models.BooleanField(default=True)
    last_build_no = models.PositiveIntegerField(default=0, editable=False)
    last_run = models.ForeignKey(
        "builds.BuildRun", on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    context = models.ForeignKey(
        "builds.UploadedContext",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="The newest: what the next runs use.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    active_at = models.DateTimeField(
        auto_now_add=True, editable=False, help_text="Created, edited or run: newest first in lists."
    )
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = BuildQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "image_name"], condition=Q(removed_at=None), name="build_image_name_once"
            ),
            one_of("when_running", WhenRunning, "build_when_running_known"),
            models.CheckConstraint(
                condition=Q(auto_tag_sequence__in=["", *AutoTagSeqType]), name="build_sequence_known"
            ),
            models.CheckConstraint(condition=Q(time_limit_seconds__range=(60, 86_400)), name="build_time_limit_range"),
        ]
        indexes = [models.Index(fields=["-active_at", "-id"], condition=Q(removed_at=None), name="build_newest")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def longest(cls, field: str) -> int:
        """Return how many characters the column of a text keeps: the one source of such limits."""
        return int(getattr(cls._meta.get_field(field), "max_length", None) or 0)

    @property
    def definition(self) -> Definition:
        """Return what a run that is accepted now keeps of the build."""
        return Definition.of(self)


class BuildStep(models.Model):
    """A part of a build's recipe."""

    build = models.ForeignKey(Build, on_delete=models.CASCADE, related_name="steps")
    step_type = models.CharField(max_length=16, choices=choices(USER_STEPS))
    order = models.PositiveIntegerField()
    use = models.BooleanField(default=True)
    config = models.JSONField(default=dict)
    secrets_encrypted = models.TextField(
        blank=True, default="", editable=False, help_text="The secret fields of the config, as one encrypted object."
    )

    class Meta:
        ordering = ["order", "id"]
        constraints = [one_of("step_type", USER_STEPS, "build_step_type_known")]

    def __str__(self) -> str:
        return f"{self.order} {self.step_type}"

    @property
    def step(self) -> Step:
        """Return what the row says."""
        return Step.of(self, seq=self.pk)
