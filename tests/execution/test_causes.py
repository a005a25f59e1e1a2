"""The cause of a failure as a real engine and a real registry tell it, read back from the run."""

import hashlib
import threading
import uuid

import pytest

from builds.engine.docker import Engine
from builds.models import Registry
from builds.queries.log import TextView, iterate_bytes, iterate_text, step_text
from tests.engine.refusing import REFUSALS, refusing
from tests.engine.support import Told, request
from tests.support.runs import ended, press, texts


def once() -> str:
    """Return an instruction's beginning that no cache knows."""
    return f": {uuid.uuid4()}"


def log_of(run, **view) -> bytes:
    return b"".join(iterate_text(run, TextView(**view)))


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("echo 'tests ended with exit code: 0'; exit 5", 5),
        ('(false || echo "failed, exit code: 1") && exit 42', 42),
        ("echo 'exit code: 137: context canceled'; exit 3", 3),
    ],
)
def test_the_exit_code_is_that_of_the_program_whatever_its_command_says(workers, caller, build_of, command, code):
    run = ended(press(build_of(f"RUN {once()}; {command}"), caller))
    assert (run.end_reason, run.failure["exit_code"]) == ("BUILD_FAILED", code)


def test_what_a_program_prints_about_a_full_disk_is_a_guess_and_not_the_servers_fault(workers, caller, build_of):
    run = ended(press(build_of(f'RUN {once()}; echo "write /x: no space left on device"; exit 1'), caller))
    assert (run.end_reason, run.failure["whose"], run.failure["exit_code"]) == ("BUILD_FAILED", "definition", 1)
    assert run.failure["remedy"] == "Read the last lines of this step."
    assert run.failure["looks_like"].startswith("Looks like the disk was full")


def test_a_command_that_the_image_has_not_is_named_with_its_line(workers, caller, build_of):
    lines = f"RUN set -eux; \\\n    {once()}; \\\n    curl -fsS http://127.0.0.1/; \\\n    true"
    run = ended(press(build_of("ENV A=1", lines), caller))
    assert run.end_message.startswith("curl is not in this image (line 3): ")
    assert (run.failure["exit_code"], run.failure["dockerfile_line"]) == (127, 3)
    assert "curl -fsS http://127.0.0.1/; true" in run.failure["instruction"]


def test_an_instruction_of_a_long_dockerfile_has_its_line(workers, caller, build_of):
    rest = [f"RUN echo {n}" for n in range(8)]
    run = ended(press(build_of("RUN true", f"RUN {once()}; exit 6", *rest), caller))
    assert (run.failure["exit_code"], run.failure["dockerfile_line"]) == (6, 3)


def test_an_instruction_that_the_base_image_asked_for_is_at_from(
    workers, caller, build_of, base_image, engine_endpoint, registry_host
):
    base = f"{registry_host}/tests/onbuild-{uuid.uuid4().hex}:1"
    engine = Engine(engine_endpoint)
    engine.build(request(f"FROM {base_image}\nONBUILD RUN {once()}; exit 3\n", tags=(base,)), Told(), threading.Event())
    build = build_of("RUN echo fine")
    step = build.steps.get(step_type="CREATE_IMAGE")
    step.config["docker_file"] = f"# child\nFROM {base}\nRUN echo fine\n"
    step.save()
    run = ended(press(build, caller))
    engine.remove_image(base)
    engine.close()
    assert (run.failure["exit_code"], run.failure["dockerfile_line"]) == (3, 2)
    assert "from ONBUILD of the base image in line 2" in run.end_message


def test_buildhubs_own_sentence_begins_a_line_behind_output_without_line_end(workers, caller, build_of):
    run = ended(press(build_of(f"RUN {once()}; printf 'half a line'; exit 7"), caller))
    plain = b"".join(iterate_bytes(run.pk))
    own = next(text for text in texts(run) if "ended with exit code 7" in text).encode()
    assert b"half a line\n" in plain
    assert own in plain.split(b"\n")
    stamped = log_of(run, timestamps=True).split(b"\n")
    assert [line.partition(b" ")[2] for line in stamped if own in line] == [own]
    assert [line.partition(b" ")[2] for line in stamped if line.endswith(b"half a line")] == [b"half a line"]
    assert log_of(run, streams=frozenset({1, 2})).endswith(b"half a line")
    assert (run.byte_count, run.log_sha256) == (len(plain), hashlib.sha256(plain).hexdigest())
    step = run.steps.get(step_type="CREATE_IMAGE")
    assert own.decode() in step_text(run.pk, step.pk).split("\n")


@pytest.mark.parametrize("name", ["push_immutable_as_ecr", "push_immutable_as_harbor", "push_immutable_as_quay"])
def test_a_tag_that_may_not_be_given_again_is_refused_at_once(workers, caller, build_of, registry_host, name):
    with refusing(registry_host, REFUSALS[name]) as host:
        Registry.objects.update(host=host)
        run = ended(press(build_of(f"RUN {once()}"), caller))
    # Docker 26.1 with containerd's store tells the HTTP status alone.
    assert run.failure["id"] in {"registry.tag_fixed", "registry.refused"}
    assert run.end_reason == "REGISTRY_FAILED"
    assert "ive another" in run.failure["remedy"]
    assert not [text for text in texts(run) if "trying again" in text]


def test_a_registry_with_a_fault_is_tried_as_often_as_the_engine_does_and_each_wait_is_shown(
    workers, caller, build_of, registry_host
):
    with refusing(registry_host, REFUSALS["push_internal"]) as host:
        Registry.objects.update(host=host)
        run = ended(press(build_of(f"RUN {once()} > /x"), caller), timeout=150)
    assert (run.end_reason, run.failure["id"]) == ("REGISTRY_FAILED", "registry.failed")
    said = texts(run)
    waits = [text for text in said if ": Retrying in " in text]
    again = [text for text in said if "trying again in" in text]
    assert waits or again
    assert not (waits and again)
