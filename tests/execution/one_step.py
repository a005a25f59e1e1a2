"""Builds whose work is one step, and how the end of such a run tells why that failed."""

from secrets import token_hex

from builds.models import Build, BuildRun, Caller
from builds.services.builds.edit import BuildDraft, create_build
from builds.services.builds.steps import StepDraft
from tests.support.runs import texts


def build_around(
    kind: str, config: dict[str, object], *, caller: Caller, base: str, image: str = "RUN true", before: str = ""
) -> Build:
    """Make a build of one step, behind a SHELL step with the script `before` and before `image` on the base image."""
    last = {"docker_file_type": "CONTENTS", "docker_file": f"FROM {base}\n{image}\n"}
    steps = (
        *([StepDraft("SHELL", order=1, config={"shell_type": "COMMAND", "command": before})] if before else []),
        StepDraft(kind, order=2, config=config),
        StepDraft("CREATE_IMAGE", order=3, config=last),
    )
    named = {"name": token_hex(4), "image_name": token_hex(4), "tag_name": "1"}
    return create_build(caller=caller, draft=BuildDraft(**named, server_host="topic:gone", steps=steps))


def failed(run: BuildRun, kind: str, whose: str = "remote") -> str:
    """Hold the end of a run, whose last step but one has failed, against a kind of failure; return the sentence."""
    assert (run.end_reason, run.failure["id"], run.failure["whose"]) == ("STEP_FAILED", kind, whose), run.end_message
    before = run.steps.filter(step_type__in=("INIT", "SHELL")).count()
    assert [step.step_state for step in run.steps.all()] == [*["DONE"] * before, "ERROR", "WAIT"]
    assert run.end_message in texts(run)
    return run.end_message
