"""A try of a repository before a build is saved: whether it answers, and which branches it has."""

from typing import Final

from django.http import HttpResponse

from builds.api.documented import documented
from builds.api.examples import CODE
from builds.api.requests import ApiRequest
from builds.api.views.base import ApiView
from builds.contract.bodies import read_body
from builds.contract.configs import AskedStep, SourceAsk, stored_config
from builds.contract.connections import SourceTest
from builds.domain.errors import FieldError, NotFound
from builds.domain.states import StepType
from builds.models import Build
from builds.services.builds.edit import may_create_in
from builds.services.builds.sources import try_source

PAIR: Final = ("buildSeq", "buildStepSeq")


class SourceTestView(ApiView):
    """`/build/source/test`."""

    tag = "Builds"

    @documented("testSource", "Ask a repository whether it answers", SourceTest, body=SourceAsk, body_example=CODE)
    def post(self, request: ApiRequest) -> HttpResponse:
        """Ask a repository for its branches, as a run would reach it.

        Stores nothing but the ssh key of a new host. Answers `ok` false with the reason where the repository cannot be
        read. The body is the config of a CODE_DOWN step. With buildSeq and buildStepSeq blank secrets are those of
        that step, as long as they are for the same address; without any field of a config it is the whole step.
        """
        body = request.data
        asked, errors = read_body(AskedStep, body)
        for name, other in (PAIR, PAIR[::-1]):
            if body.get(name) is None and body.get(other) is not None:
                sentence = f"Give {name} too, or leave {other} out: together they name a stored step."
                errors.append(FieldError(name, sentence))
        account_id, step = self._asked_for(errors, **asked)
        config = stored_config(StepType.CODE_DOWN, body)
        report = try_source(config, caller=self.caller, account_id=account_id, step=step, errors=errors)
        return self.answer(SourceTest(report).data)

    def _asked_for(
        self,
        errors: list[FieldError],
        account_seq: int | None = None,
        build_seq: int | None = None,
        build_step_seq: int | None = None,
    ) -> tuple[int, tuple[Build, int] | None]:
        """Return the account that is asked for, and the stored step; raises `NotFound` and `NoRight`."""
        if build_seq is None or build_step_seq is None:
            return may_create_in(self.caller, account_seq).pk, None
        build = Build.objects.visible_to(self.caller).wanted(build_seq)
        if not build.steps.filter(pk=build_step_seq, step_type=StepType.CODE_DOWN).exists():
            raise NotFound(f"Build {build_seq} has no CODE_DOWN step {build_step_seq}.")
        if account_seq not in (None, build.account_id):
            errors.append(FieldError("accountSeq", f"Build {build_seq} is of another account; leave accountSeq out."))
        return build.account_id, (build, build_step_seq)
