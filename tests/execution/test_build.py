"""A build from press to image, and what failures look like."""

import uuid

import pytest

from builds.engine.docker import Engine
from builds.engine.registry import RegistryClient
from builds.execution.executor import execute_build
from builds.models import Build, BuildRun, BuildServer, Registry
from builds.queries.log import iterate_lines
from builds.services.runs.transitions import seal
from tests.engine.relay import Relay
from tests.support.runs import ended, press, texts
from tests.support.waiting import free_port


@pytest.fixture
def alone(caller, nobody_serves):
    """Press a build on the server `topic:gone`, whose worker host is no process: the test is the worker."""

    def pressed(build: Build) -> BuildRun:
        run = press(build, caller)
        run.refresh_from_db()
        return run

    return pressed


def test_a_press_ends_done_with_the_digest_that_the_registry_has(workers, caller, build_of, registry_host):
    run = ended(press(build_of("RUN echo hello && echo oops >&2", name="team/hello", project="ops"), caller))
    assert (run.run_state, run.end_reason, run.attempt) == ("DONE", "DONE", 1)
    with RegistryClient(registry_host, plain_http=True) as registry:
        manifest = registry.manifest("ops/team/hello", "1")
    assert manifest is not None
    assert (run.image_digest, run.image_size) == (manifest.digest, manifest.size_bytes)
    assert run.image.pinned(run.image_digest) == f"{registry_host}/ops/team/hello:1@{manifest.digest}"
    assert [step.step_state for step in run.steps.all()] == ["DONE", "DONE"]


def test_the_pushed_image_can_be_pulled_by_its_reference(workers, caller, build_of, engine_endpoint):
    run = ended(press(build_of("RUN echo pulled > /x"), caller))
    engine = Engine(engine_endpoint)
    assert not engine.image_exists(run.image.tagged)  # its name was taken off the engine after the push
    client = engine._client
    client.pull(run.image.image, tag=run.image_digest)
    assert engine.image_exists(f"{run.image.image}@{run.image_digest}")
    engine.remove_image(f"{run.image.image}@{run.image_digest}")
    engine.close()


def test_lines_are_numbered_without_gap_and_sealed_with_the_end(workers, caller, build_of):
    run = ended(press(build_of("RUN seq 1 3000 && printf 'no end'"), caller))
    said = texts(run)
    assert len(said) == run.line_count
    assert [text for text in said if text.isdigit()] == [str(n) for n in range(1, 3001)]
    assert "no end" in said
    assert seal(run.pk) == (run.byte_count, run.log_sha256)


def test_colours_go_on_over_line_ends_of_the_same_instruction(workers, caller, build_of):
    red = "RUN printf '\\033[1;31mred\\nstill red\\n'; printf 'no colour\\n' >&2; printf '\\033[mplain\\nend\\n'"
    run = ended(press(build_of(red, "RUN echo other"), caller))
    inks = {line.text: line.ink for _, line in iterate_lines(run.pk)}
    wanted = {"\x1b[1;31mred": "", "still red": "1;31", "no colour": "", "\x1b[mplain": "1;31", "end": "", "other": ""}
    assert {text: inks[text] for text in wanted} == wanted


def test_an_instruction_that_fails_ends_the_run_with_its_exit_code(workers, caller, build_of):
    run = ended(press(build_of("RUN echo before", "RUN exit 7", "RUN echo after"), caller))
    assert (run.run_state, run.end_reason) == ("ERROR", "BUILD_FAILED")
    assert "exit code 7" in run.end_message
    assert "RUN exit 7" in run.end_message
    assert run.failure["exit_code"] == 7
    assert run.failure["dockerfile_line"] == 3
    assert run.image_digest == ""
    assert [step.step_state for step in run.steps.all()] == ["DONE", "ERROR"]


def test_cached_instructions_are_marked_the_second_time(workers, caller, build_of):
    build = build_of(f"RUN echo {uuid.uuid4()} > /once")
    ended(press(build, caller))
    run = ended(press(build, caller))
    vertices = run.steps.get(step_type="CREATE_IMAGE").vertices
    assert [v["cached"] for v in vertices if "RUN echo" in v["name"]] == [True]


def test_a_registry_that_does_not_answer_is_named_and_nothing_is_done(workers, caller, build_of):
    Registry.objects.update(host=f"127.0.0.1:{free_port()}")
    run = ended(press(build_of("RUN true"), caller), timeout=120)
    assert (run.run_state, run.end_reason) == ("ERROR", "REGISTRY_FAILED")
    assert run.failure["whose"] == "registry"
    assert any("trying again" in text for text in texts(run))


def behind_a_relay(run: BuildRun, relay: Relay) -> BuildRun:
    """Execute a run, which waits for a server that nobody else serves, on the engine behind `relay`."""
    BuildServer.objects.filter(name="gone").update(url=relay.endpoint.url)
    execute_build(run.pk, run.claim)
    run.refresh_from_db()
    return run


def test_a_push_whose_answer_broke_off_is_asked_of_the_registry(workers, caller, build_of, engine_socket, alone):
    run = alone(build_of("RUN true", server_host="topic:gone"))
    with Relay(engine_socket, cut_before=b"digest: sha256:") as relay:
        run = behind_a_relay(run, relay)
    assert (run.run_state, run.image_digest[:7]) == ("DONE", "sha256:")
    assert "The engine's answer to the push broke off, but the registry has the image" in texts(run)


def test_a_push_that_broke_off_before_its_image_arrived_is_not_done(workers, caller, build_of, engine_socket, alone):
    large = f"RUN : {uuid.uuid4()}; dd if=/dev/urandom of=/large bs=1M count=40"
    run = alone(build_of(large, server_host="topic:gone"))
    with Relay(engine_socket, cut_before=b'"Pushing"') as relay:
        run = behind_a_relay(run, relay)
    assert (run.end_reason, run.image_digest) == ("SERVER_FAILED", "")
    assert "broke off" in run.end_message


def test_an_engine_that_does_not_answer_is_named(workers, build_of, alone):
    run = alone(build_of("RUN true", server_host="topic:gone"))
    BuildServer.objects.filter(name="gone").update(url="tcp://127.0.0.1:1")
    execute_build(run.pk, run.claim)
    run.refresh_from_db()
    assert (run.run_state, run.end_reason) == ("ERROR", "SERVER_FAILED")
    assert "gone" in run.end_message


@pytest.mark.parametrize(
    ("instruction", "kind"),
    [("RUN --nosuch=1 true", "build.dockerfile_invalid"), ("COPY nothing /x", "build.file_missing")],
)
def test_a_wrong_dockerfile_is_the_definitions_problem(workers, caller, build_of, instruction, kind):
    run = ended(press(build_of(instruction), caller))
    assert run.end_reason == "BUILD_FAILED"
    assert run.failure["id"] == kind
    assert run.failure["whose"] == "definition"


def test_a_proxy_reaches_the_instruction_and_not_the_images_history(workers, caller, build_of, engine_endpoint):
    build = build_of(f'RUN : {uuid.uuid4()}; echo "proxy is $http_proxy $HTTPS_PROXY"')
    step = build.steps.get(step_type="CREATE_IMAGE")
    pairs = {"http_proxy": "http://proxy-one.invalid:3128", "HTTPS_PROXY": "http://proxy-two.invalid:3128"}
    step.config |= {"build_args": [{"key": key, "value": value} for key, value in pairs.items()]}
    step.save()
    run = ended(press(build, caller))
    assert "proxy is http://proxy-one.invalid:3128 http://proxy-two.invalid:3128" in texts(run)
    engine = Engine(engine_endpoint)
    client = engine._client
    name = f"{run.image.image}@{run.image_digest}"
    client.pull(run.image.image, tag=run.image_digest)
    told = str(client.history(name)) + str(client.inspect_image(name))
    engine.remove_image(name)
    engine.close()
    assert "invalid:3128" not in told
