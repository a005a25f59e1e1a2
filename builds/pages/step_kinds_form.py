"""The fields of each kind of step on the page of a build's steps: labels and hints, under the names of the API.

What is a list is typed as lines. Which fields a kind has and what they may be: builds/contract/configs.py.
"""

from collections.abc import Mapping
from typing import Any, Final

from django import forms

from builds.domain.states import StepType
from builds.domain.steps.ftp import FTP_TYPES
from builds.domain.steps.http import HTTP_MODES
from builds.pages.forms import SourceForm
from builds.pages.image_form import GROWS
from builds.pages.service_form import Code, Lines, Number, ServiceForm, Text, Tick

PASSWORD: Final = {"class": "input", "autocomplete": "new-password"}
WORDS: Final = {  # what a kind does, for those who choose one
    StepType.SHELL: "runs a command or a script with sh, beside the files of the run.",
    StepType.USER_TASK: "runs a command in a container of an image that you name, beside the files of the run.",
    StepType.HTTP: "sends a request and judges its answer.",
    StepType.FTP: "sends files to an FTP or SFTP server or fetches some from it.",
    StepType.CODE_DOWN: "puts the code of a Git repository beside the files of the run.",
}


class LineList(Lines):
    """A list that is typed one entry a line; here each is a text. Empty lines are none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(GROWS), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Return the text of a list that is stored."""
        return "\n".join(self.written(entry) for entry in value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        """Return the list."""
        return [self.read(line) for _, line in self._lines(value)]

    def written(self, entry: Any) -> str:
        """Return an entry as a line."""
        return str(entry)

    def read(self, line: str) -> Any:
        """Return a line as an entry."""
        return line

    def line_of(self, value: Any, index: int) -> int:
        """Return the number of the line, from 1, on which an entry of what was typed stands."""
        return self._lines(value)[index][0]

    def _lines(self, value: Any) -> list[tuple[int, str]]:
        """Return the lines that say something, with their numbers."""
        lines = super().clean(self.prepare_value(value)).split("\n")
        return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]


class PairList(LineList):
    """A list of pairs, each a line with a mark between both; `keys` are those of the first and the second part."""

    def __init__(self, keys: tuple[str, str], mark: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keys, self.mark = keys, mark

    def written(self, entry: Any) -> str:
        """Return a pair as a line."""
        if not isinstance(entry, Mapping):
            return str(entry)
        first, second = ("" if entry.get(key) is None else str(entry[key]) for key in self.keys)
        return f"{first}{self.mark}{second}"

    def read(self, line: str) -> dict[str, str]:
        """Return a line as a pair; a blank that belongs to the mark belongs to no part."""
        first, _, second = line.partition(self.mark.strip())
        return {self.keys[0]: first.strip(), self.keys[1]: second if self.mark == "=" else second.strip()}


class Chosen(Text):
    """One of a few words; `first` is that of a new step, and an empty one is offered where none was stored."""

    def __init__(self, choices: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(widget=forms.Select(choices=list(choices.items())), initial=next(iter(choices)), **kwargs)

    def offer(self, stored: str) -> None:
        """Offer what is stored, where it is none of the words."""
        words: Any = self.widget
        if stored not in dict(words.choices):
            words.choices = [(stored, stored or "Not chosen"), *words.choices]


class CodeFields(ServiceForm):
    """Code of a repository, in the words of the build's own form, which edits it where it is the only other step."""

    repositoryUrl = SourceForm.base_fields["repositoryUrl"]
    branchName = Code(label="Branch, tag or commit", help_text="Empty: the repository's default branch.")
    codeSaveDir = Code(
        label="Folder for the code", help_text="Within the files of the run. Empty: the repository's name."
    )
    commonType = SourceForm.base_fields["commonType"]
    userId = SourceForm.base_fields["userId"]
    password = SourceForm.base_fields["password"]
    privateKey = SourceForm.base_fields["privateKey"]
    knownHosts = SourceForm.base_fields["knownHosts"]
    submodules = SourceForm.base_fields["submodules"]
    lfs = SourceForm.base_fields["lfs"]
    httpSslVerifySkip = SourceForm.base_fields["httpSslVerifySkip"]


class UserTaskFields(ServiceForm):
    """A program of the user's own in a container."""

    imageName = Code(label="Image", help_text="Such as registry.example/team/tool.")
    imageTag = Code(label="Tag of the image", help_text="Empty: latest.")
    cmd = LineList(label="Command", help_text="One argument a line, such as mvn and below it package.")
    workingDir = Code(label="Working folder", help_text="Within the files of the run, or a path of the container.")
    envs = PairList(("key", "value"), "=", label="Environment", help_text="KEY=value, one a line. No secrets.")
    dockerVolumeMountVOList = PairList(
        ("host_path", "container_path"),
        ":",
        label="Mounted folders",
        help_text="Path of the build server:path in the container, one a line. Its administrator opens the former.",
    )


class ShellFields(ServiceForm):
    """A command line or a script."""

    shellType = Chosen({"COMMAND": "A command", "SCRIPT": "A script"}, label="What it is")
    command = Lines(
        label="Command or script",
        help_text="For sh, which stops at the first command that fails.",
        widget=forms.Textarea({"rows": 5}),
    )


class HttpFields(ServiceForm):
    """A request."""

    httpMode = Chosen({mode: mode for mode in HTTP_MODES}, label="Method")
    url = Code(label="Address", help_text="Such as https://example.com/hook, without user and password.")
    customHeaders = PairList(("name", "value"), ": ", label="Headers", help_text="Name: value, one a line. No secrets.")
    requestBody = Lines(label="Body", widget=forms.Textarea({"rows": 3}))
    username = Code(label="User")
    password = Lines(label="Password", widget=forms.PasswordInput(PASSWORD))
    timeout = Number(label="Time limit of the request", help_text="Seconds, 1 to 3600.", empty_value=None)
    validResponseCodes = Code(label="Statuses that are right", help_text="Such as 200:299,404. Empty: 2xx.")
    validResponseContent = Lines(
        label="Text that the answer holds", help_text="Empty: any answer.", widget=forms.Textarea(GROWS)
    )
    outputFile = Code(label="File for the answer", help_text="Within the files of the run. Empty: none.")
    ignoreSslErrors = Tick(
        label="Do not verify the TLS certificate",
        help_text="whoever stands between can read the login and change the answer",
    )
    consoleLogResponseBody = Tick(label="Write the answer to the log")


class FtpFields(ServiceForm):
    """A transfer of files."""

    ftpExecType = Chosen(
        {
            "FTP_UPLOAD": "Send files",
            "FTP_DOWN": "Fetch files",
            "DIR_FTP_UPLOAD": "Send a folder",
            "DIR_FTP_DOWN": "Fetch a folder",
        },
        label="What to do",
    )
    ftpType = Chosen({kind: kind for kind in FTP_TYPES}, label="Protocol")
    url = Code(label="Address", help_text="Such as ftp://files.example.com, without user and password.")
    remoteDirectory = Code(label="Folder on the server")
    sourceFiles = Code(label="Files", help_text="With commas between them, such as target/*.jar.")
    username = Code(label="User")
    password = Lines(label="Password", widget=forms.PasswordInput(PASSWORD))


FIELDS: Final[Mapping[StepType, type[ServiceForm]]] = {
    StepType.CODE_DOWN: CodeFields,
    StepType.USER_TASK: UserTaskFields,
    StepType.SHELL: ShellFields,
    StepType.HTTP: HttpFields,
    StepType.FTP: FtpFields,
}
