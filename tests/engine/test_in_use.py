"""What an engine still executes, told by the use of its build cache."""

import threading

import pytest

from builds.engine.building import BuildStream
from builds.engine.errors import BuildStopped, EngineUnreachable
from builds.engine.in_use import command_of
from tests.engine.support import SOON, Running, Told, mark, processes_with, request, wait_gone
from tests.engine.test_stopping import sleeper
from tests.support.waiting import wait_until

CANCELS = 12


@pytest.mark.parametrize(
    ("instruction", "command"),
    [
        ("[2/3] RUN echo a  &&   echo b", "echo a && echo b"),
        ("[stage-1 10/11] RUN --mount=type=cache,target=/x --network=none make all", "make all"),
        ('[ 3/11] RUN ["/bin/prog", "a b"]', "/bin/prog a b"),
        ("[2/3] COPY a b", ""),
        ("exporting to image", ""),
        ("", ""),
    ],
)
def test_the_command_of_an_instruction_is_what_the_engine_describes(instruction, command):
    assert command_of(instruction) == command


def test_an_instruction_that_runs_is_told_as_long_as_it_does(engine, base_image):
    word, ready = mark(), threading.Event()
    told = Told(word, then=ready.set)
    running = Running(engine, request(sleeper(base_image, word)), told)
    assert ready.wait(SOON)
    name, pids = told.last(word).name, processes_with(word)
    can_tell = tuple(map(int, engine.info().api_version.split("."))) >= (1, 44)
    assert engine.still_running([name, "[2/2] RUN something else"]) == ([name] if can_tell else [])
    running.stopping.set()
    running.ended()
    wait_gone(pids)
    wait_until(lambda: engine.still_running([name]) == [], message="still told when it has gone")


def test_a_cancel_waits_while_instructions_begin(engine, base_image):
    """Docker 26.1.5 loses a cancel that comes while a process is being started, and the process goes on."""
    for _ in range(CANCELS):
        word, stopping = mark(), threading.Event()

        def at_the_start(record, stopping=stopping):
            if any("RUN" in vertex.name and vertex.started for vertex in record.vertexes):
                stopping.set()

        with pytest.raises(BuildStopped):
            engine.build(request(sleeper(base_image, word)), at_the_start, stopping)
        assert processes_with(word) == []


def test_a_stop_without_the_instructions_end_is_not_confirmed(engine, base_image, monkeypatch):
    monkeypatch.setattr(BuildStream, "running", ["[2/2] RUN true"])
    monkeypatch.setattr("builds.engine.building.still_running", lambda _client, names: names)
    monkeypatch.setattr("builds.engine.client.EngineClient.cancel_build", lambda _client, _id: None)
    engine._patience, before = engine._patience.__class__(ask_again=0.1, give_up=0.2), engine._patience
    word, stopping = mark(), threading.Event()
    try:
        with pytest.raises(EngineUnreachable, match="does not end an instruction"):
            engine.build(request(sleeper(base_image, word)), Told(word, then=stopping.set), stopping)
    finally:
        engine._patience = before
    wait_gone(processes_with(word))
