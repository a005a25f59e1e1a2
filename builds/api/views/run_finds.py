"""Runs found by what they made: the newest, the one behind an image, those of the same digest."""

from django.http import HttpResponse

from builds.api.documented import documented
from builds.api.requests import ApiRequest
from builds.api.views.base import ApiView
from builds.api.views.runs import found_run
from builds.contract import parameters
from builds.contract.parameters import LONGEST_PAGE
from builds.contract.runs import BuildRun, run_answers
from builds.queries.facts import with_facts
from builds.queries.run_finds import latest_runs, runs_of_image, runs_of_same_digest


class RunLatestView(ApiView):
    """`/build/run/latest`."""

    tag = "Runs"

    @documented("listLatestRuns", "List what was built last", BuildRun(many=True), query=parameters.Latest)
    def get(self, request: ApiRequest) -> HttpResponse:
        """Return the BUILD runs that are DONE, newest end first."""
        runs = latest_runs(self.caller, account_id=self.asked.get("account_id"))
        return self.answer(run_answers(with_facts(runs)[: self.asked["limit_count"]], self.caller))


class RunSearchView(ApiView):
    """`/build/run/search`."""

    tag = "Runs"

    @documented("findRun", "Find the run that built an image", BuildRun, query=parameters.Search, may_be_null=True)
    def get(self, request: ApiRequest) -> HttpResponse:
        """Return the newest run that pushed exactly the image named, or null."""
        found = run_answers(with_facts(runs_of_image(self.caller, **self.asked))[:1], self.caller)
        return self.answer(found[0] if found else None)


class RunSiblingsView(ApiView):
    """`/build/run/{buildRunSeq}/otherremoveruns`."""

    tag = "Runs"

    @documented("listRunsOfSameImage", "List runs with the same digest", BuildRun(many=True))
    def get(self, request: ApiRequest, build_run_seq: int) -> HttpResponse:
        """Return the other runs of the build whose image has the same digest: their tags stay when this one goes."""
        run = found_run(self, build_run_seq)
        runs = runs_of_same_digest(run, self.caller)[:LONGEST_PAGE]
        return self.answer(run_answers(with_facts(runs), self.caller))
