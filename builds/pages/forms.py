"""The forms of the pages. Labels and hints stand here, those of the image options in image_form.py."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, BinaryIO, Final, Self, cast

from django import forms
from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.choices import CallableChoiceIterator

from builds.contract.builds import BuildAdd
from builds.domain.access import Scope
from builds.domain.definition import Step
from builds.domain.errors import Refused
from builds.domain.states import StepType, WhenRunning
from builds.domain.steps.kinds import api_name, without_password
from builds.domain.tags import AutoTagSeqType
from builds.models import Build, UploadedContext
from builds.models.accounts import ACCOUNT_ROLES
from builds.pages.image_form import CONFIG, IMAGE_STEP, ImageForm
from builds.pages.place_form import KEPT, PlaceForm
from builds.pages.screens.source import Source, SourceSteps, image_step
from builds.pages.service_form import Code, Lines, Number, SecretText, ServiceForm, Text, Tick
from builds.pages.source_form import DOCKERFILE, SECRETS, source_values, step_drafts
from builds.pages.words import size_words
from builds.services.builds.contexts import too_large_sentence
from builds.services.builds.edit import BuildDraft
from builds.services.builds.steps import secret_names
from builds.services.runs.parameters import RunAsk

EDITOR: Final = {
    "class": "editor__text",
    "rows": 14,
    "spellcheck": "false",
    "autocapitalize": "none",
    "autocomplete": "off",
    "wrap": "off",
}
OTHER_NAMES: Final = {  # of fields that are not called as in the API
    "protocolType": "repositoryUrl",
    "codeSaveDir": "repositoryUrl",
    f"{CONFIG}loginId": "imageLoginId",
    f"{CONFIG}password": "imagePassword",
    f"{CONFIG}privateCertificate": "imagePrivateCertificate",
}
SSH_FIELDS: Final = ("privateKey", "knownHosts")
ARGUMENT: Final = "buildArg:"  # leads the name of an argument in names of fields
MOST_ARGUMENTS: Final = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """The label of a choice that is explained beside it."""

    word: str
    meaning: str = ""


class AccountForm(ServiceForm):
    """The settings of an account."""

    name = Text(label="Name")
    timeZone = Text(label="Time zone", help_text="Of automatic tags with date and time, such as UTC or Europe/Vienna.")


class MemberForm(ServiceForm):
    """Who is to belong to an account."""

    userName = Text(
        label="User name", help_text="Of somebody who can sign in here already; users are created by an instance admin."
    )
    role = Text(label="Role", widget=forms.Select(choices=[(role.value, role.words) for role in ACCOUNT_ROLES]))


class TokenForm(ServiceForm):
    """A token that is to be issued."""

    name = Text(label="Name", help_text="What uses it, such as ci-deploy.")
    days = Number(label="Days until it expires", help_text="Empty: it does not expire.", initial=90, empty_value=None)
    scopes = forms.Field(
        label="Scopes",
        initial=[Scope.READ],
        widget=forms.CheckboxSelectMultiple(
            choices=[
                (Scope.READ, Choice("read", "see builds, runs and logs")),
                (Scope.RUN, Choice("run", "press Build, cancel, push again")),
                (Scope.WRITE, Choice("write", "create, edit and remove")),
            ]
        ),
    )
    onlyBuilds = forms.BooleanField(
        label="Only the builds that are ticked here; else every build of the account",
        widget=forms.CheckboxInput({"value": "1"}),
    )
    builds = forms.Field(label="Builds")
    allowedRanges = Code(
        label="Allowed addresses",
        help_text="Addresses or ranges such as 10.1.0.0/16, one a line. Empty: from anywhere.",
        widget=forms.Textarea({"rows": 2}),
    )
    blockedRanges = Code(
        label="Blocked addresses", help_text="They win over the allowed ones.", widget=forms.Textarea({"rows": 2})
    )
    requestsPerMinute = Number(label="Requests a minute", help_text="0: no limit.", initial=0, empty_value=0)

    def __init__(self, *args: Any, builds: Iterable[Build], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(build.pk, build.name) for build in builds]
        self.fields["builds"].widget = forms.CheckboxSelectMultiple(choices=choices)


class PressForm(ServiceForm):
    """What one press may set for its run alone, with a field for each build argument of the build."""

    tagName = Text(label="Tag")
    description = Lines(
        label="Description",
        help_text="Shown with the run, such as why it was started.",
        widget=forms.TextInput({"class": "input"}),
    )
    branchName = Code(label="Branch, tag or commit", help_text="Empty: as the build says.")
    callbackUrl = Code(label="Callback URL", help_text="Is told of every change of the run; several are joined by |")
    buildArg = forms.Field(label="Build arguments")  # of which each has a field of its own
    noCache = forms.BooleanField(
        label="Without cache",
        help_text="every instruction is executed again",
        widget=forms.CheckboxInput({"value": "true"}),
    )
    contextSeq = Number(label="Files", empty_value=None)

    def __init__(
        self, steps: Sequence[Step], *args: Any, uploads: Iterable[UploadedContext] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.uploads = uploads
        choices = CallableChoiceIterator(self._upload_choices)
        self.fields["contextSeq"].widget = forms.Select({"class": "input"}, choices=choices)
        self.has_code = any(step.step_type == StepType.CODE_DOWN and step.use for step in steps)
        image = image_step(steps)
        listed: Any = (image.config.get("build_args") if image else None) or []
        for row in listed[:MOST_ARGUMENTS]:
            key, value = str(row["key"]), str(row.get("value") or "")
            self.fields[ARGUMENT + key] = Code(label=key, initial=value, strip=False)
        for field in self.fields.values():
            field.widget.attrs["form"] = "press"

    def _upload_choices(self) -> list[tuple[str, str]]:
        """Return what is offered; it is read when it is shown only."""
        return [("", "Newest upload"), *((str(one.pk), upload_words(one)) for one in self.uploads)]

    @property
    def arguments(self) -> list[forms.BoundField]:
        """Return the fields of the build arguments."""
        return [self[name] for name in self.fields if name.startswith(ARGUMENT)]

    @property
    def is_open(self) -> bool:
        """Say whether something is wrong that the folded part of the page shows."""
        return bool(self.errors.keys() - {"tagName", NON_FIELD_ERRORS})

    def refuse(self, refused: Refused) -> dict[str, Any]:
        """Put errors beside their fields; a password in an address is not shown again."""
        urls = [without_password(url) for url in self.data.get("callbackUrl", "").split("|")]
        self.data = dict(self.data.items()) | {"callbackUrl": "|".join(urls)}
        return super().refuse(refused)

    def ask(self) -> RunAsk:
        """Return what a press asks for: of the arguments only those that differ from the build's own."""
        typed = self.values
        changed = [(str(arg.label), typed[arg.name]) for arg in self.arguments if typed[arg.name] != arg.initial]
        return RunAsk(
            tag_name=typed["tagName"] or None,
            description=typed["description"],
            callback_url=typed["callbackUrl"],
            branch_name=typed["branchName"],
            no_cache=typed["noCache"],
            build_args=tuple(changed),
            context_id=typed["contextSeq"],
        )


def upload_words(upload: UploadedContext) -> str:
    """Return an upload as a choice shows it."""
    who, when = upload.uploaded_by, upload.created_at.strftime("%-d %b %H:%M")
    by = f" by {who.get_username()}" if who else ""
    return f"Upload {upload.pk}, {when} UTC{by}: {upload.file_count:,} files, {size_words(upload.byte_count)}"


class ContextForm(ServiceForm):
    """An archive that the next runs are to be built from."""

    dataFile = forms.FileField(
        label="Archive",
        help_text="A tar, tar.gz or zip.",
        allow_empty_file=True,
        widget=forms.FileInput({"class": "input input--file", "accept": ".tar,.tar.gz,.tgz,.zip", "required": True}),
    )

    @property
    def archive(self) -> BinaryIO:
        """Return what was sent, an empty file where nothing was."""
        sent = self.values["dataFile"]
        return cast(BinaryIO, sent.file) if sent else BytesIO()

    @property
    def limit(self) -> int:
        """Return how many bytes may be sent, for the page's script."""
        return int(settings.CONTEXT_LIMIT_BYTES)

    @property
    def too_large(self) -> str:
        """Return what the script says of more."""
        return too_large_sentence()


class ImportForm(ServiceForm):
    """An exported build that is to fill the form of a new one."""

    dataFile = forms.FileField(
        label="Zip file",
        allow_empty_file=True,
        widget=forms.FileInput({"class": "input input--file", "accept": ".zip,application/zip", "required": True}),
    )


class SourceForm(ImageForm):
    """Where the Dockerfile and the files of a build come from, with the options of the image step."""

    source = forms.CharField(
        label="Where the Dockerfile and its files come from",
        initial=Source.HERE,
        widget=forms.RadioSelect(
            choices=[
                (Source.HERE, Choice("Dockerfile here", "written below; COPY sees the files that are uploaded")),
                (Source.REPOSITORY, Choice("Git repository", "the Dockerfile and its files")),
                (Source.BOTH, Choice("Dockerfile here, files from a Git repository")),
                (Source.UPLOAD, Choice("Uploaded files", "the Dockerfile too; the build's page takes them")),
            ]
        ),
    )
    repositoryUrl = Code(
        label="Repository address", help_text="As you clone it: https://host/team/name.git or git@host:team/name.git"
    )
    branchName = Code(
        label="Branch, tag or commit",
        help_text="Empty: the repository's default branch.",
        widget=forms.TextInput({"list": "branches"}),
    )
    commonType = forms.CharField(
        label="Who may read it",
        initial="COMMON",
        widget=forms.RadioSelect(
            choices=[("COMMON", Choice("Public", "everybody")), ("PRIVATE", Choice("Private", "who signs in"))]
        ),
    )
    userId = Code(label="User", help_text="For a token many hosts take any name.")
    password = Lines(
        label="Password or token", widget=forms.PasswordInput({"class": "input", "autocomplete": "new-password"})
    )
    privateKey = Lines(
        label="Private key", help_text="Without a passphrase, from BEGIN to END.", widget=SecretText({"rows": 5})
    )
    knownHosts = Lines(
        label="Known hosts",
        help_text="The host's keys, as ssh-keyscan prints them. Empty: the key that it shows first is kept.",
        widget=forms.Textarea({"rows": 5}),
    )
    submodules = Tick(label="Fetch submodules")
    lfs = Tick(label="Fetch large files (Git LFS)")
    httpSslVerifySkip = Tick(
        label="Do not verify the TLS certificate",
        help_text="whoever stands between can read the login and change the code",
    )
    dockerFileType = forms.CharField(
        label="Kind of Dockerfile",
        initial="CONTENTS",
        widget=forms.RadioSelect(
            choices=[("CONTENTS", "Written here"), ("FILE_PATH", "A file that an earlier step puts into the workspace")]
        ),
    )
    dockerFile = Lines(label="Dockerfile", widget=forms.Textarea(EDITOR))
    dockerFilePath = Code(
        label="Path of the Dockerfile", help_text="Within the files. Empty: Dockerfile", initial=DOCKERFILE
    )
    contextPath = Code(
        label="Context folder",
        help_text="Within the files; COPY sees what is in it. A dot: all of them. Empty: the Dockerfile's folder, or "
        "all of them for one that is written here.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.steps.is_editable:
            self.fields["dockerFilePath"].label = "Path of that file"
            self.fields["dockerFilePath"].help_text = "Below the workspace, such as app/Dockerfile."
        kept = secret_names(self.steps.code) if self.steps.code else frozenset()
        self.hint_secrets({api_name(name): KEPT if name in kept else "" for name in SECRETS})
        self.knows_key = "private_key" in kept or bool(self.data.get("privateKey"))

    def field_of(self, path: str) -> str | None:
        """Return the field of an error; of steps that are kept none has one, whatever has the same name here."""
        name = OTHER_NAMES.get(path) or OTHER_NAMES.get(path.rpartition(".")[2]) or super().field_of(path)
        is_shown = self.steps.is_editable or (path.startswith(CONFIG) and name != "contextPath")
        return name if is_shown or "." not in path else None

    def refuse(self, refused: Refused) -> dict[str, Any]:
        """Put errors beside their fields; a password in an address is not shown again."""
        self.data = dict(self.data.items()) | {"repositoryUrl": without_password(self.data.get("repositoryUrl", ""))}
        return super().refuse(refused)

    @property
    def has_key(self) -> bool:
        """Say whether the folded part about ssh holds something to see."""
        return self.knows_key or bool(self["knownHosts"].value()) or not self.errors.keys().isdisjoint(SSH_FIELDS)

    @property
    def dockerfile_lines(self) -> Sequence[int]:
        """Return the numbers beside the Dockerfile."""
        return range(1, str(self["dockerFile"].value() or "").count("\n") + 2)


class BuildForm(SourceForm, PlaceForm):
    """A build. Where its files come from is edited here, its other steps are shown and kept."""

    buildName = Text(label="Name", help_text="Empty: the image name.")
    buildDesc = Lines(label="Description", widget=forms.Textarea({"class": "input", "rows": 2}))
    registryName = Code(label="Project", help_text="First part of the path in the registry; may be empty.")
    imageName = Code(label="Image name", help_text="Lower-case letters, digits and -._ in parts between /")
    autotagUseYn = forms.CharField(
        label="Tag rule",
        initial="Y",
        widget=forms.RadioSelect(
            choices=[("Y", "Automatic: prefix and number or time"), ("N", "This tag, or one given each time")]
        ),
    )
    autotagPrefix = Code(label="Prefix", initial="v")
    autotagSeqType = Text(
        label="Followed by",
        initial=AutoTagSeqType.SEQUENCE,
        widget=forms.Select(
            choices=[(AutoTagSeqType.SEQUENCE, "Number of the run"), (AutoTagSeqType.DATETIME, "Date and time")]
        ),
    )
    tagName = Code(label="Tag")
    whenRunning = Text(
        label="While a run is active, another press",
        initial=WhenRunning.REFUSE,
        widget=forms.Select(
            choices=[
                (WhenRunning.REFUSE, "is refused"),
                (WhenRunning.QUEUE, "waits for it"),
                (WhenRunning.REPLACE, "cancels and replaces it"),
            ]
        ),
    )
    timeLimitSec = Number(label="Time limit", help_text="Seconds, 60 to 86400.", initial=3600)
    queueLimitSec = Number(label="Longest wait", help_text="Seconds, 60 to 2592000.", initial=86400)
    maxAttempts = Number(label="Attempts", help_text="When a worker or server is lost: 1 to 10.", initial=3)

    # as on the page: these, the source, the options of the image, the limits
    field_order = (
        *("buildName", "imageName", "externalRegistrySeq", "registryName", "buildDesc"),
        *("autotagPrefix", "autotagSeqType", "tagName"),
        *(name for name in SourceForm.base_fields if name not in ImageForm.base_fields),
        *ImageForm.base_fields,
        *(name for name in PlaceForm.base_fields if name != "externalRegistrySeq"),
    )

    @classmethod
    def of_build(cls, build: Build, steps: SourceSteps) -> Self:
        """Return the form of a stored build."""
        values = {name: getattr(build, column) for name, column in COLUMNS.items()}
        return cls.filled(values | {"autotagUseYn": "Y" if build.auto_tag else "N"}, steps, stored=build)

    @classmethod
    def filled(cls, values: Mapping[str, Any], steps: SourceSteps, stored: Build | None = None) -> Self:
        """Return the form with these values and what it shows of the steps."""
        known = {name: value for name, value in values.items() if value is not None and name in cls.base_fields}
        if not known.get("autotagSeqType"):
            known.pop("autotagSeqType", None)
        return cls(initial=known | source_values(steps), steps=steps, stored=stored)

    def draft(self) -> BuildDraft:
        """Return what the services take."""
        typed = {column: self.values[name] for name, column in COLUMNS.items()}
        typed["auto_tag"] = typed["auto_tag"] == "Y"
        *others, image = step_drafts(self.values, self.steps)
        image = replace(image, config={**image.config, **self.options}, path=IMAGE_STEP, forgets=self.forgets)
        return BuildDraft(**typed, **self.place(), steps=(*others, image))


# the columns of the build behind the fields, as the API has them
OWN: Final = BuildForm.base_fields.keys() - PlaceForm.base_fields.keys()
COLUMNS: Final = {name: str(field.source) for name, field in BuildAdd().fields.items() if name in OWN}
