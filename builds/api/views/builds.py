"""Builds: list, names, count, detail, create, edit, remove."""

from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpResponse

from builds.api.documented import GET_RUN, documented
from builds.api.examples import CHANGED_BUILD, NEW_BUILD
from builds.api.pagination import KeysetPagination
from builds.api.requests import ApiRequest
from builds.api.views.base import ApiView
from builds.api.views.runs import answer_now
from builds.contract import parameters
from builds.contract.builds import (
    Build,
    BuildAdd,
    BuildCount,
    BuildDetail,
    BuildImage,
    BuildName,
    build_answers,
    build_detail,
)
from builds.contract.fields import Answer
from builds.contract.runs import BuildRun
from builds.domain.error_codes import ErrorCode
from builds.domain.errors import FieldError, Invalid, NotFound
from builds.models import Account
from builds.models import Build as BuildRow
from builds.queries.builds import BuildFilter, after_build, visible_builds
from builds.queries.facts import with_build_facts
from builds.queries.images import build_images
from builds.services.builds.bodies import read_build
from builds.services.builds.edit import create_build, edit_build
from builds.services.runs.cancel_and_remove import request_build_removal

STORE_ERRORS: Final = (
    ErrorCode.SERVER_NOT_FOUND,
    ErrorCode.IMAGE_NAME_TAKEN,
    ErrorCode.NOT_ONE_IMAGE_STEP,
    ErrorCode.REGISTRY_NOT_FOUND,
)
LINKS: Final = dict.fromkeys(
    ("getBuild", "editBuild", "startRun", "listRuns", "listImages", "removeBuild"), ("buildSeq", "/buildSeq")
)


class BuildListView(ApiView):
    """`/build`: what can be built, and a new one."""

    tag = "Builds"

    @documented("listBuilds", "List builds", Build(many=True), query=parameters.Builds, paged=True)
    def get(self, request: ApiRequest) -> HttpResponse:
        """Return a page of builds, newest activity first, without steps."""
        narrowed = BuildFilter(**{name: value for name, value in self.asked.items() if name not in ("limit", "after")})
        pages = KeysetPagination("buildSeq", self._following)
        builds = pages.paginate_queryset(visible_builds(self.caller, narrowed), request, self)
        return pages.get_paginated_response(build_answers(with_build_facts(builds), self.caller))

    @documented(
        "createBuild",
        "Create a build",
        BuildDetail,
        query=parameters.Callback,
        body=BuildAdd,
        body_example=NEW_BUILD,
        errors=(*STORE_ERRORS, ErrorCode.BUILD_LIMIT),
        links=LINKS,
    )
    def post(self, request: ApiRequest) -> HttpResponse:
        """Create a build. All fields that are wrong are told at once."""
        draft = read_build(BuildAdd, request.data, is_new=True)
        build = create_build(caller=self.caller, draft=draft, **self.asked)
        return self.answer(_detail(self, build.pk))

    def _following(self, builds: "QuerySet[BuildRow]", after: int) -> "QuerySet[BuildRow]":
        last = BuildRow.objects.visible_to(self.caller).filter(pk=after).first()
        if last is None:
            raise Invalid([FieldError("after", f"There is no build {after} any more; begin without after.")])
        return after_build(builds, last)


class BuildNamesView(ApiView):
    """`/build/names`: what a list to choose from needs."""

    tag = "Builds"

    @documented("listBuildNames", "List names of builds", BuildName(many=True), query=parameters.Account)
    def get(self, request: ApiRequest) -> HttpResponse:
        """Return number and name of each build, by name."""
        builds = visible_builds(self.caller, BuildFilter(**self.asked))
        return self.answer(BuildName(builds.order_by("name", "pk").only("name"), many=True).data)


class BuildCountView(ApiView):
    """`/build/count/{accountSeq}`."""

    tag = "Builds"

    @documented("countBuilds", "Count the builds of an account", BuildCount)
    def get(self, request: ApiRequest, account_seq: int) -> HttpResponse:
        """Return how many builds an account has, of those that the caller may see."""
        account: Any = Account.objects.filter(pk=account_seq).first()
        if self.caller.role_in(account_seq) is None or account is None:
            raise NotFound(f"There is no account {account_seq}.")
        account.build_count = visible_builds(self.caller, BuildFilter(account_id=account_seq)).count()
        return self.answer(BuildCount(account).data)


class BuildDetailView(ApiView):
    """`/build/{buildSeq}`."""

    tag = "Builds"

    @documented("getBuild", "Get a build", BuildDetail)
    def get(self, request: ApiRequest, build_seq: int) -> HttpResponse:
        """Return a build with its steps."""
        return self.answer(_detail(self, build_seq))

    @documented(
        "editBuild",
        "Change a build",
        BuildDetail,
        body=BuildAdd,
        body_example=CHANGED_BUILD,
        errors=STORE_ERRORS,
        has_result=False,
    )
    def put(self, request: ApiRequest, build_seq: int) -> HttpResponse:
        """Change a build; the number in the path wins.

        Steps are matched by buildStepSeq; unlisted ones stay. Fields that are absent or null keep their values. The
        enveloped dialect answers without result.
        """
        BuildRow.objects.visible_to(self.caller).wanted(build_seq)  # before anything is told of the body
        draft = read_build(BuildAdd, request.data, is_new=False)
        edit_build(build_id=build_seq, caller=self.caller, draft=draft)
        return self.answer(_detail(self, build_seq), result=False)

    @documented(
        "removeBuild",
        "Remove a build with its images",
        BuildRun,
        query=parameters.Callback,
        errors=[ErrorCode.RUN_IS_ACTIVE],
        links=GET_RUN,
    )
    def delete(self, request: ApiRequest, build_seq: int) -> HttpResponse:
        """Ask for a build to be removed with its images; return the REMOVE run."""
        removal = request_build_removal(build_id=build_seq, caller=self.caller, **self.asked)
        return self.answer(answer_now(self, removal.pk))


class BuildImagesView(ApiView):
    """`/build/{buildSeq}/images`."""

    tag = "Builds"

    @documented("listImages", "List the images of a build", BuildImage, query=parameters.Images)
    def get(self, request: ApiRequest, build_seq: int) -> HttpResponse:
        """Return the images of a build that a registry has confirmed."""
        images = build_images(_found(self, build_seq), self.caller, **self.asked)
        return self.answer(BuildImage(images).data)


def _found(view: ApiView, build_id: int) -> Any:
    return with_build_facts(BuildRow.objects.visible_to(view.caller)).wanted(build_id)


def _detail(view: ApiView, build_id: int) -> Answer:
    return build_detail(_found(view, build_id), view.caller)
