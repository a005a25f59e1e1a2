"""A part of a run."""

from django.db import models

from builds.domain.definition import Step
from builds.domain.states import StepState, StepType
from builds.models.choices import choices, one_of


class RunStep(models.Model):
    """A step of one attempt, copied from the build when the run was accepted."""

    run = models.ForeignKey("builds.BuildRun", on_delete=models.CASCADE, related_name="steps")
    attempt = models.PositiveIntegerField(default=1)
    order = models.PositiveIntegerField()
    step_type = models.CharField(max_length=16, choices=choices(StepType))
    build_step_seq = models.BigIntegerField(null=True)
    use = models.BooleanField(default=True)
    config = models.JSONField(default=dict)
    secrets_encrypted = models.TextField(blank=True, default="", editable=False)
    step_state = models.CharField(max_length=8, choices=choices(StepState), default=StepState.WAIT)
    begin_time = models.DateTimeField(null=True)
    end_time = models.DateTimeField(null=True)
    first_line = models.BigIntegerField(null=True, help_text="Number of the first line said in this step.")
    vertices = models.JSONField(default=list, help_text="Build instructions as BuildKit reports them.")

    class Meta:
        ordering = ["attempt", "order"]
        constraints = [
            models.UniqueConstraint(fields=["run", "attempt", "order"], name="run_step_once"),
            one_of("step_type", StepType, "run_step_type_known"),
            one_of("step_state", StepState, "run_step_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.order} {self.step_type} {self.step_state}"

    @property
    def step(self) -> Step:
        """Return what was copied from the build."""
        return Step.of(self, seq=self.build_step_seq)
