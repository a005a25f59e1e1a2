"""An engine that stops answering in the middle of a build: a frozen dockerd."""

import os
import signal
import threading
from contextlib import contextmanager

import pytest

from builds.engine.docker import Engine
from builds.engine.errors import ConnectionLost, EngineUnreachable
from builds.engine.watch import Patience
from tests.engine.relay import Relay
from tests.engine.support import SOON, Told, mark, pid_behind, processes_with, request, wait_gone

HASTY = Patience(quiet=0.2, answer=0.2, pause=0.1, failures=3, ask_again=0.1, give_up=0.5)

pytestmark = pytest.mark.faults


@pytest.fixture
def hasty(engine_endpoint):
    engine = Engine(engine_endpoint, timeout=2, patience=HASTY)
    engine.info()
    yield engine
    engine.close()


@contextmanager
def frozen_when_asked(engine_socket):
    """Give a function that freezes the engine behind the socket; thaw it at the end, whatever happened."""
    pid = pid_behind(engine_socket)
    try:
        yield lambda: os.kill(pid, signal.SIGSTOP)
    finally:
        os.kill(pid, signal.SIGCONT)


def sleeper(base_image, word):
    return f"FROM {base_image}\nRUN echo {word}; sleep 300; true\n"


def test_an_engine_that_freezes_is_noticed_and_ends_the_build_when_it_comes_back(
    hasty, engine_socket, base_image, never
):
    word, left = mark(), []
    with frozen_when_asked(engine_socket) as freeze:

        def freeze_now():
            left.extend(processes_with(word))
            freeze()

        with pytest.raises(EngineUnreachable, match="stopped answering"):
            hasty.build(request(sleeper(base_image, word)), Told(word, then=freeze_now), never)
    assert left
    wait_gone(left)


def test_a_stop_that_a_frozen_engine_does_not_confirm_is_not_reported_as_stopped(hasty, engine_socket, base_image):
    word, stopping, left = mark(), threading.Event(), []
    with frozen_when_asked(engine_socket) as freeze:

        def freeze_and_stop():
            left.extend(processes_with(word))
            freeze()
            stopping.set()

        with pytest.raises(EngineUnreachable) as caught:
            hasty.build(request(sleeper(base_image, word)), Told(word, then=freeze_and_stop), stopping)
    assert caught.value.asked == "stop the build"
    wait_gone(left)


def test_a_long_silent_instruction_is_no_silence_of_the_engine(hasty, base_image, never):
    told = Told()
    hasty.build(request(f"FROM {base_image}\nRUN : {mark()}; sleep 2\n"), told, never)
    assert told.last("sleep 2").completed


def test_a_line_that_breaks_off_is_a_lost_connection(engine_socket, base_image, never):
    with Relay(engine_socket) as relay:
        engine = Engine(relay.endpoint, patience=HASTY)
        word = mark()
        with pytest.raises(ConnectionLost, match="broke off"):
            engine.build(request(sleeper(base_image, word)), Told(word, then=relay.cut), never)
        engine.close()


def test_a_network_that_swallows_everything_is_noticed_by_our_own_clock(engine_socket, base_image, never):
    with Relay(engine_socket) as relay:
        engine = Engine(relay.endpoint, timeout=2, patience=HASTY)
        word, ended = mark(), threading.Event()

        def build():
            with pytest.raises(EngineUnreachable, match="stopped answering"):
                engine.build(request(sleeper(base_image, word)), Told(word, then=relay.swallow), never)
            ended.set()

        thread = threading.Thread(target=build)
        thread.start()
        assert ended.wait(SOON)
        thread.join()
        engine.close()
    wait_gone(processes_with(word))
