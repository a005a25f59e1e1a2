"""What answers and cannot build for us: refused once, by name, with what is needed."""

import threading

import pytest

from builds.engine.client import OLDEST_API
from builds.engine.docker import Engine
from builds.engine.errors import EngineUnsupported
from builds.engine.supported import Agreed, api_version
from tests.engine.foreign import DOCKER_19, NEEDED, PODMAN, SENTENCES, WINDOWS, foreign_engine, vector
from tests.engine.support import Told, request

ENGINE = {"Components": [{"Name": "Engine"}], "Os": "linux", "Version": "1"}
VERBS = {
    "info": lambda engine: engine.info(),
    "build": lambda engine: engine.build(request("FROM scratch\n"), Told(), threading.Event()),
    "push": lambda engine: engine.push("a/b", "1", login=None, on_update=print, stopping=threading.Event()),
    "pull": lambda engine: engine.pull("a/b", "sha256:0", login=None, on_update=print, stopping=threading.Event()),
    "cancel": lambda engine: engine.cancel_build("id"),
    "leftovers": lambda engine: engine.leftovers({"a": "b"}),
    "base image": lambda engine: engine.load_base_image("a:1", {}),
    "look": lambda engine: engine.image_exists("a:1"),
}


@pytest.mark.parametrize("name", [PODMAN, DOCKER_19, WINDOWS])
def test_what_cannot_build_for_us_is_named_with_what_is_needed(name):
    with foreign_engine(name) as foreign, pytest.raises(EngineUnsupported) as caught:
        Engine(foreign.endpoint).info()
    assert caught.value.answered.startswith(SENTENCES[name])
    assert NEEDED in caught.value.answered


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_refused_alike_and_asks_nothing_else(verb):
    with foreign_engine(PODMAN) as foreign:
        engine = Engine(foreign.endpoint)
        for _ in range(2):
            with pytest.raises(EngineUnsupported, match="Podman Engine"):
                VERBS[verb](engine)
        engine.close()
    assert foreign.heard == ["GET /version"] * 2


@pytest.mark.parametrize(
    ("newest", "oldest", "spoken"),
    [("1.41", "1.12", OLDEST_API), ("1.45", "1.24", OLDEST_API), ("1.52", "1.44", "1.44"), ("1.41", None, OLDEST_API)],
)
def test_the_api_version_is_ours_unless_the_engine_wants_a_newer_one(newest, oldest, spoken):
    assert api_version({**ENGINE, "ApiVersion": newest, "MinAPIVersion": oldest}) == spoken


@pytest.mark.parametrize("newest", ["1.40", "1.9", "0.99"])
def test_an_engine_before_20_10_is_refused(newest):
    with pytest.raises(EngineUnsupported, match=r"Docker Engine 1, which is too old, answers here"):
        api_version({**ENGINE, "ApiVersion": newest, "MinAPIVersion": "1.12"})


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "OK",
        {},
        {"ApiVersion": 1.41},
        {"ApiVersion": "x.y"},
        {"ApiVersion": "\u00b2.41"},
        {"message": "no page"},
    ],
)
def test_another_servers_answer_is_not_taken_for_an_engines(answer):
    with pytest.raises(EngineUnsupported, match="Something other than a Docker Engine answers here"):
        api_version(answer)


@pytest.mark.parametrize("parts", [None, "Engine", [], ["Engine"], [{}], [{"Name": ["Engine"]}], [{"Name": "engined"}]])
def test_who_does_not_call_itself_docker_engine_is_refused(parts):
    with pytest.raises(EngineUnsupported):
        api_version({**ENGINE, "ApiVersion": "1.41", "Components": parts})


def test_what_the_other_side_says_of_itself_stays_one_short_line():
    long = {"Components": [{"Name": "two\nlines " + "x" * 500}], "ApiVersion": "1.41", "Version": "y" * 500}
    with pytest.raises(EngineUnsupported) as caught:
        api_version(long)
    assert "two lines" in caught.value.found
    assert len(caught.value.found) < 200


def test_dockers_other_names_for_its_platform_are_taken():
    offered = {**vector(DOCKER_19)["version"], "ApiVersion": "1.41", "Version": "20.10.0"}
    for platform in ("", "Docker Engine - Community", "Docker Desktop 4.43.0 (198134)"):
        assert api_version({**offered, "Platform": {"Name": platform}}) == OLDEST_API


@pytest.mark.parametrize(("newest", "may_lose"), [("1.41", False), ("1.43", False), ("1.45", True), ("1.51", True)])
def test_engines_that_may_lose_a_cancel_are_known_by_their_newest_api(newest, may_lose):
    assert Agreed(version="any", api="1.41", newest_api=newest).may_lose_a_cancel is may_lose
