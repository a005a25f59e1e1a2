"""The form of a build with an inline Dockerfile. Field names are the API's, so that an error finds its field."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.http import QueryDict

from builds.domain.states import StepType, WhenRunning
from builds.domain.steps import FieldError
from builds.domain.tags import AutoTagSeqType
from builds.models import Build, BuildStep
from builds.pages.screens.build import image_step
from builds.services.builds import BuildDraft, StepDraft

TEXTS: Final = ("buildName", "buildDesc", "registryName", "imageName", "autotagPrefix", "tagName", "dockerFile")
NUMBERS: Final = {
    "timeLimitSec": "time_limit_seconds",
    "queueLimitSec": "queue_limit_seconds",
    "maxAttempts": "max_attempts",
}
LABELS: Final = {
    "buildName": "Name",
    "buildDesc": "Description",
    "registryName": "Project",
    "imageName": "Image name",
    "autotagUseYn": "Tag rule",
    "autotagPrefix": "Prefix",
    "autotagSeqType": "Followed by",
    "tagName": "Tag",
    "whenRunning": "While a run is active",
    "timeLimitSec": "Time limit",
    "queueLimitSec": "Longest wait",
    "maxAttempts": "Attempts",
    "dockerFile": "Dockerfile",
}
NEW: Final = {
    "autotagUseYn": "Y",
    "autotagPrefix": "v",
    "autotagSeqType": AutoTagSeqType.SEQUENCE.value,
    "whenRunning": WhenRunning.REFUSE.value,
    "timeLimitSec": "3600",
    "queueLimitSec": "86400",
    "maxAttempts": "3",
}
MOST_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Problem:
    """An error beside its field; `field` is empty where it belongs to none."""

    field: str
    label: str
    message: str


@dataclass(slots=True)
class BuildForm:
    """What was typed, and what is wrong with it."""

    values: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def errors(self) -> Mapping[str, str]:
        """Return the sentences by field."""
        said: dict[str, str] = {}
        for problem in self.problems:
            said[problem.field] = (
                f"{said[problem.field]} {problem.message}" if problem.field in said else problem.message
            )
        return said

    @property
    def dockerfile_lines(self) -> Sequence[int]:
        """Return the numbers beside the Dockerfile."""
        return range(1, self.values.get("dockerFile", "").count("\n") + 2)

    def draft(self, image_step_seq: int | None, config: Mapping[str, object]) -> BuildDraft:
        """Return what the services take; numbers that are none become -1, which their ranges refuse."""
        values = self.values
        step = {**config, "docker_file_type": "CONTENTS", "docker_file": values["dockerFile"].replace("\r\n", "\n")}
        return BuildDraft(
            name=values["buildName"].strip(),
            description=values["buildDesc"].replace("\r\n", "\n"),
            project=values["registryName"].strip(),
            image_name=values["imageName"].strip(),
            auto_tag=values["autotagUseYn"] == "Y",
            auto_tag_prefix=values["autotagPrefix"].strip(),
            auto_tag_sequence=values["autotagSeqType"],
            tag_name=values["tagName"].strip(),
            when_running=values["whenRunning"],
            time_limit_seconds=_number(values["timeLimitSec"]),
            queue_limit_seconds=_number(values["queueLimitSec"]),
            max_attempts=_number(values["maxAttempts"]),
            steps=(StepDraft(StepType.CREATE_IMAGE, config=step, seq=image_step_seq),),
        )

    def refuse(self, errors: Iterable[FieldError]) -> None:
        """Put what the services refuse beside its field."""
        for error in errors:
            name = error.field.rsplit(".", 1)[-1]
            known = name if name in LABELS else ""
            self.problems.append(Problem(known, LABELS.get(known, error.field), error.message))


def new_form() -> BuildForm:
    """Return the form of a build that is to be created."""
    return BuildForm(dict.fromkeys(TEXTS, "") | NEW)


def posted_form(data: QueryDict) -> BuildForm:
    """Return what was sent, all of it kept as it was typed."""
    names = (*TEXTS, *NEW)
    return BuildForm({name: data.get(name, NEW.get(name, "")) for name in names})


def stored_form(build: Build, steps: Sequence[BuildStep]) -> BuildForm:
    """Return the form of a stored build."""
    step = image_step(steps)
    return BuildForm(
        {
            "buildName": build.name,
            "buildDesc": build.description,
            "registryName": build.project,
            "imageName": build.image_name,
            "autotagUseYn": "Y" if build.auto_tag else "N",
            "autotagPrefix": build.auto_tag_prefix,
            "autotagSeqType": build.auto_tag_sequence or AutoTagSeqType.SEQUENCE.value,
            "tagName": build.tag_name,
            "whenRunning": build.when_running,
            "timeLimitSec": str(build.time_limit_seconds),
            "queueLimitSec": str(build.queue_limit_seconds),
            "maxAttempts": str(build.max_attempts),
            "dockerFile": str(step.config.get("docker_file") or "") if step else "",
        }
    )


def _number(text: str) -> int:
    """Return a typed number; what is none becomes -1, which every range refuses with its own sentence."""
    word = text.strip()
    return int(word) if word.isascii() and word.isdigit() and len(word) <= MOST_DIGITS else -1
