"""Builds on a real engine: success, cache, arguments, and every way to fail."""

import pytest

from builds.engine.context import FILES
from builds.engine.errors import BuildFailed, EngineRefused
from tests.engine.support import Told, mark, request


def test_a_build_returns_the_id_of_the_image_that_the_engine_holds_under_its_tag(engine, base_image, never):
    word = mark()
    asked = request(f"FROM {base_image}\nRUN echo {word}\n", tags=(f"buildhub/{word}:1", f"buildhub/{word}:2"))
    image_id = engine.build(asked, Told(), never)
    facts = engine.image_facts(f"buildhub/{word}:2")
    assert facts.id == image_id
    assert set(facts.tags) >= {f"buildhub/{word}:1", f"buildhub/{word}:2"}


def test_instructions_come_with_names_times_and_the_lines_they_printed(engine, base_image, never):
    word, told = mark(), Told()
    engine.build(request(f"FROM {base_image}\nRUN echo out-{word}; echo err-{word} >&2\n"), told, never)
    vertex = told.last("RUN echo")
    assert vertex.name.startswith("[2/2] RUN echo")
    assert vertex.started < vertex.completed
    assert not vertex.cached
    assert told.output() == {(vertex.name, 1): f"out-{word}\n".encode(), (vertex.name, 2): f"err-{word}\n".encode()}


def test_the_same_build_again_is_cached_and_prints_nothing(engine, base_image, never):
    dockerfile = f"FROM {base_image}\nRUN echo {mark()}\n"
    first = engine.build(request(dockerfile), Told(), never)
    told = Told()
    assert engine.build(request(dockerfile), told, never) == first
    assert told.last("RUN echo").cached
    assert told.output() == {}


def test_no_cache_runs_every_instruction_again(engine, base_image, never):
    dockerfile = f"FROM {base_image}\nRUN echo {mark()}\n"
    engine.build(request(dockerfile), Told(), never)
    told = Told()
    engine.build(request(dockerfile, no_cache=True), told, never)
    assert not told.last("RUN echo").cached


def test_arguments_labels_and_target_reach_the_build(engine, base_image, never):
    told, word = Told(), mark()
    dockerfile = f"""FROM {base_image} AS first
ARG GIVEN=no
ARG LEFT=default
RUN echo {word} $GIVEN $LEFT
FROM first AS second
RUN exit 1
"""
    asked = request(
        dockerfile, build_args={"GIVEN": "yes", "LEFT": None}, target="first", labels={"a.label": "its value"}
    )
    image_id = engine.build(asked, told, never)
    assert told.stdout() == f"{word} yes default\n".encode()
    assert engine._client.inspect_image(image_id)["Config"]["Labels"] == {"a.label": "its value"}


def test_an_instruction_that_fails_is_named_with_its_exit_code(engine, base_image, never):
    word, told = mark(), Told()
    dockerfile = f"FROM {base_image}\nRUN echo {word}; exit 7\nRUN echo never\n"
    with pytest.raises(BuildFailed) as caught:
        engine.build(request(dockerfile), told, never)
    assert caught.value.exit_code == 7
    assert caught.value.vertex_name == f"[2/3] RUN echo {word}; exit 7"
    assert caught.value.vertex == told.last(word).digest
    assert "exit code: 7" in told.last(word).error
    assert told.stdout() == f"{word}\n".encode()


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        ("FROM scratch\nRUNN x\n", "unknown instruction: RUNN"),
        ("", "empty"),
        ("FROM scratch\nCOPY nothing /here\n", "not found"),
    ],
)
def test_a_wrong_dockerfile_fails_with_the_engines_words(engine, never, dockerfile, expected):
    with pytest.raises(BuildFailed, match=expected) as caught:
        engine.build(request(dockerfile), Told(), never)
    assert caught.value.exit_code is None


def test_a_base_image_that_cannot_be_had_fails_the_build(engine, never):
    missing = f"127.0.0.1:9/{mark()}:1"
    with pytest.raises(BuildFailed, match=r"connection refused|not found"):
        engine.build(request(f"FROM {missing}\n"), Told(), never)


def test_a_tag_that_the_engine_does_not_take_is_a_refusal(engine, base_image, never):
    with pytest.raises(EngineRefused, match="invalid reference format") as caught:
        engine.build(request(f"FROM {base_image}\n", tags=("UPPER CASE",)), Told(), never)
    assert caught.value.status in {400, 500}


def test_a_file_of_the_build_that_cannot_be_read_keeps_its_own_error(engine, base_image, never):
    class Gone:
        def entries(self, _asked):
            raise FileNotFoundError("a file of the context is gone")

    asked = request(f"FROM {base_image}\nCOPY . /\n")
    asked.context = {**asked.context, FILES: Gone()}
    with pytest.raises(FileNotFoundError, match="a file of the context"):
        engine.build(asked, Told(), never)
