"""The engine fetches Dockerfile and files over the build's session: nothing of ours is among the files."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from builds.domain import failures
from builds.engine import session as sessions
from builds.engine.client import EngineClient
from builds.engine.context import FILES
from builds.engine.docker import Engine
from builds.engine.errors import BuildFailed, BuildStopped, ConnectionLost, EngineRefused, EngineUnreachable
from builds.engine.session import Session
from builds.engine.session_files import FOLDER, Entry
from builds.engine.types import Endpoint
from tests.engine.registries import OwnRegistry, htpasswd_settings
from tests.engine.relay import Relay
from tests.engine.support import SOON, Running, Told, mark, pid_behind, processes_with, request
from tests.support.images import make_base_image
from tests.support.services import Services

REQUEST_OF_A_FILE = b"\0\0\0\0\x02\x08\x01"  # a gRPC message of two bytes: REQ of file 0


def open_sockets() -> int:
    """Count the sockets of this process."""
    links = (path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink())
    return sum(str(link).startswith("socket:") for link in links)


@pytest.fixture(autouse=True)
def nothing_is_left(engine):
    """Each build ends with its session: no thread of it, no socket."""
    engine.info()
    before = open_sockets()
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name == "build-session"] == []
    assert open_sockets() <= before  # the engine may have let go of a connection that was kept


class Tree:
    """A folder as a later source of files may be."""

    def entries(self, asked):
        yield Entry("a-b", 4, lambda: [b"one\n"])
        yield Entry("a/b", 8, lambda: [b"two\n", b"2wo\n"], mode=0o755)
        yield Entry("a", mode=FOLDER)


def test_an_engine_says_what_it_is(engine, record_property):
    info = engine.info()
    record_property("engine", f"{info.version} {info.image_store} {engine.api_spoken}")
    assert info.image_store in {"docker", "containerd"}


def test_what_copy_takes_into_the_image_is_empty(engine, base_image, never):
    told = Told()
    engine.build(request(f"FROM {base_image}\nCOPY . /app/\nRUN : {mark()}; ls -A /app\n"), told, never)
    assert told.last("COPY . /app/").completed
    assert told.last("ls -A /app").completed
    assert told.stdout() == b""


def test_a_folder_comes_with_its_files_contents_and_modes(engine, base_image, never):
    told = Told()
    asked = request(f"FROM {base_image}\nCOPY . /app/\nRUN : {mark()}; cd /app; ls -R; test -x a/b && cat a-b a/b\n")
    asked.context = {**asked.context, FILES: Tree()}
    engine.build(asked, told, never)
    assert told.stdout() == b".:\na\na-b\n\n./a:\nb\none\ntwo\n2wo\n"


def test_a_dockerfile_of_the_same_length_is_not_taken_for_the_one_before(engine, base_image, never):
    word, first, second = mark(), Told(), Told()
    engine.build(request(f"FROM {base_image}\nRUN echo {word} 1\n"), first, never)
    engine.build(request(f"FROM {base_image}\nRUN echo {word} 2\n"), second, never)
    assert (first.stdout(), second.stdout()) == (f"{word} 1\n".encode(), f"{word} 2\n".encode())


def test_the_same_build_again_is_cached_down_to_its_last_instruction(engine, base_image, never):
    dockerfile, told = f"FROM {base_image}\nCOPY . /app/\nRUN echo {mark()}\n", Told()
    first = engine.build(request(dockerfile), Told(), never)
    assert engine.build(request(dockerfile), told, never) == first
    assert told.last("COPY . /app/").cached
    assert told.last("RUN echo").cached


def test_a_dockerfile_of_512_kib_is_built(engine, base_image, never):
    word, told = mark(), Told()
    comment = f"# {'x' * 1021}\n" * 512
    engine.build(request(f"FROM {base_image}\n{comment}RUN echo {word}\n"), told, never)
    assert told.stdout() == f"{word}\n".encode()


def test_thirty_builds_at_the_same_time_get_each_its_own_dockerfile(engine, base_image, never):
    def built(word: str) -> bytes:
        told = Told()
        engine.build(request(f"FROM {base_image}\nCOPY . /app/\nRUN echo {word}; ls -A /app\n"), told, never)
        return told.stdout()

    words = [mark() for _ in range(30)]
    with ThreadPoolExecutor(30) as pool:
        assert list(pool.map(built, words)) == [f"{word}\n".encode() for word in words]


def test_a_cancel_in_the_middle_ends_the_session_too(engine, base_image):
    word, stopping = mark(), threading.Event()
    with pytest.raises(BuildStopped):
        engine.build(
            request(f"FROM {base_image}\nRUN echo {word}; sleep 300; true\n"), Told(word, then=stopping.set), stopping
        )
    assert processes_with(word) == []


def test_the_engine_hears_that_its_session_lives(engine, base_image, monkeypatch):
    """An engine that asks in vain gives the build up."""
    answered, answer = threading.Event(), sessions.Unary.take

    def seen(call, message):
        yield from answer(call, message)
        answered.set()

    monkeypatch.setattr(sessions.Unary, "take", seen)
    running = Running(engine, request(f"FROM {base_image}\nRUN : {mark()}; sleep 300\n"), Told())
    assert answered.wait(SOON)
    running.stopping.set()
    assert isinstance(running.ended().error, BuildStopped)


@pytest.mark.parametrize(
    ("dockerfile", "kind"),
    [
        ("# syntax={registry}/tests/no-such-frontend:1\nFROM {base}\n", "build.frontend_missing"),
        ("FROM {closed}/closed/whole:1\n", "build.base_denied"),
        ("FROM {base}\nRUN --mount=type=secret,id=token,required=true : {word}\n", "build.session_missing"),
        ("FROM {base}\nRUN --mount=type=ssh,required=true : {word}\n", "build.session_missing"),
        ("FROM {base}\nCOPY nothing /x\n", "build.file_missing"),
        ("# nothing\n", "build.dockerfile_invalid"),
    ],
)
def test_what_the_session_does_not_give_fails_for_its_own_reason(
    engine, base_image, registry_host, never, tmp_path, dockerfile, kind
):
    with OwnRegistry(tmp_path, **htpasswd_settings(tmp_path)) as closed:
        text = dockerfile.format(base=base_image, registry=registry_host, closed=closed.host, word=mark())
        with pytest.raises(BuildFailed) as caught:
            engine.build(request(text), Told(), never)
    error = caught.value
    failure = failures.build_failed(error.message, instruction=error.vertex_name, dockerfile=text)
    assert failure.kind.id == kind, error.message


@pytest.mark.parametrize("told_by", [b"", b"transport is closing"], ids=["seen first", "told first"])
def test_a_session_that_breaks_alone_is_a_lost_connection_and_no_fault_of_the_dockerfile(engine_socket, never, told_by):
    with Relay(engine_socket, cut_before=REQUEST_OF_A_FILE, told_by=told_by) as relay:
        engine = Engine(relay.endpoint)
        with pytest.raises(ConnectionLost, match="session"):
            engine.build(request("FROM scratch\nCOPY . /\n"), Told(), never)
        engine.close()


def test_an_engine_that_is_silent_while_the_session_opens_is_unreachable(engine_socket, never):
    with Relay(engine_socket) as relay:
        engine = Engine(relay.endpoint, timeout=0.5)
        engine.info()
        relay.swallow()
        with pytest.raises(EngineUnreachable, match="open the session of a build"):
            engine.build(request("FROM scratch\n"), Told(), never)
        engine.close()


def test_an_engine_that_does_not_open_a_session_is_heard(engine_endpoint):
    with (
        EngineClient(engine_endpoint, timeout=5, version="9.99") as client,
        Session({}) as session,
        pytest.raises(EngineRefused, match=r"client version 9\.99 is too new") as caught,
    ):
        session.open(client)
    assert caught.value.status == 400


@pytest.mark.faults
def test_an_engine_that_is_killed_in_the_middle_of_a_build_is_a_lost_connection(never):
    services = Services()
    try:
        url = services.engine()
        base, word = make_base_image(url), mark()
        engine, pid = Engine(Endpoint(url)), pid_behind(url.removeprefix("unix://"))
        told = Told(word, then=lambda: os.kill(pid, signal.SIGKILL))
        with pytest.raises(ConnectionLost, match="broke off"):
            engine.build(request(f"FROM {base}\nRUN echo {word}; sleep 300\n"), told, never)
        engine.close()
    finally:
        services.stop()
