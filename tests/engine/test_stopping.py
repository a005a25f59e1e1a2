"""A build that is stopped has stopped: the process is gone when `BuildStopped` is raised."""

import threading

import pytest

from builds.engine.client import EngineClient
from builds.engine.docker import Engine
from builds.engine.errors import BuildStopped
from builds.engine.session import Session
from builds.engine.watch import Patience
from tests.engine.support import SOON, Told, mark, processes_with, request, wait_gone


class RecorderError(Exception):
    pass


def sleeper(base_image, word):
    """A Dockerfile whose instruction prints `word`, ignores SIGTERM and sleeps, with `word` on its command line.

    Something follows the sleep: else the shell would become the sleep, and the word be gone from the command line.
    """
    return f"FROM {base_image}\nRUN trap '' TERM; echo {word}; sleep 300; true\n"


def test_a_stop_in_the_middle_of_an_instruction_ends_its_process_first(engine, base_image):
    word, stopping, seen = mark(), threading.Event(), []

    def stop():
        seen.extend(processes_with(word))
        stopping.set()

    with pytest.raises(BuildStopped):
        engine.build(request(sleeper(base_image, word)), Told(word, then=stop), stopping)
    assert processes_with(word) == []
    assert seen, "The instruction had no process to end."


def test_a_stop_before_the_engine_knows_the_build_is_not_lost(engine, base_image, monkeypatch):
    word, stopping, cancelled = mark(), threading.Event(), threading.Event()
    open_session, cancel_build = Session.open, EngineClient.cancel_build

    def cancel(client, build_id):
        cancel_build(client, build_id)
        cancelled.set()

    def late(session, client):
        stopping.set()
        assert cancelled.wait(SOON), "The first cancel has not gone out."
        open_session(session, client)

    monkeypatch.setattr(EngineClient, "cancel_build", cancel)
    monkeypatch.setattr(Session, "open", late)
    with pytest.raises(BuildStopped):
        engine.build(request(sleeper(base_image, word)), Told(), stopping)
    assert processes_with(word) == []


def test_a_build_that_is_stopped_before_it_begins_is_never_sent(engine, monkeypatch):
    stopping, opened = threading.Event(), []
    stopping.set()
    monkeypatch.setattr(Session, "open", lambda session, _client: opened.append(session))
    with pytest.raises(BuildStopped):
        engine.build(request("FROM scratch\n"), Told(), stopping)
    assert opened == []


def test_a_build_that_succeeds_while_it_is_being_stopped_keeps_its_image(engine, base_image):
    stopping = threading.Event()

    def at_export(record):
        if any(vertex.name == "exporting to image" and vertex.completed for vertex in record.vertexes):
            stopping.set()

    image_id = engine.build(request(f"FROM {base_image}\nRUN echo {mark()}\n"), at_export, stopping)
    assert engine.image_exists(image_id)


def test_a_recorder_that_raises_drops_the_connection_and_the_engine_kills_the_build(engine, base_image, never):
    word, seen = mark(), []

    def fail():
        seen.extend(processes_with(word))
        raise RecorderError

    with pytest.raises(RecorderError):
        engine.build(request(sleeper(base_image, word)), Told(word, then=fail), never)
    assert seen
    wait_gone(seen)
    assert processes_with(word) == []


def test_a_cancel_without_effect_ends_in_a_dropped_connection(engine_endpoint, base_image):
    engine = Engine(engine_endpoint, patience=Patience(ask_again=0.1, give_up=0.3))
    word, stopping = mark(), threading.Event()
    asked = request(sleeper(base_image, word))
    told = Told(word, then=lambda: (setattr(asked, "build_id", "another"), stopping.set()))
    with pytest.raises(BuildStopped, match="connection was dropped"):
        engine.build(asked, told, stopping)
    assert processes_with(word) == []


def test_a_sibling_build_with_the_same_instruction_goes_on(engine, base_image):
    word, stopping, other_stopping = mark(), threading.Event(), threading.Event()
    both = threading.Barrier(2, timeout=30)
    errors = []

    def other():
        try:
            engine.build(request(sleeper(base_image, word)), Told(word, then=both.wait), other_stopping)
        except BuildStopped as error:
            errors.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    with pytest.raises(BuildStopped):
        engine.build(
            request(sleeper(base_image, word)), Told(word, then=lambda: (both.wait(), stopping.set())), stopping
        )
    assert processes_with(word), "The other build has lost its process."
    other_stopping.set()
    thread.join(30)
    assert len(errors) == 1
    assert processes_with(word) == []
