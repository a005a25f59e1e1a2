"""Where the files and the Dockerfile of a build come from, as far as the pages show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from builds.domain.definition import Step
from builds.domain.states import StepType
from builds.domain.steps.create_image import dockerfile_type
from builds.domain.steps.kinds import KINDS
from builds.domain.steps.places import repository_url


class Source(StrEnum):
    """What the form offers: the Dockerfile typed here, of a repository, typed beside one, or of an upload."""

    HERE = "HERE"
    REPOSITORY = "REPOSITORY"
    BOTH = "BOTH"
    UPLOAD = "UPLOAD"


@dataclass(frozen=True, slots=True)
class SourceSteps:
    """The steps of a build: those that the form edits, and `others`, which it shows in words and keeps.

    `is_editable` is False where the form can show the Dockerfile alone; a code download is one of the others then.
    """

    image: Step | None = None
    code: Step | None = None
    others: tuple[Step, ...] = ()
    is_editable: bool = True

    @property
    def source(self) -> Source:
        """Return which of the offers these steps are."""
        is_file = self.image is not None and dockerfile_type(self.image.config) == "FILE_PATH"
        if self.code is None or not self.code.use:
            return Source.UPLOAD if is_file else Source.HERE
        return Source.REPOSITORY if is_file else Source.BOTH

    def inner_path(self, key: str) -> str:
        """Return a path of the image step as people know it: within the repository or the upload; empty without one."""
        stored = str(self.image.config.get(key) or "") if self.image else ""
        if self.source is Source.UPLOAD:  # its files are the workspace
            return stored
        inner = _within(stored, self.code) if stored and self.code else None
        return inner or ""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """Where a build takes its files and its Dockerfile from, in words; each is empty where there is nothing to say."""

    address: str = ""
    branch: str = ""
    dockerfile_path: str = ""
    context_path: str = ""

    @property
    def page(self) -> str:
        """Return the address where it can be opened in a browser."""
        return self.address if self.address.startswith(("https://", "http://")) else ""


def source_facts(steps: SourceSteps) -> SourceFacts | None:
    """Return what a page says of a build's source, None where all of it is a Dockerfile that was typed."""
    config = steps.image.config if steps.image else {}
    is_file = dockerfile_type(config) == "FILE_PATH"
    if steps.source is Source.HERE:
        return None
    code = steps.code if steps.code and steps.code.use else None
    return SourceFacts(
        address=repository_address(code.config) if code else "",
        branch=str(code.config.get("branch_name") or "") if code else "",
        dockerfile_path=steps.inner_path("docker_file_path") if is_file else "",
        context_path=steps.inner_path("context_path"),
    )


def source_steps(steps: Sequence[Step]) -> SourceSteps:
    """Return which of a build's steps the form edits.

    A code download is edited where it is the only step beside the image's and the image step's paths lie within it.
    """
    listed = [step for step in steps if step.step_type in KINDS]
    image = image_step(listed)
    rest = tuple(step for step in listed if step is not image)
    code = rest[0] if [step.step_type for step in rest] == [StepType.CODE_DOWN] else None
    if (code is not None or not rest) and _is_shown(image, code):
        return SourceSteps(image, code)
    return SourceSteps(image, None, rest, is_editable=False)


def image_step(steps: Sequence[Step]) -> Step | None:
    """Return the step that builds the image."""
    return next((step for step in steps if step.step_type == StepType.CREATE_IMAGE and step.use), None)


def typed_dockerfile(config: Mapping[str, Any]) -> str:
    """Return the Dockerfile that was typed into an image step, empty where it is a file of the workspace."""
    return str(config.get("docker_file") or "") if dockerfile_type(config) == "CONTENTS" else ""


def repository_address(config: Mapping[str, Any]) -> str:
    """Return the address of a code download as people write it: with its scheme, or in git's short form."""
    stored = str(config.get("repository_url") or "")
    return repository_url(stored, str(config.get("protocol_type") or "https")) if stored else ""


def _is_shown(image: Step | None, code: Step | None) -> bool:
    """Say whether the paths of the image step are ones that the form can show."""
    config = image.config if image else {}
    is_file, context = dockerfile_type(config) == "FILE_PATH", str(config.get("context_path") or "")
    if code is None or not code.use:
        return is_file or not context
    paths = [str(config.get("docker_file_path") or "")] if is_file else []
    return all(_within(path, code) is not None for path in [*paths, *([context] if context else [])])


def _within(path: str, code: Step) -> str | None:
    """Return a path of the workspace as one of the repository, None where it lies elsewhere."""
    try:
        return str(PurePosixPath(path).relative_to(str(code.config.get("code_save_dir") or ".")))
    except ValueError:
        return None
