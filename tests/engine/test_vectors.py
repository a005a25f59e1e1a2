"""What each supported engine answered, as captured by `capture.py`, read by the code that reads it in a run.

A difference between the forms of two engines is seen here without any of them; `make engines` asks them themselves.
"""

import json
from pathlib import Path

import pytest

from builds.domain import failures
from builds.domain.progress import TraceRecord
from builds.engine import pulling, pushing
from builds.engine.building import CANCELLED, BuildStream
from builds.engine.errors import BuildFailed
from tests.engine.support import Told

FILES = sorted(Path(__file__).with_name("vectors").glob("docker-*-*.json"))
ENGINES = [json.loads(path.read_text()) for path in FILES]
HERE_DOCUMENTS_SINCE = 23


@pytest.fixture(params=ENGINES, ids=[path.stem for path in FILES])
def vectors(request):
    return request.param


def replayed(vectors, name) -> tuple[str | BuildFailed | None, Told]:
    """Tell a captured build to a stream anew; return how it ended, and what it told."""
    told = Told()
    stream = BuildStream(told)
    for record in vectors["answers"][name]["records"]:
        stream.take(record)
    return stream.outcome(), told


def test_the_engines_that_readme_names_have_their_vectors():
    found = {(engine["version"].partition(".")[0], engine["store"]) for engine in ENGINES}
    assert found >= {("20", "docker"), ("26", "docker"), ("28", "docker"), ("28", "containerd")}


def test_a_build_tells_image_instructions_and_output(vectors):
    image, told = replayed(vectors, "build")
    assert image.startswith("sha256:")
    assert told.stdout() == b"out\n"
    assert [data for (_, stream), data in told.output().items() if stream == 2] == [b"err\n"]
    names = {vertex.name for record in told.records for vertex in record.vertexes}
    assert {name.partition("]")[0] for name in names if "RUN" in name} == {"[2/3", "[3/3"}
    assert all(told.last(name).completed for name in names)


def test_cached_instructions_are_marked_and_the_image_is_the_same(vectors):
    first, again = replayed(vectors, "build"), replayed(vectors, "build_cached")
    assert again[0] == first[0]
    assert {again[1].last(name).cached for name in ("RUN :", "RUN echo second")} == {True}
    assert not first[1].last("RUN :").cached
    assert again[1].stdout() == b""


def test_a_cancelled_build_ends_by_the_cancel(vectors):
    outcome, told = replayed(vectors, "build_cancelled")
    assert outcome.message == CANCELLED
    assert outcome.vertex is None
    assert told.stdout() == b"ready\n"


@pytest.mark.parametrize(
    ("name", "kind", "code", "line"),
    [
        ("build_exit", "build.exited", 7, 2),
        ("build_exit_in_a_stage", "build.exited", 3, 2),
        ("build_exit_with_code_in_text", "build.exited", 5, 2),
        ("build_not_found", "build.exited", 127, 2),
        ("build_no_shell", "build.exited", 1, 2),
        ("build_unknown_instruction", "build.dockerfile_invalid", None, 2),
        ("build_empty", "build.dockerfile_invalid", None, None),
        ("build_without_from", "build.dockerfile_invalid", None, None),
        ("build_file_missing", "build.file_missing", None, 2),
        ("build_base_missing", "build.base_not_found", None, 1),
        ("build_base_unreachable", "build.base_unreachable", None, 1),
        ("build_base_unknown_host", "build.base_unreachable", None, 1),
        ("build_base_closed", "build.session_missing", None, 1),
        ("build_secret_missing", "build.session_missing", None, 2),
        ("build_target_missing", "build.target_missing", None, None),
    ],
)
def test_a_failed_build_says_the_same_on_every_engine(vectors, name, kind, code, line):
    outcome, told = replayed(vectors, name)
    failure = failures.build_failed(
        outcome.message,
        exit_code=outcome.exit_code,
        instruction=outcome.vertex_name,
        dockerfile=vectors["answers"][name]["dockerfile"],
    )
    assert (failure.kind.id, failure.exit_code, failure.dockerfile_line) == (kind, code, line)
    assert all(isinstance(record, TraceRecord) for record in told.records)


def test_a_here_document_is_known_to_engines_since_23(vectors):
    outcome, told = replayed(vectors, "build_here_document")
    if int(vectors["version"].partition(".")[0]) >= HERE_DOCUMENTS_SINCE:
        assert outcome.startswith("sha256:")
        assert told.stdout() == b"here\n"
    else:
        assert "unknown instruction: ECHO" in outcome.message


@pytest.mark.parametrize("name", ["push", "push_again", "push_large"])
def test_a_push_tells_the_digest_in_the_engines_own_form(vectors, name):
    records, updates = vectors["answers"][name]["records"], []
    stream = pushing.PushStream(updates.append)
    for record in records:
        stream.take(record)
    assert any(stream.digest in record.get("status", "") for record in records)
    assert any("aux" in record for record in records) == (vectors["store"] == "docker")
    assert {update.status for update in updates} & {"Pushed", "Layer already exists"}
    assert all(update.layer for update in updates)
    assert not stream.error


@pytest.mark.parametrize(
    ("name", "reason", "retryable"),
    [
        ("push_missing", "missing", False),
        ("push_unreachable", "unreachable", True),
        ("push_unknown_host", "unknown_host", False),
        ("push_without_login", "unauthorized", False),
        ("push_wrong_login", "unauthorized", False),
    ],
)
def test_a_push_fails_for_the_same_reason_on_every_engine(vectors, name, reason, retryable):
    stream = pushing.PushStream(lambda _: None)
    for record in vectors["answers"][name]["records"]:
        stream.take(record)
    error = pushing.failure(stream.error)
    assert (error.reason, error.retryable, stream.digest) == (reason, retryable, "")


@pytest.mark.parametrize("name", ["pull", "pull_up_to_date"])
def test_a_pull_ends_with_its_last_word(vectors, name):
    stream = pulling.PullStream(lambda _: None)
    for record in vectors["answers"][name]["records"]:
        assert not stream.is_done
        stream.take(record)
    assert (stream.is_done, stream.error) == (True, "")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("pull_manifest_missing", "missing"),
        ("pull_repository_missing", "missing"),
        ("pull_unreachable", "unreachable"),
        ("pull_without_login", "unauthorized"),
    ],
)
def test_a_pull_fails_for_the_same_reason_on_every_engine(vectors, name, reason):
    answer = vectors["answers"][name]
    assert answer["status"] >= 400
    assert pulling.failure(answer["records"][0]["message"]).reason == reason
