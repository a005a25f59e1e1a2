"""Runs found by what they made: the newest, the one behind an image, those of the same digest."""

from django.http import HttpResponse
from rest_framework.request import Request

from builds.api.documented import documented
from builds.api.pagination import LONGEST_PAGE
from builds.api.params import read_number
from builds.api.run_views import found_run
from builds.api.views import ApiView
from builds.contract import parameters
from builds.contract.runs import BuildRun, run_answers
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import FieldError, Invalid
from builds.domain.references import check_reference
from builds.queries.facts import with_facts
from builds.queries.run_finds import latest_runs, runs_of_image, runs_of_same_digest

LATEST = 5  # runs where limitCount says nothing else


class RunLatestView(ApiView):
    """`/build/run/latest`."""

    tag = "Runs"

    @documented("listLatestRuns", "List what was built last", BuildRun(many=True), query=parameters.Latest)
    def get(self, request: Request) -> HttpResponse:
        """Return the BUILD runs that are DONE, newest end first."""
        query = self.query
        limit = query.number("limitCount", least=1, most=LONGEST_PAGE) or LATEST
        runs = latest_runs(self.caller, account_id=query.number("accountSeq"))
        return self.answer(run_answers(with_facts(runs)[:limit], self.caller))


class RunSearchView(ApiView):
    """`/build/run/search`."""

    tag = "Runs"

    @documented("findRun", "Find the run that built an image", BuildRun, query=parameters.Search, may_be_null=True)
    def get(self, request: Request) -> HttpResponse:
        """Return the newest run that pushed exactly the image named, or null."""
        query = self.query
        host, path, tag = _image_parts(query.text("imageUrl"))
        runs = runs_of_image(
            self.caller,
            host=host,
            path=path,
            tag=tag,
            account_id=query.number("accountSeq"),
            build_id=query.number("buildSeq"),
        )
        found = run_answers(with_facts(runs)[:1], self.caller)
        return self.answer(found[0] if found else None)


class RunSiblingsView(ApiView):
    """`/build/run/{buildRunSeq}/otherremoveruns`."""

    tag = "Runs"

    @documented(
        "listRunsOfSameImage", "List runs with the same digest", BuildRun(many=True), errors=[ErrorCode.NOT_FOUND]
    )
    def get(self, request: Request, build_run_seq: str) -> HttpResponse:
        """Return the other runs of the build whose image has the same digest: their tags stay when this one goes."""
        run = found_run(self, read_number("buildRunSeq", build_run_seq))
        runs = runs_of_same_digest(run, self.caller)[:LONGEST_PAGE]
        return self.answer(run_answers(with_facts(runs), self.caller))


def _image_parts(image_url: str) -> tuple[str, str, str]:
    """Return registry host, path and tag of `host/path:tag`; raises `Invalid` on imageUrl."""
    host, _, rest = image_url.partition("/")
    path, _, tag = rest.partition(":")
    if "://" in image_url:
        sentence: str | None = "Leave the scheme out of imageUrl; write it as host/path:tag."
    elif "@" in image_url:
        sentence = "Leave the digest out of imageUrl; a run is found by host/path:tag."
    elif not (host and path and tag):
        sentence = "Give imageUrl with its tag: host/path:tag, such as registry.example/ops/app:1.2."
    else:
        sentence = check_reference(image_url)
    if sentence:
        raise Invalid([FieldError("imageUrl", sentence)])
    return host, path, tag
