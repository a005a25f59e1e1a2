"""A build server whose disk is full: a step says so, whose problem it is, and leaves nothing there."""

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from builds.domain import failures
from builds.engine.base_image import tools
from builds.engine.docker import Engine
from builds.engine.errors import EngineRefused
from builds.engine.packing import pack
from builds.engine.types import Endpoint
from builds.execution.context import labels
from builds.models import BuildRun
from builds.services.builds.edit import BuildDraft, create_build
from builds.services.builds.steps import StepDraft
from tests.engine.further import further_engine
from tests.support.folders import make_folder
from tests.support.images import make_base_image
from tests.support.runs import ended, executed_here, press

DISK_MB = 192
FULL = "build.disk_full"


@dataclass(frozen=True)
class SmallServer:
    """An engine on a disk of its own."""

    url: str
    disk: Path

    def fill(self, *, leave: int = 0) -> None:
        """Fill the disk up to `leave` bytes."""
        size = shutil.disk_usage(self.disk).free - leave
        subprocess.run(["fallocate", "--length", str(size), self.disk / "ballast"], check=True)

    def clear(self) -> None:
        """Take away what fills it."""
        (self.disk / "ballast").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def small() -> Iterator[SmallServer]:
    home = make_folder()
    disk = home / "engine"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "none", disk], check=True)
    try:
        with further_engine(home) as url:
            yield SmallServer(url, disk)  # what is mounted for the engine goes with it
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def engine(small) -> Iterator[Engine]:
    engine = Engine(Endpoint(url=small.url))
    engine.load_base_image(*tools())
    yield engine
    small.clear()
    engine.close()


@pytest.fixture
def executed(caller, nobody_serves, small, engine) -> Callable[..., BuildRun]:
    """Execute a build with one program on the small server; nothing of its run is left there."""

    def execute(image: str, *cmd: str) -> BuildRun:
        name, _, tag = image.rpartition(":")
        program = StepDraft("USER_TASK", order=1, config={"image_name": name, "image_tag": tag, "cmd": list(cmd)})
        last = StepDraft("CREATE_IMAGE", order=2, config={"docker_file": "FROM scratch\nCOPY . /\n"})
        named = {"name": "full", "image_name": "full", "tag_name": "1", "server_host": "topic:gone"}
        build = create_build(caller=caller, draft=BuildDraft(**named, steps=(program, last)))
        run = executed_here(press(build, caller), small.url)
        small.clear()
        assert engine.leftovers(labels(run.pk)) == ()
        return run

    return execute


def test_a_step_whose_image_has_no_room_is_the_servers_problem_and_not_the_registrys(
    small, executed, workers, build_of, caller, registry_host
):
    ended(press(build_of("RUN echo pulled > /fact", name="team/full"), caller))
    small.fill()
    run = executed(f"{registry_host}/team/full:1", "true")
    assert (run.end_reason, run.failure["id"], run.failure["whose"]) == ("SERVER_FAILED", FULL, "server")
    assert "no space left on device" in run.end_message


def test_a_step_whose_container_has_no_room_says_that_the_disk_is_full(small, executed, base_image):
    make_base_image(small.url, base_image)
    small.fill()
    run = executed(base_image, "true")
    assert (run.end_reason, run.failure["id"]) == ("SERVER_FAILED", FULL)


def test_a_program_that_fills_the_disk_fails_and_is_told_what_it_looks_like(small, executed, base_image):
    make_base_image(small.url, base_image)
    small.fill(leave=4_000_000)
    run = executed(base_image, "dd", "if=/dev/zero", "of=big", "bs=1M", "count=64")
    assert (run.end_reason, run.failure["id"], run.failure["exit_code"]) == ("USER_TASK_FAILED", "task.exited", 1)
    assert "disk was full" in run.failure["looks_like"]


def test_files_that_have_no_room_in_the_workspace_are_refused_in_words_that_are_known(small, engine, tmp_path):
    (tmp_path / "big").write_bytes(bytes(8_000_000))
    held = engine.hold_volume("full", image=tools()[0], labels={}, has_network=False)
    try:
        small.fill(leave=2_000_000)
        with pytest.raises(EngineRefused) as refused:
            held.put("/workspace", pack(tmp_path / "big", "big"), threading.Event())
    finally:
        small.clear()
        engine.remove_volume("full")
    assert failures.engine_refused("server", refused.value.answered).kind.id == FULL
