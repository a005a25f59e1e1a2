"""The queries: one line for each parameter, by which it is read and published.

What is asked for has the names of what takes it (`source`), so that views hand it on as it is.
"""

import re
from typing import Any, Final

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.fields import empty

from builds.contract.fields import INT32, Choice, Field, Items, Number, Text, Word
from builds.domain.errors import FieldError, Invalid
from builds.domain.references import check_reference
from builds.domain.states import RunState, RunType
from builds.queries.images import COLUMNS, ORDERS
from builds.queries.log import WINDOW_LINES

WHOLE: Final = re.compile(r"-?[0-9]{1,10}\Z")
LONGEST_PAGE: Final = 200
SWITCH: Final = ("true", "false", "1", "0", "Y", "N")
ON: Final = ("true", "1", "Y")
STREAMS: Final = re.compile(r"^([012](,[012])*)?$")


def read_number(name: str, text: str, *, least: int = -INT32 - 1, most: int = INT32) -> int:
    """Return `text` as a number from `least` to `most` (int32 by default); raises `Invalid` naming the field."""
    if WHOLE.match(text) and least <= int(text) <= most:
        return int(text)
    kind = "a whole number of 32 bits" if most == INT32 else f"a whole number from {least} to {most:,}"
    raise Invalid([FieldError(name, f"{name} has to be {kind}, such as 1.")])


class Asked(Field):
    """A parameter: an empty one is the same as none."""

    default_error_messages = {
        "required": "Give {name}, such as ?{name}=1.",
        "unstorable": "{name} holds a NUL; leave it out.",
    }

    def get_value(self, dictionary: Any) -> Any:
        """Return the last text that is given, `empty` where there is none."""
        return dictionary.get(self.field_name) or empty

    def run_validation(self, data: Any = empty) -> Any:
        """Return what is read; raises `ValidationError`."""
        try:
            return super().run_validation(data)
        except Invalid as refused:
            raise serializers.ValidationError(refused.sentence) from refused

    def run_validators(self, value: Any) -> None:
        """Do nothing: validators publish bounds, which `to_internal_value` or a service holds with its own sentence."""

    def text(self, data: Any, most: int = 0) -> str:
        """Return `data`, a text without NUL; how long it may be a service says, after who may ask."""
        return self.fail("unstorable") if "\x00" in data else str(data)


class Repeated(Asked):
    """A parameter that may be given several times."""

    def get_value(self, dictionary: Any) -> Any:
        """Return all texts that are given, `empty` where there is none."""
        return dictionary.getlist(self.field_name) or empty


class Whole(Asked, Number):
    """A whole number within its bounds."""

    def to_internal_value(self, data: Any) -> int:
        """Return the number."""
        return read_number(str(self.field_name), data, **self.bounds)


class Line(Asked, Text):
    """A text."""


class Image(Line):
    """An image as `host/path:tag`, read as these three."""

    default_error_messages = {
        "required": "Give {name} with its tag: host/path:tag, such as registry.example/ops/app:1.2.",
        "scheme": "Leave the scheme out of {name}; write it as host/path:tag.",
        "digest": "Leave the digest out of {name}; a run is found by host/path:tag.",
    }

    def to_internal_value(self, data: Any) -> Any:
        """Return registry host, path and tag."""
        host, _, rest = super().to_internal_value(data).partition("/")
        path, _, tag = rest.partition(":")
        has_all = bool(host and path and tag)
        for key, is_wrong in (("scheme", "://" in data), ("digest", "@" in data), ("required", not has_all)):
            if is_wrong:
                self.fail(key)
        if sentence := check_reference(data):
            raise serializers.ValidationError(sentence)
        return {"host": host, "path": path, "tag": tag}


class OneWord(Asked, Word):
    """One of the words of an enumeration."""


class OneChoice(Asked, Choice):
    """One of a few words."""


class Switch(OneChoice):
    """On or off."""

    def to_internal_value(self, data: Any) -> Any:
        """Return whether it is on."""
        return super().to_internal_value(data) in ON


class Streams(Repeated, serializers.RegexField):
    """Some of the streams of a log."""

    default_error_messages = {"invalid": "{name} is a list such as 0,1,2; allowed: 0, 1, 2."}

    def to_internal_value(self, data: Any) -> Any:
        """Return their numbers, None where only empty texts are given."""
        text = ",".join(filter(None, data))
        if not STREAMS.fullmatch(text):
            self.fail("invalid")
        return frozenset(map(int, text.split(","))) if text else None


class Pairs(Repeated, Items):
    """`KEY=VALUE`, repeated; a value may hold further `=`."""

    default_error_messages = {"invalid": "{name} is KEY=VALUE without NUL, once for each key: {name}=VERSION%3D1."}

    def to_internal_value(self, data: Any) -> Any:
        """Return each key with its value."""
        if any("=" not in text or "\x00" in text for text in data):
            self.fail("invalid")
        return tuple((key, value) for key, _, value in (text.partition("=") for text in data))


class Seqs(Repeated, Items):
    """Numbers, `1,2` or repeated; a double counts once."""

    default_error_messages = {
        "required": "Give {name}, such as ?{name}=1,2.",
        "too_many": f"{{name}} may name up to {LONGEST_PAGE} at once; ask again for the others.",
    }

    def to_internal_value(self, data: Any) -> Any:
        """Return the numbers, in the order given."""
        texts = [part for text in data for part in text.split(",") if part]
        if not texts or len(texts) > LONGEST_PAGE:
            self.fail("too_many" if texts else "required")
        return list(dict.fromkeys(read_number(str(self.field_name), text) for text in texts))


def _seq(meaning: str, **options: Any) -> Whole:
    return Whole(meaning, min_value=1, **options)


def _context(meaning: str, **options: Any) -> Whole:
    return Whole(meaning, min_value=0, max_value=20, **options)


def _tag() -> Line:
    return Line("Tag of the image; ignored where tags are automatic", example="1.2.0")


class Query(serializers.Serializer[Any]):
    """A query; parameters that it does not have are ignored."""

    @classmethod
    def read(cls, parameters: QueryDict) -> dict[str, Any]:
        """Return what is given and the defaults; raises `Invalid` with all parameters that are wrong."""
        query = cls(data=parameters)
        if not query.is_valid():
            raise Invalid([FieldError(name, str(sentence)) for name, (sentence,) in query.errors.items()])
        return dict(query.validated_data)


class Account(Query):
    """What narrows a list to an account."""

    accountSeq = _seq("Only of this account", source="account_id")


class Callback(Query):
    """Where to tell what happens."""

    callbackUrl = Line(
        "Where to tell what happens; several joined by `|`. http or https, no user name in it",
        max_length=2000,
        example="https://ci.example.com/hooks/buildhub",
    )


class Limit(Query):
    """How much is shown."""

    limit = Whole("How many on a page", min_value=1, max_value=LONGEST_PAGE, default=50)


class Front(Limit):
    """Why a run is moved, and how much of the queue is shown then."""

    reason = Line("Why, kept in Activity", max_length=500, example="hotfix for production")


class Page(Limit):
    """A page of a list in the order of its numbers."""

    after = _seq("The last number of the page before")


class Builds(Account, Limit):
    """What narrows the list of builds."""

    search = Line("Part of build or image name, any case")
    runState = OneWord(RunState, "State of the last run")
    registryName = Line("Only of this project", source="project")
    after = _seq("The last buildSeq of the page before")


class Images(Query):
    """The order of images."""

    orderColumn = OneChoice(COLUMNS, "What is ordered by; sizes as numbers", default="END_TIME", source="column")
    order = OneChoice(ORDERS, "Order", default="DESC")


class Runs(Limit):
    """What narrows the list of runs."""

    buildSeq = _seq("Number of the build", required=True, example=1, source="build_id")
    after = _seq("The last buildRunSeq of the page before")
    runState = OneWord(RunState, "Only in this state")
    runType = OneWord(RunType, "Only of this type")


class Latest(Account):
    """What narrows the newest images."""

    limitCount = Whole("How many", min_value=1, max_value=LONGEST_PAGE, default=5)


class Search(Account):
    """The image whose run is looked for."""

    imageUrl = Image(
        "host/name:tag",
        required=True,
        allow_blank=False,
        min_length=1,
        example="dev.cocktailcloud.io/ops/build-api-test-gradle:test-00001",
        source="*",
    )
    buildSeq = _seq("Only of this build", source="build_id")


class Press(Callback):
    """What a press may ask for."""

    contextSeq = _seq("Number of an uploaded context of the build; default: its newest", source="context_id")
    tagName = _tag()
    description = Line("Shown as runDesc", max_length=1000, example="Nightly")
    branchName = Line("Branch, tag or commit instead of the definition's")
    noCache = Switch(SWITCH, "Take nothing from the cache")
    buildArg = Pairs(
        Text(), "`KEY=VALUE`, repeated; only names that the definition lists", max_length=100, source="build_args"
    )


class Push(Query):
    """Where an image is pushed again."""

    tagName = _tag()
    externalRegistrySeq = Whole("Number of the registry; 0 is the default one")


class Removals(Query):
    """Which runs are removed."""

    buildRunSeqs = Seqs(
        Number(min_value=1),
        "Numbers of runs: `1,2` or repeated",
        required=True,
        min_length=1,
        example=[1],
        source="run_ids",
    )


class Lines(Query):
    """Which lines of a log are asked for."""

    after = Whole("Lines after this number", default=0)
    limit = Whole("How many", min_value=1, max_value=10_000, default=WINDOW_LINES)
    step = _seq("Only of this buildStepRunSeq", source="step_id")
    search = Line("Only lines that hold this, any case")

    def get_fields(self) -> dict[str, Any]:
        """Return the fields with the one whose name a serializer has for itself."""
        return {**super().get_fields(), "context": _context("With `search`: lines before and behind each", default=0)}


class Hits(Query):
    """Which line that holds a text is asked for."""

    search = Line("Lines that hold this, any case", required=True, allow_blank=False, min_length=1)
    backwards = Switch(SWITCH, "The last one up to `from`, in place of the first one from there on")

    def get_fields(self) -> dict[str, Any]:
        """Return the fields with those whose names Python and a serializer have for themselves."""
        begin = Whole("Line to begin at", min_value=1, source="start", default=1)
        context = _context("Tell all places as well, each with so many lines before and behind")
        return {**super().get_fields(), "from": begin, "context": context}


class LogText(Query):
    """Which text of a log is asked for."""

    to = _seq("Last line", source="last")
    timestamps = Switch(SWITCH, "Begin each line with its time")
    stream = Streams(
        "`1,2` is the pure output; 0 is what BuildHub says", regex=STREAMS.pattern, example="1,2", source="streams"
    )

    def get_fields(self) -> dict[str, Any]:
        """Return the fields with the one whose name is a word of Python."""
        return {"from": _seq("First line", source="first"), **super().get_fields()}
