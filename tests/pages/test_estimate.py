"""The time left is told from runs that did the same steps, and from no others."""

from datetime import timedelta

import pytest
from django.db.models import F

from builds.models import BuildRun
from tests.pages.making import done_run, running_run

USUAL = "Usually takes"


@pytest.fixture
def with_history(build, operator):
    """Run the build three times to its end, each nine seconds long."""
    for _ in range(3):
        run = done_run(build, operator)
        BuildRun.objects.filter(pk=run.pk).update(begin_time=F("end_time") - timedelta(seconds=9))
    return build


def test_runs_of_the_same_steps_tell_the_time_left(with_history, page, operator):
    assert USUAL in page(f"/runs/{running_run(with_history, operator).pk}", operator).main_text


def test_runs_before_a_changed_definition_tell_nothing(with_history, page, operator):
    step = with_history.steps.get(step_type="CREATE_IMAGE")
    step.config["docker_file"] += "RUN sleep 9\n"
    step.save()
    assert USUAL not in page(f"/runs/{running_run(with_history, operator).pk}", operator).main_text
