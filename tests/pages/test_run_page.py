"""What the page of a run says in each state."""

from builds.domain.failures import push_failed
from builds.domain.states import EndReason
from builds.models import BuildRun, RunStep
from builds.pages.screens.timeline import failed_vertex
from builds.queries.runs import steps_by_attempt
from builds.services.runs.transitions import End
from tests.pages import making
from tests.pages.reading import read

OWN = {"x-requested-with": "buildhub"}


def test_a_failed_run_says_sentence_instruction_and_exit_code(page, build, operator):
    found = page(f"/runs/{making.failed_run(build, operator).pk}", operator)
    box = found.one("data-failure")
    assert "RUN exit 7, line 4 of the Dockerfile, ended with exit code 7." in box.text
    assert "Problem of the definition" in box.text
    assert found.one("data-exit-code").attributes["data-exit-code"] == "7"
    failing = [e for e in found.elements if "source__line--error" in e.attributes.get("class", "")]
    assert [line.text for line in failing] == ["4RUN exit 7"]


def test_the_failure_box_shows_the_last_ten_lines_of_that_step(page, build, operator):
    found = page(f"/runs/{making.failed_run(build, operator).pk}", operator)
    box = found.one("data-failure")
    shown = [
        e.text for e in found.elements if e.name == "code" and box in e.parents and "log__text" in e.attributes["class"]
    ]
    assert shown == [f"line {n} of the step" for n in range(5, 15)]
    assert found.one("data-log").attributes["data-error-line"] == "16"


def test_the_steps_carry_their_hooks_and_the_failed_instruction_stands_first(page, build, operator):
    found = page(f"/runs/{making.failed_run(build, operator).pk}", operator)
    assert [e.attributes["data-step-state"] for e in found.with_("data-step")] == ["DONE", "ERROR"]
    instructions = found.with_("data-vertex")
    assert [e.attributes["data-cached"] for e in instructions] == ["false", "true", "false", "false"]
    assert instructions[0].attributes["data-vertex"] == making.FAILING
    assert "preparation" in found.one("data-steps").text


def test_what_a_cancel_stopped_is_neither_red_nor_called_failed(page, build, operator):
    run = making.pressed(build, operator)
    lease = making.begun(run)
    preparing = making.vertex("sha256:0", "[internal] load", "ERROR", error="context canceled")
    making.show(lease, [preparing, making.vertex("sha256:b", "[2/3] RUN sleep 60", "ERROR", error="exit code: 137")])
    making.cancelled(run, operator)
    making.end(lease, End(EndReason.CANCELLED, "Cancelled by operator."))
    steps = page(f"/runs/{run.pk}", operator).one("data-steps")
    shown = page(f"/runs/{run.pk}", operator)
    assert [e.attributes["data-step-state"] for e in shown.with_("data-vertex")] == ["ERROR"]  # as the API says it
    assert "failed" not in steps.text
    assert steps.text.count("stopped") == 4  # the step, its preparation, its instruction, and the key
    looks = [
        e.attributes.get("class", "") for e in shown.elements if any("data-steps" in p.attributes for p in e.parents)
    ]
    assert not [look for look in looks if "failed" in look]


def test_the_preparation_says_how_much_of_the_context_has_been_sent(page, build, operator):
    run = making.pressed(build, operator)
    lease = making.begun(run)
    loading = making.vertex("sha256:0", "[internal] load build context", "RUNNING", current=31_457_402)
    making.show(lease, [loading])
    assert "30.0 MiB sent" in page(f"/runs/{run.pk}", operator).one("data-steps").text
    making.show(lease, [making.vertex("sha256:0", "[internal] load build context", current=31_457_402)])
    assert "sent" not in page(f"/runs/{run.pk}", operator).one("data-steps").text


def test_what_a_failure_stopped_beside_it_is_not_called_failed(page, build, operator):
    lease = making.begun(making.pressed(build, operator))
    failing = making.vertex(making.FAILING, "[2/3] RUN exit 7", "ERROR", error="exit code: 7")
    making.show(lease, [failing, making.vertex("sha256:c", "[3/3] RUN x", "ERROR", error="context canceled")])
    run = making.end(lease, End(EndReason.BUILD_FAILED, "It failed."))
    first, second = page(f"/runs/{run.pk}", operator).with_("data-vertex")
    assert ("failed" in first.text, "stopped" in second.text) == (True, True)


def test_an_instruction_leads_to_its_first_line(as_, operator, viewer, stranger, build):
    run = making.failed_run(build, operator)
    path = f"/runs/{run.pk}/instructions/{making.FAILING}"
    assert as_(viewer).get(path, headers=OWN).content == b"3"
    assert as_(viewer).get(path)["Location"] == f"/runs/{run.pk}/plain?after=2"
    assert as_(stranger).get(path).status_code == 404


def test_an_instruction_without_a_line_says_so(as_, operator, build):
    path = f"/runs/{making.failed_run(build, operator).pk}/instructions/"
    answer = as_(operator).get(f"{path}sha256:e", headers=OWN)
    assert (answer.status_code, answer.content) == (200, b"This instruction has printed nothing.")
    assert "has printed nothing" in read(as_(operator).get(f"{path}sha256:e"), 404).one("data-banner").text
    assert as_(operator).get(f"{path}%00").status_code == 404


def test_a_done_run_shows_the_image_as_the_registry_confirmed_it(page, build, operator):
    run = making.done_run(build, operator)
    image = page(f"/runs/{run.pk}", operator).one("data-image")
    assert "docker pull registry.example:5000/hello:v-00001" in image.text
    assert making.DIGEST in image.text
    assert "digest read back from the registry" in image.text
    assert "3.1 MiB" in image.text


def test_an_image_is_compared_with_the_good_run_before(page, build, operator):
    making.done_run(build, operator, size=3 * 1024**2)
    making.failed_run(build, operator)
    run = making.done_run(build, operator, size=2 * 1024**2)
    assert "1.0 MiB less than #1" in page(f"/runs/{run.pk}", operator).one("data-image").text


def test_a_waiting_run_says_its_place_and_why(page, build, operator):
    said = page(f"/runs/{making.pressed(build, operator).pk}", operator).main_text
    assert "No live worker reaches default server" in said
    assert "Place in the queue1" in said.replace(" 1", "1")


def test_a_running_run_says_what_it_does_now(page, build, operator):
    found = page(f"/runs/{making.running_run(build, operator).pk}", operator)
    assert found.one("data-doing").text == "RUN sleep 60"


def test_title_and_favicon_follow_the_state(page, build, operator):
    found = page(f"/runs/{making.failed_run(build, operator).pk}", operator)
    assert next(e for e in found.elements if e.name == "title").text == "✕ Failed: hello #1 · BuildHub"
    assert found.one("data-favicon").attributes["href"].endswith("img/state-failed.svg")


def test_only_an_active_run_reloads_without_scripts(page, build, operator):
    run = making.running_run(build, operator)
    reload = page(f"/runs/{run.pk}", operator).one("http-equiv", "refresh")
    assert "noscript" in [parent.name for parent in reload.parents]
    lease = making.Lease(run.pk, run.token, run.attempt)
    making.end(lease, End(EndReason.DONE, image_digest=making.DIGEST, image_size=1))
    assert not page(f"/runs/{run.pk}", operator).with_("http-equiv", "refresh")


def test_a_part_is_answered_to_the_pages_own_script_only(page, build, operator):
    run = making.running_run(build, operator)
    part = page(f"/runs/{run.pk}?part=live", operator, **OWN)
    assert "<html" not in part.html
    assert part.one("data-run").attributes["data-run-state"] == "RUNNING"
    assert [e.attributes["data-step-state"] for e in part.with_("data-step")] == ["DONE", "RUNNING"]
    assert "<html" in page(f"/runs/{run.pk}?part=live", operator).html


def test_a_run_that_ends_while_its_page_is_read_is_shown_as_ended(page, build, operator, monkeypatch):
    run = making.running_run(build, operator)
    lease = making.Lease(run.pk, run.token, run.attempt)

    def read_after_the_end(found):
        if not found.is_final:
            making.end(lease, End(EndReason.DONE, image_digest=making.DIGEST, image_size=1))
        return steps_by_attempt(found)

    monkeypatch.setattr("builds.pages.screens.run.steps_by_attempt", read_after_the_end)
    found = page(f"/runs/{run.pk}", operator)
    assert {e.attributes["data-run-state"] for e in found.with_("data-run")} == {"DONE"}
    assert [e.attributes["data-step-state"] for e in found.with_("data-step")] == ["DONE", "DONE"]


def test_an_instruction_that_ran_when_its_worker_was_lost_is_stopped_with_the_run(page, build, operator):
    run = making.running_run(build, operator)
    lease = making.Lease(run.pk, run.token, run.attempt)
    making.end(lease, End(EndReason.WORKER_LOST, "The worker is lost."))
    found = page(f"/runs/{run.pk}", operator)
    states = {e.attributes["data-vertex"]: e.attributes["data-step-state"] for e in found.with_("data-vertex")}
    assert states == {"sha256:a": "DONE", "sha256:b": "ERROR", "sha256:c": "WAIT"}
    assert "RUN sleep 60 , stopped" in found.one("data-steps").text


def test_a_single_line_and_a_single_instruction_are_named_so(page, build, operator):
    lease = making.begun(making.pressed(build, operator))
    making.show(lease, [making.vertex("sha256:a", "[1/1] RUN one")])
    making.printed(lease, ["one"])
    found = page(f"/runs/{lease.run_id}", operator)
    assert found.one("data-line-count").text == "1 line"
    assert "1 of 1 instruction" in found.one("data-steps").text
    assert "instructions" not in found.one("data-steps").text


def test_a_cancel_run_has_a_page_that_leads_to_what_it_acts_on(page, build, operator):
    run = making.pressed(build, operator)
    cancel = making.cancelled(run, operator)
    found = page(f"/runs/{cancel.pk}", operator)
    assert "Cancel of hello" in found.main_text
    assert found.actions() == {"LOG"}
    assert any(e.attributes.get("href") == f"/runs/{run.pk}" for e in found.elements)


def test_a_removed_run_has_no_page(page, build, operator):
    run = making.done_run(build, operator)
    BuildRun.objects.filter(pk=run.pk).update(removed_at=run.end_time)
    assert f"Run #{run.build_no}" not in page(f"/runs/{run.pk}", operator, status=404).html


def test_a_failure_outside_the_instructions_shows_the_end_of_the_log(page, build, operator):
    lease = making.begun(making.pressed(build, operator))
    making.printed(lease, ["Pushing", "the registry said no"], stream=0)
    failure = push_failed("denied: no", registry="registry.example", repository="hello").as_facts()
    run = making.end(lease, End(EndReason.REGISTRY_FAILED, "It was refused.", failure=failure))
    found = page(f"/runs/{run.pk}", operator)
    assert "Problem of the registry" in found.one("data-failure").text
    assert "the registry said no" in found.one("data-failure").text
    assert found.one("data-log").attributes["data-error-line"] == "2"


def test_asking_about_what_is_not_possible_says_why_instead(page, build, operator):
    run = making.done_run(build, operator)
    said = page(f"/runs/{run.pk}/cancel", operator, status=409)
    assert said.one("data-banner").text == "This run has already ended."
    assert not said.with_("data-confirm")


def test_the_instruction_that_failed_is_the_first_that_was_not_merely_stopped():
    told = [
        ("a", "10:00:02", "exit code: 137: context canceled"),
        ("b", "10:00:02", "context canceled"),
        ("c", "10:00:02", "exit code: 1"),
        ("d", "10:00:01", "exit code: 7"),
        ("e", "10:00:00", ""),
    ]
    vertices = [{"vertex": vertex, "completed": at, "error": error} for vertex, at, error in told]
    assert failed_vertex([RunStep(vertices=vertices)]) == vertices[3]
    assert failed_vertex([RunStep(vertices=vertices[:2])]) is None
