"""The form of a build. Field names are the API's, so that an error finds its field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.http import QueryDict

from builds.domain.states import StepType, WhenRunning
from builds.domain.tags import AutoTagSeqType
from builds.models import Build, BuildStep
from builds.pages import labels as names
from builds.pages.screens.build import image_step
from builds.pages.typed import TypedForm, typed_number
from builds.services.builds import BuildDraft, StepDraft

TEXTS: Final = (
    "buildName",
    "buildDesc",
    "registryName",
    "imageName",
    "autotagPrefix",
    "tagName",
    "dockerFile",
    "dockerFilePath",
)
NUMBERS: Final = {
    "timeLimitSec": "time_limit_seconds",
    "queueLimitSec": "queue_limit_seconds",
    "maxAttempts": "max_attempts",
}
NEW: Final = {
    "dockerFileType": "CONTENTS",
    "autotagUseYn": "Y",
    "autotagPrefix": "v",
    "autotagSeqType": AutoTagSeqType.SEQUENCE.value,
    "whenRunning": WhenRunning.REFUSE.value,
    "timeLimitSec": "3600",
    "queueLimitSec": "86400",
    "maxAttempts": "3",
}


@dataclass(slots=True)
class BuildForm(TypedForm):
    """The form of a build: its image step is edited here, its other steps are shown and kept."""

    labels: Mapping[str, str] = field(default_factory=lambda: names.BUILD)

    def place_of(self, path: str) -> str:
        """Return the field of an error: of steps only the Dockerfile has one, whatever else has the same name."""
        name = TypedForm.place_of(self, path)
        return name if "." not in path or name.startswith("dockerFile") else ""

    @property
    def dockerfile_lines(self) -> Sequence[int]:
        """Return the numbers beside the Dockerfile."""
        return range(1, self.values.get("dockerFile", "").count("\n") + 2)

    def draft(self, image_step_seq: int | None, config: Mapping[str, object]) -> BuildDraft:
        """Return what the services take; numbers that are none become -1, which their ranges refuse."""
        values = self.values
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
            time_limit_seconds=typed_number(values["timeLimitSec"]),
            queue_limit_seconds=typed_number(values["queueLimitSec"]),
            max_attempts=typed_number(values["maxAttempts"]),
            steps=(StepDraft(StepType.CREATE_IMAGE, config=self._image_config(config), seq=image_step_seq),),
        )

    def _image_config(self, stored: Mapping[str, object]) -> dict[str, object]:
        """Return the image step as stored, with the Dockerfile that was typed: its text or its path."""
        kind = self.values["dockerFileType"]
        typed = {
            "docker_file_type": kind,
            "docker_file": self.values["dockerFile"].replace("\r\n", "\n"),
            "docker_file_path": self.values["dockerFilePath"].strip(),
        }
        unused = "docker_file_path" if kind == "CONTENTS" else "docker_file"
        return {**stored, **typed, unused: stored.get(unused)}


def new_form() -> BuildForm:
    """Return the form of a build that is to be created."""
    return BuildForm(values=dict.fromkeys(TEXTS, "") | NEW)


def posted_form(data: QueryDict) -> BuildForm:
    """Return what was sent, all of it kept as it was typed."""
    names = (*TEXTS, *NEW)
    return BuildForm(values={name: data.get(name, NEW.get(name, "")) for name in names})


def stored_form(build: Build, steps: Sequence[BuildStep]) -> BuildForm:
    """Return the form of a stored build."""
    step = image_step(steps)
    config = step.config if step else {}
    return BuildForm(
        values={
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
            "dockerFileType": str(config.get("docker_file_type") or "CONTENTS"),
            "dockerFile": str(config.get("docker_file") or ""),
            "dockerFilePath": str(config.get("docker_file_path") or ""),
        }
    )
