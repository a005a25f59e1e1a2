"""Builds: list, names, count, detail, create, edit, remove."""

from functools import partial

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from builds.api.build_body import BuildBody, read_build, submit
from builds.api.json_body import read_object
from builds.api.pagination import KeysetPagination
from builds.api.params import read_number
from builds.api.run_views import shape_now
from builds.api.views import ApiView
from builds.domain.errors import FieldError, Invalid, NotFound
from builds.domain.states import RunState
from builds.models import Account, Build
from builds.queries.builds import BuildFilter, after_build, build_detail, build_shapes, find_build, visible_builds
from builds.queries.images import COLUMNS, ORDERS, build_images
from builds.queries.shapes import Shape
from builds.services.builds.edit import create_build, edit_build
from builds.services.runs.cancel_and_remove import request_build_removal


class BuildList(ApiView):
    """`/build`: what can be built, and a new one."""

    def get(self, request: Request) -> HttpResponse:
        """Return a page of builds, newest activity first, without steps."""
        query = self.query
        narrowed = BuildFilter(
            account_id=query.number("accountSeq"),
            search=query.text("search") or None,
            run_state=query.word("runState", RunState),
            project=query.text("registryName") or None,
        )
        pages = KeysetPagination("buildSeq", self._following)
        builds = pages.paginate_queryset(visible_builds(self.caller, narrowed), request)
        return pages.get_paginated_response(build_shapes(builds, self.caller))

    def post(self, request: Request) -> HttpResponse:
        """Create a build."""
        callback_url = self.query.text("callbackUrl")
        body = read_build(read_object(request), edit=False)
        create = partial(create_build, caller=self.caller, callback_url=callback_url)
        build = submit(body, lambda draft: create(draft=draft))
        return self.answer(_detail(self, build.pk))

    def _following(self, builds: "QuerySet[Build]", after: int) -> "QuerySet[Build]":
        last = Build.objects.visible_to(self.caller).filter(pk=after).first()
        if last is None:
            raise Invalid([FieldError("after", f"There is no build {after} any more; begin without after.")])
        return after_build(builds, last)


class BuildNames(ApiView):
    """`/build/names`: what a list to choose from needs."""

    def get(self, request: Request) -> HttpResponse:
        """Return number and name of each build, by name."""
        builds = visible_builds(self.caller, BuildFilter(account_id=self.query.number("accountSeq")))
        rows = builds.order_by("name", "pk").values_list("pk", "name")
        return self.answer([{"buildSeq": seq, "buildName": name} for seq, name in rows])


class BuildCount(ApiView):
    """`/build/count/{accountSeq}`."""

    def get(self, request: Request, account_seq: str) -> HttpResponse:
        """Return how many builds an account has, of those that the caller may see."""
        account_id = read_number("accountSeq", account_seq)
        if self.caller.role_in(account_id) is None or not Account.objects.filter(pk=account_id).exists():
            raise NotFound(f"There is no account {account_id}.")
        count = visible_builds(self.caller, BuildFilter(account_id=account_id)).count()
        return self.answer({"accountSeq": account_id, "buildCount": count})


class BuildDetail(ApiView):
    """`/build/{buildSeq}`."""

    def get(self, request: Request, build_seq: str) -> HttpResponse:
        """Return a build with its steps."""
        return self.answer(_detail(self, read_number("buildSeq", build_seq)))

    def put(self, request: Request, build_seq: str) -> HttpResponse:
        """Change a build; the number in the path wins. The enveloped dialect answers without the build."""
        build_id = read_number("buildSeq", build_seq)
        if find_build(build_id, self.caller) is None:
            raise NotFound(f"There is no build {build_id}.")
        body = read_build(read_object(request), edit=True)
        self._edit(build_id, body)
        return self.answer(_detail(self, build_id), result=False)

    def delete(self, request: Request, build_seq: str) -> HttpResponse:
        """Ask for a build to be removed with its images; return the REMOVE run."""
        removal = request_build_removal(
            build_id=read_number("buildSeq", build_seq),
            caller=self.caller,
            callback_url=self.query.text("callbackUrl"),
        )
        return self.answer(shape_now(self, removal.pk))

    def _edit(self, build_id: int, body: BuildBody) -> None:
        edit = partial(edit_build, build_id=build_id, caller=self.caller)
        stored = list(
            Build.objects.visible_to(self.caller)
            .get(pk=build_id)
            .steps.order_by("order", "pk")
            .values_list("pk", flat=True)
        )
        submit(body, lambda draft: edit(draft=draft), stored)


class BuildImages(ApiView):
    """`/build/{buildSeq}/images`."""

    def get(self, request: Request, build_seq: str) -> HttpResponse:
        """Return the images of a build that a registry has confirmed."""
        build_id = read_number("buildSeq", build_seq)
        column = self.query.word("orderColumn", COLUMNS) or "END_TIME"
        order = self.query.word("order", ORDERS) or "DESC"
        build = find_build(build_id, self.caller)
        if build is None:
            raise NotFound(f"There is no build {build_id}.")
        return self.answer(build_images(build, self.caller, column=column, order=order))


def _detail(view: ApiView, build_id: int) -> Shape:
    """Return a build as its detail; raises `NotFound`."""
    build = find_build(build_id, view.caller)
    if build is None:
        raise NotFound(f"There is no build {build_id}.")
    return build_detail(build, view.caller)
