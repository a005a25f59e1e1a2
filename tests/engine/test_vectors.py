"""What each supported engine answered, as captured by `capture.py`, read by the code that reads it in a run.

A difference between the forms of two engines is seen here without any of them; `make engines` asks them themselves.
"""

import json
from pathlib import Path

import pytest

from builds.domain import failures
from builds.domain.failure_kind import Whose
from builds.domain.progress import CANCELED, TraceRecord
from builds.engine.building import BuildStream
from builds.engine.errors import BuildFailed, PullFailed, PushFailed
from builds.engine.transfers import TransferStream
from tests.engine.causes import BUILDS, PUSHES, PUSHES_BY_STATUS, Cause, Refused
from tests.engine.support import Told

FILES = sorted(Path(__file__).with_name("vectors").glob("docker-*-*.json"))
ENGINES = [json.loads(path.read_text()) for path in FILES]
HERE_DOCUMENTS_SINCE = 23
REGISTRYS_WORDS_SINCE = 28  # with containerd's image store


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


def expected_of(vectors, name) -> Cause | None:
    """Return the cause that is expected, or None where this engine builds it."""
    has_here_documents = int(vectors["version"].partition(".")[0]) >= HERE_DOCUMENTS_SINCE
    return BUILDS[name][1 if has_here_documents else 0] if isinstance(BUILDS[name], list) else BUILDS[name]


def refusal_of(vectors, name) -> Refused:
    """Return what a push is expected to be refused for, as far as this engine tells it."""
    tells_words = vectors["store"] == "docker" or int(vectors["version"].partition(".")[0]) >= REGISTRYS_WORDS_SINCE
    return PUSHES[name] if tells_words else PUSHES_BY_STATUS.get(name, PUSHES[name])


def test_the_engines_that_readme_names_have_their_vectors():
    found = {(engine["version"].partition(".")[0], engine["store"]) for engine in ENGINES}
    assert found >= {("20", "docker"), ("26", "docker"), ("26", "containerd"), ("28", "docker"), ("28", "containerd")}


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
    assert outcome.message == CANCELED
    assert outcome.vertex is None
    assert told.stdout() == b"ready\n"


@pytest.mark.parametrize("name", sorted(BUILDS))
def test_a_failed_build_says_the_same_on_every_engine(vectors, name):
    outcome, told = replayed(vectors, name)
    if not (expected := expected_of(vectors, name)):
        assert isinstance(outcome, str)
        return
    answer = vectors["answers"][name]
    printed = {names: data for (names, _), data in told.output().items()}
    failure = failures.build_failed(
        outcome.message,
        instruction=outcome.vertex_name,
        dockerfile=answer["dockerfile"],
        tail=printed.get(outcome.vertex_name, b"").decode(),
    )
    assert failure.kind.id == expected.kind, failure.sentence
    assert failure.exit_code in expected.codes
    assert failure.dockerfile_line in expected.lines
    assert expected.words in failure.sentence
    assert (failure.kind.whose, failure.kind.end_reason) == expected.blamed
    is_the_servers = failure.kind.whose is Whose.SERVER
    assert is_the_servers or "/buildhub-test-" not in failure.sentence  # folders of the engine's machine
    assert all(isinstance(record, TraceRecord) for record in told.records)


def test_every_captured_failure_is_in_the_table(vectors):
    names = set(vectors["answers"])
    builds = {name for name in names if name.startswith(("build_", "server_"))}
    assert builds - {"build_cached", "build_large", "build_cancelled"} == set(BUILDS)
    assert {name for name in names if name.startswith("push_")} - {"push_again", "push_large"} == set(PUSHES)


def test_at_least_sixty_captured_texts_are_read_to_their_cause():
    assert sum(name in vectors["answers"] for vectors in ENGINES for name in (*BUILDS, *PUSHES)) >= 60


@pytest.mark.parametrize("name", ["push", "push_again", "push_large"])
def test_a_push_tells_the_digest_in_the_engines_own_form(vectors, name):
    records, updates = vectors["answers"][name]["records"], []
    stream = TransferStream(updates.append)
    for record in records:
        stream.take(record)
    assert any(stream.digest in record.get("status", "") for record in records)
    assert any("aux" in record for record in records) == (vectors["store"] == "docker")
    assert {update.status for update in updates} & {"Pushed", "Layer already exists"}
    assert all(update.layer for update in updates)
    assert not stream.error


@pytest.mark.parametrize("name", sorted(PUSHES))
def test_a_push_fails_for_the_same_reason_on_every_engine(vectors, name):
    stream = TransferStream(lambda _: None)
    for record in vectors["answers"][name]["records"]:
        stream.take(record)
    error, expected = PushFailed(stream.error, retried=stream.retried), refusal_of(vectors, name)
    failure = failures.push_failed(error.message, registry="r.example", repository="tests/whole")
    assert (failure.kind.id, stream.digest) == (expected.kind, "")
    assert error.retryable == (expected.again and not stream.retried)
    assert expected.words in failure.sentence
    assert (failure.kind.whose, failure.kind.end_reason) == expected.blamed


@pytest.mark.parametrize("name", ["pull", "pull_up_to_date"])
def test_a_pull_ends_with_its_last_word(vectors, name):
    stream = TransferStream(lambda _: None)
    for record in vectors["answers"][name]["records"]:
        assert not stream.is_pulled
        stream.take(record)
    assert (stream.is_pulled, stream.error) == (True, "")


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("pull_manifest_missing", True),
        ("pull_repository_missing", True),
        ("pull_unreachable", False),
        ("pull_without_login", False),
    ],
)
def test_a_pull_fails_for_the_same_reason_on_every_engine(vectors, name, missing):
    answer = vectors["answers"][name]
    assert answer["status"] >= 400
    assert PullFailed(answer["records"][0]["message"]).missing == missing
