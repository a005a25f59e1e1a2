"""A try of a repository before a build is saved: whether it answers, and which branches it has."""

from django.http import HttpResponse
from rest_framework.request import Request

from builds.api.build_body import read_config
from builds.api.documented import documented
from builds.api.examples import CODE
from builds.api.fields import Fields
from builds.api.json_body import read_object
from builds.api.views import ApiView
from builds.contract.connections import SourceTest
from builds.contract.steps import SourceAsk
from builds.domain.errors import NotFound
from builds.domain.states import StepType
from builds.models import Build
from builds.queries.builds import find_build
from builds.services.builds.edit import may_create_in
from builds.services.builds.sources import try_source


class SourceTestView(ApiView):
    """`/build/source/test`."""

    tag = "Builds"

    @documented("testSource", "Ask a repository whether it answers", SourceTest, body=SourceAsk, body_example=CODE)
    def post(self, request: Request) -> HttpResponse:
        """Ask a repository for its branches, as a run would reach it.

        Stores nothing but the ssh key of a new host. Answers `ok` false with the reason where the repository cannot be
        read. The body is the config of a CODE_DOWN step. With buildSeq and buildStepSeq blank secrets are those of
        that step, as long as they are for the same address; without any field of a config it is the whole step.
        """
        fields = Fields(read_object(request))
        config = read_config(StepType.CODE_DOWN, fields)
        account_id, step = self._asked_for(fields)
        report = try_source(config, caller=self.caller, account_id=account_id, step=step, errors=fields.errors)
        return self.answer(SourceTest(report).data)

    def _asked_for(self, fields: Fields) -> tuple[int, tuple[Build, int] | None]:
        """Return the account that is asked for, and the stored step; raises `NotFound` and `NoRight`."""
        account_seq = fields.number("accountSeq", least=1)
        build_seq = fields.number("buildSeq", least=1)
        step_seq = fields.number("buildStepSeq", least=1)
        if build_seq is None or step_seq is None:
            for name, other in (("buildSeq", "buildStepSeq"), ("buildStepSeq", "buildSeq")):
                if fields.values.get(name) is None and fields.values.get(other) is not None:
                    fields.refuse(name, f"Give {name} too, or leave {other} out: together they name a stored step.")
            return may_create_in(self.caller, account_seq).pk, None
        build = find_build(build_seq, self.caller)
        if build is None:
            raise NotFound(f"There is no build {build_seq}.")
        if not build.steps.filter(pk=step_seq, step_type=StepType.CODE_DOWN).exists():
            raise NotFound(f"Build {build_seq} has no CODE_DOWN step {step_seq}.")
        if account_seq not in (None, build.account_id):
            fields.refuse("accountSeq", f"Build {build_seq} is of another account; leave accountSeq out.")
        return build.account_id, (build, step_seq)
