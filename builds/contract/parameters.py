"""The parameters of queries as the documents publish them; views read them by params.py."""

from typing import Any, Final

from rest_framework import serializers

from builds.contract.fields import Choice, Field, Items, Number, Text, Word
from builds.domain.states import RunState, RunType
from builds.queries.images import COLUMNS, ORDERS

SWITCH: Final = ("true", "false", "1", "0", "Y", "N")


def _seq(meaning: str, **options: Any) -> Number:
    return Number(meaning, min_value=1, **options)


def _account() -> Number:
    return _seq("Only of this account")


def _callback() -> Text:
    return Text(
        "Where to tell what happens; several joined by `|`. http or https, no user name in it",
        max_length=2000,
        example="https://ci.example.com/hooks/buildhub",
    )


def _tag() -> Text:
    return Text("Tag of the image; ignored where tags are automatic", example="1.2.0")


class Pattern(Field, serializers.RegexField):
    """A text of one form."""


Query = serializers.Serializer[Any]


class Account(Query):
    """What narrows a list to an account."""

    accountSeq = _account()


class Callback(Query):
    """Where to tell what happens."""

    callbackUrl = _callback()


class Limit(Query):
    """How much is shown."""

    limit = Number("How many on a page", min_value=1, max_value=200, default=50)


class Page(Limit):
    """A page of a list in the order of its numbers."""

    after = _seq("The last number of the page before")


class Builds(Query):
    """What narrows the list of builds."""

    accountSeq = _account()
    search = Text("Part of build or image name, any case")
    runState = Word(RunState, "State of the last run")
    registryName = Text("Only of this project")
    limit = Number("How many on a page", min_value=1, max_value=200, default=50)
    after = _seq("The last buildSeq of the page before")


class Images(Query):
    """The order of images."""

    order = Choice(ORDERS, "Order", default="DESC")
    orderColumn = Choice(COLUMNS, "What is ordered by; sizes as numbers", default="END_TIME")


class Runs(Query):
    """What narrows the list of runs."""

    buildSeq = _seq("Number of the build", required=True, example=1)
    runState = Word(RunState, "Only in this state")
    runType = Word(RunType, "Only of this type")
    limit = Number("How many on a page", min_value=1, max_value=200, default=50)
    after = _seq("The last buildRunSeq of the page before")


class Latest(Query):
    """What narrows the newest images."""

    accountSeq = _account()
    limitCount = Number("How many", min_value=1, max_value=200, default=5)


class Search(Query):
    """The image whose run is looked for."""

    imageUrl = Text(
        "host/name:tag",
        required=True,
        allow_blank=False,
        min_length=1,
        example="dev.cocktailcloud.io/ops/build-api-test-gradle:test-00001",
    )
    accountSeq = _account()
    buildSeq = _seq("Only of this build")


class Press(Query):
    """What a press may ask for."""

    tagName = _tag()
    description = Text("Shown as runDesc", max_length=1000, example="Nightly")
    callbackUrl = _callback()
    branchName = Text("Branch, tag or commit instead of the definition's")
    noCache = Choice(SWITCH, "Take nothing from the cache")
    buildArg = Items(Text(), "`KEY=VALUE`, repeated; only names that the definition lists", max_length=100)


class Push(Query):
    """Where an image is pushed again."""

    tagName = _tag()
    externalRegistrySeq = Number("Number of the registry; 0 is the default one")


class Removals(Query):
    """Which runs are removed."""

    buildRunSeqs = Items(
        Number(min_value=1), "Numbers of runs: `1,2` or repeated", required=True, min_length=1, example=[1]
    )


class Lines(Query):
    """Which lines of a log are asked for."""

    after = Number("Lines after this number", default=0)
    limit = Number("How many", min_value=1, max_value=10_000, default=1000)
    search = Text("Only lines that hold this, any case")
    step = _seq("Only of this buildStepRunSeq")


class LogText(Query):
    """Which text of a log is asked for."""

    to = _seq("Last line")
    timestamps = Choice(SWITCH, "Begin each line with its time")
    stream = Pattern("`1,2` is the pure output; 0 is what BuildHub says", regex=r"^([012](,[012])*)?$", example="1,2")

    def get_fields(self) -> dict[str, Any]:
        """Return the fields with the one whose name is a word of Python."""
        return {"from": _seq("First line"), **super().get_fields()}
