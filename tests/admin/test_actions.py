"""Build, Cancel and Remove in the admin ask the services, and show what those refuse."""

import pytest
from django.contrib.auth.models import Permission, User

from builds.models import Activity, Build, BuildRun
from builds.services.runs.start import start_run
from tests.api.making import begin, end
from tests.support.people import make_build


def ask(client, model: str, action: str, *rows) -> list[tuple[str, str]]:
    """Choose an action for `rows`; return the messages as (level, text)."""
    answer = client.post(
        f"/admin/builds/{model}/", {"action": action, "_selected_action": [row.pk for row in rows]}, follow=True
    )
    assert answer.status_code == 200
    return [(message.level_tag, str(message)) for message in answer.context["messages"]]


def test_build_on_builds_presses_each_as_the_administrator(admin, administrator, build, caller):
    other = make_build(caller, "FROM scratch\n", name="other")
    said = ask(admin, "build", "press_build", build, other)
    assert [level for level, _text in said] == ["success", "success"]
    pressed = BuildRun.objects.order_by("build_id")
    assert [run.build_id for run in pressed] == [build.pk, other.pk]
    assert {run.requested_by for run in pressed} == {administrator}
    assert Activity.objects.filter(did="pressed Build", by=administrator).count() == 2


def test_a_refused_press_shows_the_services_sentence_and_the_others_go_on(admin, build, run, caller):
    other = make_build(caller, "FROM scratch\n", name="other")
    said = dict(ask(admin, "build", "press_build", build, other))
    assert f"Build {build.pk}: Another run of this build waits or runs" in said["error"]
    assert other.runs.count() == 1
    assert build.runs.count() == 1


def test_build_on_two_runs_of_one_build_presses_it_once(admin, build, caller):
    ended = []
    for _ in range(2):
        Build.objects.filter(pk=build.pk).update(auto_tag=True, auto_tag_prefix="v", auto_tag_sequence="SEQUENCE")
        run = start_run(build_id=build.pk, caller=caller)
        end(begin(run))
        ended.append(run)
    assert [level for level, _text in ask(admin, "buildrun", "press_build", *ended)] == ["success"]
    assert [run.build_no for run in build.runs.order_by("pk")] == [1, 2, 3]


def test_cancel_ends_a_waiting_run_and_says_so(admin, run):
    [(level, text)] = ask(admin, "buildrun", "cancel", run)
    run.refresh_from_db()
    assert (level, run.end_reason) == ("success", "CANCELLED")
    assert f"Run {run.pk} is cancelled" in text


def test_cancel_of_a_running_run_is_asked_for_and_not_claimed(admin, running_run):
    [(level, text)] = ask(admin, "buildrun", "cancel", running_run)
    running_run.refresh_from_db()
    assert (level, running_run.run_state) == ("success", "RUNNING")
    assert running_run.cancel_requested_at is not None
    assert "is being cancelled" in text


def test_cancel_of_an_ended_run_is_refused_with_the_sentence_of_its_page(admin, run):
    end(begin(run))
    assert ask(admin, "buildrun", "cancel", run) == [("error", f"Run {run.pk}: This run has already ended.")]


def test_remove_asks_for_a_removal_and_refuses_while_the_run_is_active(admin, run):
    [(level, text)] = ask(admin, "buildrun", "remove", run)
    assert (level, "This run is active" in text) == ("error", True)
    end(begin(run))
    [(level, text)] = ask(admin, "buildrun", "remove", run)
    assert level == "success"
    assert BuildRun.objects.get(run_type="REMOVE").target == run


@pytest.mark.parametrize("action", ["press_build", "cancel", "remove"])
def test_a_removed_run_is_no_more_and_the_services_say_so(admin, run, action):
    end(begin(run))
    BuildRun.objects.filter(pk=run.pk).update(removed_at=run.created_at)
    Build.objects.filter(pk=run.build_id).update(removed_at=run.created_at)
    [(level, text)] = ask(admin, "buildrun", action, run)
    assert level == "error"
    assert "There is no" in text


def test_staff_who_may_look_still_need_a_role_to_cancel(client_of, run):
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_buildrun"))
    assert ask(client_of(reader), "buildrun", "cancel", run) == [("error", f"Run {run.pk}: There is no run {run.pk}.")]
    run.refresh_from_db()
    assert run.run_state == "CREATED"


def test_more_than_a_hundred_at_once_are_refused_and_none_is_asked_for(admin, run):
    copies = [BuildRun.objects.get(pk=run.pk) for _ in range(101)]
    for number, copy in enumerate(copies):
        copy.pk, copy.build_no, copy.when_running = None, number + 2, "QUEUE"
    BuildRun.objects.bulk_create(copies)
    answer = admin.post(
        "/admin/builds/buildrun/",
        {"action": "cancel", "_selected_action": [run.pk], "select_across": "1"},
        follow=True,
    )
    assert "choose 100 or fewer" in answer.content.decode()
    assert not BuildRun.objects.filter(run_type="CANCEL").exists()
