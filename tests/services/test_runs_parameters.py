"""Parameters of one run: what callers may set, and how it gets into the run's own copy."""

import pytest

from builds.domain.errors import Invalid
from builds.models import Build, BuildRun
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import start_run
from builds.services.runs.transitions import End, end_waiting
from tests.support.people import make_build

ARGS = [{"key": "VERSION", "value": "1"}, {"key": "MIRROR", "value": "none"}]
CODE = {"repository_type": "GIT", "repository_url": "example.com/a.git", "branch_name": "main"}


@pytest.fixture
def open_build(build: Build) -> Build:
    """A build whose image step lists two arguments."""
    step = build.steps.get()
    step.config = {**step.config, "build_args": ARGS}
    step.save()
    return build


def image_config(run: BuildRun) -> dict[str, object]:
    return run.steps.get(step_type="CREATE_IMAGE").config


def refused_fields(caller, build: Build, ask: RunAsk) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        start_run(build_id=build.pk, caller=caller, ask=ask)
    assert not BuildRun.objects.exists()
    return {error.field: error.message for error in refused.value.errors}


def test_given_arguments_replace_the_listed_values_in_this_run_only(open_build, caller):
    ask = RunAsk(build_args=(("VERSION", "a=b"),), no_cache=True)
    run = start_run(build_id=open_build.pk, caller=caller, ask=ask)
    assert image_config(run)["build_args"] == [{"key": "VERSION", "value": "a=b"}, {"key": "MIRROR", "value": "none"}]
    assert image_config(run)["no_cache"] is True
    assert open_build.steps.get().config["build_args"] == ARGS
    assert run.definition.to_json()["parameters"] == {
        "no_cache": True,
        "build_args": [{"key": "VERSION", "value": "a=b"}],
    }


def test_a_press_without_parameters_keeps_none(open_build, caller):
    run = start_run(build_id=open_build.pk, caller=caller)
    assert "parameters" not in run.definition.to_json()
    assert image_config(run)["build_args"] == ARGS


def test_only_listed_names_are_open_and_the_refusal_names_them(open_build, caller):
    fields = refused_fields(caller, open_build, RunAsk(build_args=(("HTTP_PROXY", "http://evil"),)))
    assert list(fields) == ["buildArg"]
    assert "this build allows VERSION, MIRROR" in fields["buildArg"]


def test_a_build_without_arguments_says_so(build, caller):
    fields = refused_fields(caller, build, RunAsk(build_args=(("VERSION", "1"),)))
    assert "takes no build argument" in fields["buildArg"]


def test_a_double_argument_and_a_value_that_cannot_be_stored_are_refused(open_build, caller):
    assert "2 times" in refused_fields(caller, open_build, RunAsk(build_args=(("VERSION", "1"),) * 2))["buildArg"]
    assert list(refused_fields(caller, open_build, RunAsk(build_args=(("VERSION", "a\x07"),)))) == ["buildArg"]


def test_a_branch_needs_a_step_that_downloads_code(build, caller):
    assert "downloads code" in refused_fields(caller, build, RunAsk(branch_name="main"))["branchName"]


def test_all_that_is_wrong_is_told_at_once(build, caller):
    ask = RunAsk(
        tag_name="UPPER", description="x" * 1001, callback_url="ftp://x", branch_name="b", build_args=(("A", "1"),)
    )
    assert set(refused_fields(caller, build, ask)) == {
        "tagName", "description", "callbackUrl", "branchName", "buildArg",
    }  # fmt: skip


def test_the_branch_goes_into_the_copy_of_the_code_step(build, caller):
    build.steps.create(step_type="CODE_DOWN", order=0, config=CODE)
    run = start_run(build_id=build.pk, caller=caller, ask=RunAsk(branch_name="release/1"))
    assert run.steps.get(step_type="CODE_DOWN").config["branch_name"] == "release/1"
    assert build.steps.get(step_type="CODE_DOWN").config["branch_name"] == "main"


@pytest.mark.parametrize("branch", ["-x", "a..b", "a b", "--upload-pack=x"])
def test_a_branch_that_git_would_not_take_is_refused_as_the_parameter(build, caller, branch):
    build.steps.create(step_type="CODE_DOWN", order=0, config=CODE)
    assert list(refused_fields(caller, build, RunAsk(branch_name=branch))) == ["branchName"]


def test_a_code_step_out_of_use_takes_no_branch(build, caller):
    build.steps.create(step_type="CODE_DOWN", order=0, use=False, config=CODE)
    assert "branchName" in refused_fields(caller, build, RunAsk(branch_name="main"))


def test_a_run_that_is_run_again_keeps_its_parameters_and_takes_new_ones(open_build, caller):
    first = start_run(build_id=open_build.pk, caller=caller, ask=RunAsk(build_args=(("VERSION", "2"),)))
    end_waiting(first.pk, End("BUILD_FAILED", "no"))
    ask = RunAsk(build_args=(("MIRROR", "near"),))
    again = start_run(build_id=open_build.pk, caller=caller, ask=ask, again=first.pk)
    assert image_config(again)["build_args"] == [{"key": "VERSION", "value": "2"}, {"key": "MIRROR", "value": "near"}]


def test_a_queueing_build_takes_other_parameters_for_each_run(caller, account):
    build = make_build(caller, "FROM scratch\n", when_running="QUEUE")
    plain = start_run(build_id=build.pk, caller=caller)
    fresh = start_run(build_id=build.pk, caller=caller, ask=RunAsk(no_cache=True))
    assert "no_cache" not in image_config(plain)
    assert image_config(fresh)["no_cache"] is True
