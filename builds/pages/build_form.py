"""The form of a build. Field names are the API's, so that an error finds its field."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.http import QueryDict

from builds.domain.errors import FieldError
from builds.domain.states import WhenRunning
from builds.domain.steps.kinds import api_name, without_password
from builds.domain.tags import AutoTagSeqType
from builds.models import Build
from builds.pages import labels as names
from builds.pages import source_form
from builds.pages.form_values import TypedForm, typed_number
from builds.pages.screens.source import SourceSteps
from builds.services.builds.edit import BuildDraft
from builds.services.builds.steps import secret_names

TEXTS: Final = (
    "buildName",
    "buildDesc",
    "registryName",
    "imageName",
    "autotagPrefix",
    "tagName",
)
NEW: Final = {
    **source_form.NEW,
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
    """The form of a build: where its files come from is edited here, its other steps are shown and kept.

    `steps` are those that are stored or imported; `secrets` are the ones just typed, which no page shows.
    """

    labels: Mapping[str, str] = field(default_factory=lambda: names.BUILD)
    steps: SourceSteps = field(default_factory=SourceSteps)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def place_of(self, path: str) -> str:
        """Return the field of an error; of steps that are kept none has one, whatever has the same name here."""
        name = TypedForm.place_of(self, path)
        if "." not in path or name.startswith("dockerFile"):
            return name
        return source_form.PLACES.get(path.rpartition(".")[2], "") if self.steps.is_editable else ""

    def refuse(self, errors: Iterable[FieldError]) -> None:
        """Put what the services refuse beside its field; a password in an address is not shown again."""
        TypedForm.refuse(self, errors)
        self.values["repositoryUrl"] = without_password(self.values["repositoryUrl"])

    @property
    def secret_hints(self) -> Mapping[str, str]:
        """Return what is said below the fields of secrets, by their names."""
        code = self.steps.code
        kept = secret_names(code) if code else frozenset()
        hints = dict.fromkeys(kept, "One is kept; leave this empty to keep it. Another address forgets it.")
        hints |= dict.fromkeys(self.secrets, "It was not stored and is not shown again: type it once more.")
        return {api_name(name): hint for name, hint in hints.items()}

    @property
    def dockerfile_lines(self) -> Sequence[int]:
        """Return the numbers beside the Dockerfile."""
        return range(1, self.values.get("dockerFile", "").count("\n") + 2)

    def draft(self) -> BuildDraft:
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
            steps=source_form.step_drafts(values, self.secrets, self.steps),
        )


def new_form(steps: SourceSteps | None = None) -> BuildForm:
    """Return the form of a build that is to be created, with the steps of one that is imported."""
    return BuildForm(values=dict.fromkeys(TEXTS, "") | NEW, steps=steps or SourceSteps())


def posted_form(data: QueryDict, steps: SourceSteps) -> BuildForm:
    """Return what was sent, all of it kept as it was typed, for a build with these steps."""
    typed = {name: data.get(api_name(name), "") for name in source_form.SECRETS}
    return BuildForm(
        values={name: data.get(name, NEW.get(name, "")) for name in (*TEXTS, *NEW)},
        steps=steps,
        secrets={name: text.replace("\r\n", "\n") for name, text in typed.items() if text},
    )


def stored_form(build: Build, steps: SourceSteps) -> BuildForm:
    """Return the form of a stored build."""
    return BuildForm(
        steps=steps,
        values={
            **source_form.source_values(steps),
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
        },
    )
