"""What pressing Build checks, writes and refuses."""

import threading

import pytest
from django.db import connection

from builds.domain.access import Role
from builds.domain.errors import Invalid, NoRight, NotFound, NotPossible, Refused
from builds.models import Activity, Build, BuildRun, RunEvent
from builds.services.accounts.access import caller_for
from builds.services.runs.cancel_and_remove import request_remove
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import start_run
from builds.services.runs.transitions import End, end_waiting
from tests.support.people import make_build, make_person, make_world, operator_of


def test_a_press_stores_run_steps_event_activity_and_last_run(build, caller):
    run = start_run(build_id=build.pk, caller=caller, ask=RunAsk(description="why not"))
    build.refresh_from_db()
    assert (run.run_state, run.build_no, run.tag_name, run.description) == ("CREATED", 1, "1", "why not")
    assert build.last_run_id == run.pk
    assert [(s.order, s.step_type, s.step_state) for s in run.steps.all()] == [
        (0, "INIT", "WAIT"),
        (1, "CREATE_IMAGE", "WAIT"),
    ]
    assert RunEvent.objects.get(run=run).what == "accepted"
    assert Activity.objects.filter(run=run, by=caller.user, did="pressed Build").exists()


def test_a_run_keeps_the_definition_that_it_was_accepted_with(build, caller):
    run = start_run(build_id=build.pk, caller=caller)
    Build.objects.filter(pk=build.pk).update(image_name="other", description="changed")
    run.refresh_from_db()
    assert run.image.repository == "hello"


def test_a_second_press_while_one_waits_is_refused_with_the_reason(build, caller):
    start_run(build_id=build.pk, caller=caller)
    with pytest.raises(NotPossible, match="Another run of this build") as refused:
        start_run(build_id=build.pk, caller=caller)
    assert (refused.value.status, refused.value.code) == (409, "CCCM1007000")
    assert BuildRun.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_presses_at_the_same_moment_make_one_run():
    caller = operator_of(make_world())
    build = make_build(caller, "FROM scratch\n")
    start, answers = threading.Barrier(8), []

    def press() -> None:
        try:
            start.wait(10)
            answers.append(start_run(build_id=build.pk, caller=caller).pk)
        except NotPossible as refused:
            answers.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert BuildRun.objects.count() == 1
    assert sorted(map(str, answers)) == sorted([str(BuildRun.objects.get().pk), *["CCCM1007000"] * 7])


def test_with_queue_runs_wait_for_their_elder_and_numbers_go_on(caller, account):
    build = make_build(
        caller, "FROM scratch\n", when_running="QUEUE", auto_tag=True, auto_tag_prefix="v", auto_tag_sequence="SEQUENCE"
    )
    pressed = [start_run(build_id=build.pk, caller=caller) for _ in range(3)]
    assert [(run.build_no, run.tag_name) for run in pressed] == [(1, "v-00001"), (2, "v-00002"), (3, "v-00003")]


def test_with_replace_the_elder_is_cancelled(caller, account):
    build = make_build(caller, "FROM scratch\n", when_running="REPLACE")
    elder = start_run(build_id=build.pk, caller=caller)
    younger = start_run(build_id=build.pk, caller=caller)
    elder.refresh_from_db()
    assert (elder.end_reason, younger.run_state) == ("CANCELLED", "CREATED")


def test_a_viewer_may_not_press_and_a_stranger_does_not_learn_of_the_build(build, account):
    with pytest.raises(NoRight):
        start_run(build_id=build.pk, caller=caller_for(make_person("viewer", Role.VIEWER, account)))
    with pytest.raises(NotFound):
        start_run(build_id=build.pk, caller=caller_for(make_person("stranger", None, None)))
    assert not BuildRun.objects.exists()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/",
        "http://user:secret@example.com/",
        "http://127.1/",
        "http://0x7f000001/",
        "http://[::ffff:10.0.0.1]/",
        "http://localhost/",
    ],
)
def test_a_callback_to_a_private_or_unreadable_address_is_refused_with_its_field(build, caller, url):
    with pytest.raises(Invalid) as refused:
        start_run(build_id=build.pk, caller=caller, ask=RunAsk(callback_url=url))
    assert [error.field for error in refused.value.errors] == ["callbackUrl"]
    assert not BuildRun.objects.exists()


@pytest.mark.parametrize("network", ["127.0.0.0/8", "::1/128", "localhost"])
def test_a_callback_to_localhost_is_allowed_where_its_address_is(build, caller, settings, network):
    settings.OUTBOUND_ALLOW = [network]
    ask = RunAsk(callback_url="http://localhost:9/x|http://localhost./y")
    assert start_run(build_id=build.pk, caller=caller, ask=ask).callback_url == ask.callback_url


def test_a_tag_of_a_done_run_is_taken_and_that_of_a_failed_one_is_not(build, caller):
    run = start_run(build_id=build.pk, caller=caller, ask=RunAsk(tag_name="2"))
    end_waiting(run.pk, End("BUILD_FAILED", "no"))
    again = start_run(build_id=build.pk, caller=caller, ask=RunAsk(tag_name="2"))
    assert (again.tag_name, again.build_no) == ("2", 2)
    other = Build.objects.get(pk=build.pk)
    other.when_running = "QUEUE"
    other.save()
    with pytest.raises(Refused) as refused:
        start_run(build_id=build.pk, caller=caller, ask=RunAsk(tag_name="2"))
    assert (refused.value.code, refused.value.status) == ("CCBD1004000", 409)


def test_an_unknown_topic_is_not_found(build, caller):
    Build.objects.filter(pk=build.pk).update(server_host="topic:nowhere")
    with pytest.raises(NotFound) as refused:
        start_run(build_id=build.pk, caller=caller)
    assert refused.value.code == "CCCM1013000"


def test_an_active_run_cannot_be_removed(build, caller):
    run = start_run(build_id=build.pk, caller=caller)
    with pytest.raises(NotPossible) as refused:
        request_remove(run_id=run.pk, caller=caller)
    assert refused.value.code == "CCBD1014000"
