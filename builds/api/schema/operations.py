"""What an operation of the API is, and the parameters, answers and errors that several of them share.

An operation names its address as people write it, such as `/build/{buildSeq}`; which view answers it is found by the
routes (document.py), so that a table never names a class.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from builds.api.schema.words import Schema, items, maybe, number, ref, text, word
from builds.domain.error_codes import ErrorCode

Method = Literal["GET", "POST", "PUT", "DELETE"]
PATH: Final = "path"
QUERY: Final = "query"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the path, the query or the header."""

    name: str
    where: str
    schema: Schema
    description: str
    required: bool = False
    example: Any = None


@dataclass(frozen=True, slots=True)
class Body:
    """A body: its model, whether it has to be there, and one to copy."""

    model: str
    example: Mapping[str, Any] | None = None
    required: bool = True
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Link:
    """What can be called with a value of the answer: `parameter` of `operation` is the field at `pointer`."""

    operation: str
    parameter: str
    pointer: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address, as both dialects have it."""

    method: Method
    path: str
    name: str  # operationId
    summary: str
    tag: str
    answer: Schema
    description: str = ""
    parameters: Sequence[Parameter] = ()
    body: Body | None = None
    media_type: str = "application/json"  # of the answer; anything else is never enveloped
    errors: Sequence[ErrorCode] = ()  # codes beside those that each operation has
    links: Sequence[Link] = ()
    paged: bool = False
    answer_headers: Mapping[str, tuple[str, Schema]] = field(default_factory=dict)
    has_result: bool = True  # False: the enveloped dialect answers without result
    enveloped_answer: Schema | None = None  # where that dialect carries something else
    statuses: Mapping[int, str] = field(default_factory=dict)  # further statuses of success: what they mean

    @property
    def writes(self) -> bool:
        """True where the method takes an Idempotency-Key."""
        return self.method in ("POST", "PUT")

    @property
    def all_errors(self) -> list[ErrorCode]:
        """Return the codes beside those that each operation has, with that of a key used for another request."""
        return [*self.errors, *([ErrorCode.NOT_POSSIBLE] if self.writes else [])]

    @property
    def all_parameters(self) -> list[Parameter]:
        """Return the parameters with those that the path and the method bring."""
        named = {parameter.name for parameter in self.parameters if parameter.where == PATH}
        found = [seq(part[1:-1]) for part in self.path.split("/") if part.startswith("{") and part[1:-1] not in named]
        return [*found, *self.parameters, *([IDEMPOTENCY_KEY] if self.writes else [])]


def seq(name: str, description: str = "") -> Parameter:
    """Return a number of the path."""
    meant = description or MEANINGS.get(name, "")
    return Parameter(name, PATH, number(least=1), meant, required=True, example=1)


def query(name: str, schema: Schema, description: str, *, required: bool = False, example: Any = None) -> Parameter:
    """Return a parameter of the query."""
    return Parameter(name, QUERY, schema, description, required, example)


def links_of_run(name: str, *, field_name: str = "buildRunSeq") -> tuple[Link, ...]:
    """Return what can be called with a run's number that stands at `name` of the answer."""
    pointer = f"{name}/{field_name}"
    return (
        Link("getRun", "buildSeq", pointer),
        Link("cancelRun", "buildRunSeq", pointer),
        Link("getRunLog", "buildRunSeq", pointer),
        Link("getRunLines", "buildRunSeq", pointer),
        Link("getRunText", "buildRunSeq", pointer),
        Link("removeRun", "buildSeq", pointer),
    )


MEANINGS: Final[Mapping[str, str]] = {
    "buildSeq": "Number of the build",
    "buildRunSeq": "Number of the run",
    "accountSeq": "Number of the account",
    "buildStepRunSeq": "Number of a step of a run",
    "buildServerSeq": "Number of the build server",
    "externalRegistrySeq": "Number of the registry",
    "number": "Number of the delivery, from 1",
}
RUN_IN_BUILD_PATH: Final = seq(
    "buildSeq", "With POST the number of the build (buildSeq); with GET and DELETE the number of the run (buildRunSeq)"
)
ACCOUNT: Final = query("accountSeq", number(least=1), "Only of this account")
CALLBACK_URL: Final = query(
    "callbackUrl",
    text(most=2000),
    "Where to tell what happens; several joined by `|`. http or https, no user name in it",
    example="https://ci.example.com/hooks/buildhub",
)
LIMIT: Final = query("limit", number(least=1, most=200) | {"default": 50}, "How many on a page")
AFTER_BUILD: Final = query("after", number(least=1), "The last buildSeq of the page before")
AFTER_RUN: Final = query("after", number(least=1), "The last buildRunSeq of the page before")
TAG_NAME: Final = query("tagName", text(), "Tag of the image; ignored where tags are automatic", example="1.2.0")
RUN_PARAMETERS: Final = (
    TAG_NAME,
    query("description", text(most=1000), "Shown as runDesc", example="Nightly"),
    CALLBACK_URL,
    query("branchName", text(), "Branch, tag or commit instead of the definition's"),
    query("noCache", word(["true", "false", "1", "0", "Y", "N"]), "Take nothing from the cache"),
    query("buildArg", items(text(), maxItems=100), "`KEY=VALUE`, repeated; only names that the definition lists"),
)
IDEMPOTENCY_KEY: Final = Parameter(
    "Idempotency-Key",
    "header",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!-~]([ -~]*[!-~])?$"},
    "The same key with the same request within 24 h returns the first answer; with another request 409",
)
BUILD_RUN: Final = ref("BuildRun")
RUN_OR_NULL: Final = maybe(ref("BuildRun"))
