"""An engine of our own: nothing of it is left, also in the middle of a build and when it was killed."""

import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import docker
import pytest

from supervisor import engine, registry
from supervisor.children import Children
from supervisor.files import CannotStart
from supervisor.processes import process_ids, stragglers
from tests.support.bridges import own_bridge
from tests.support.images import make_base_image, make_registry_image
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a Docker Engine"),
]


@pytest.fixture
def engine_options():
    """dockerd's options for a bridge that exists during the test."""
    with own_bridge() as options:
        yield options


@pytest.fixture
def own_engine(open_folder, engine_options):
    """A family with an engine in this process."""
    children = Children(open_folder, cgroup=engine.cgroup_of(open_folder), adopt_orphans=False)
    prepared = engine.prepare(open_folder, socket_path=open_folder / "docker.sock", options=engine_options)
    children.wait_until(prepared.is_ready, children.start(prepared.command), seconds=60)
    yield children, prepared
    children.stop()
    engine.clean_up(open_folder)


def build(url, command):
    """Build one RUN in a thread of its own; how it ends is not looked at."""
    base = make_base_image(url)

    def work():
        client = docker.APIClient(base_url=url, version="auto")
        client.trust_env = False
        try:
            with client.post(
                f"{client.base_url}/build",
                params={"version": "2", "nocache": "1"},
                data=_context(f"FROM {base}\nRUN {command}\n"),
                headers={"Content-Type": "application/x-tar"},
            ) as answer:
                _ = answer.content
        except docker.errors.requests.exceptions.RequestException:
            pass  # the engine is killed in the middle of it
        finally:
            client.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def _context(dockerfile):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile)
        tar.addfile(entry, io.BytesIO(dockerfile.encode()))
    return buffer.getvalue()


def processes_with(word):
    """Return the ids of processes whose command line holds `word`."""
    return [pid for pid in process_ids() if word in command_line(pid)]


def command_line(pid):
    """Return the command line of a process, empty when it has gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").replace("\0", " ")
    except OSError:
        return ""


def test_an_engine_of_ours_has_the_log_limits_lifted(own_engine):
    children, _ = own_engine
    dockerd = next(pid for pid in stragglers(f"{children.data_dir}:engine"))
    environment = Path(f"/proc/{dockerd}/environ").read_bytes().split(b"\0")
    assert b"BUILDKIT_STEP_LOG_MAX_SIZE=1073741824" in environment
    assert b"BUILDKIT_STEP_LOG_MAX_SPEED=1073741824" in environment


def test_after_kill_9_of_the_engine_its_build_is_gone_before_it_starts_again(own_engine):
    children, prepared = own_engine
    thread = build(prepared.url, "sleep 599")
    wait_until(lambda: processes_with("sleep 599"), message="the build does not run")
    old = next(pid for pid in processes_with("dockerd") if str(prepared.socket_path) in command_line(pid))
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: children.tend() and not prepared.is_ready(), message="still there")
    wait_until(lambda: children.tend() and prepared.is_ready(), timeout=30, message="not started again")
    assert processes_with("sleep 599") == []
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_stopping_in_the_middle_of_a_build_leaves_no_process_mount_or_control_group(own_engine):
    children, prepared = own_engine
    thread = build(prepared.url, "sleep 598")
    wait_until(lambda: processes_with("sleep 598"), message="the build does not run")
    children.stop()
    engine.clean_up(children.data_dir)
    thread.join(timeout=10)
    assert processes_with("sleep 598") == []
    assert leftovers(children.data_dir) == []


def test_kill_9_of_the_supervisor_takes_engine_and_build_down(open_folder, engine_options):
    arguments = [sys.executable, "-m", "tests.supervisor.engine_family", str(open_folder), *engine_options]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "ready\n"
        thread = build(f"unix://{open_folder}/docker.sock", "sleep 597")
        wait_until(lambda: processes_with("sleep 597"), message="the build does not run")
        supervisor.kill()
    wait_until(lambda: not processes_with("sleep 597") and not processes_with(str(open_folder)), timeout=15)
    thread.join(timeout=10)
    engine.clean_up(open_folder)
    assert leftovers(open_folder) == []


def leftovers(home):
    """Return mounts and control groups that belong to the engine of `home`."""
    cgroup = engine.cgroup_of(home).lstrip("/")
    mounted = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    mounts = [line for line in mounted if str(home) in line or cgroup in line]
    groups = subprocess.run(["find", "/sys/fs/cgroup", "-name", cgroup], capture_output=True, text=True, check=True)
    return mounts + groups.stdout.splitlines()


def test_an_engine_that_does_not_answer_is_told_from_one_that_does(own_engine, open_folder):
    _, prepared = own_engine
    assert engine.answers(prepared.url)
    assert not engine.answers(f"unix://{open_folder}/nothing.sock")
    assert not engine.answers("tcp://127.0.0.1:9")


def test_an_engine_that_was_found_is_used_and_replaced_when_it_goes(standin, own_engine, engine_options):
    others, found = own_engine
    assert found.socket_path == standin.home / "docker.sock"
    standin.docker_host, standin.engine_options = "", engine_options
    standin.started()
    assert standin.pid_of("engine") == 0
    others.stop()
    wait_until(lambda: standin.pid_of("engine") and engine.answers(found.url), timeout=30, message="not replaced")


def test_without_the_program_the_registry_is_a_container(own_engine, open_folder, monkeypatch):
    children, prepared = own_engine
    make_registry_image(prepared.url)
    monkeypatch.setattr(registry, "is_installed", lambda: False)
    container = registry.prepare(open_folder, engine_url=prepared.url)
    child = children.start(container.command)
    children.wait_until(container.is_ready, child, seconds=30)
    child.running().terminate()
    assert child.running().wait(timeout=15) == 0
    assert not container.is_ready()
    children.forget("registry")


def test_without_program_and_local_engine_the_remedy_is_said(open_folder, monkeypatch):
    monkeypatch.setattr(registry, "is_installed", lambda: False)
    with pytest.raises(CannotStart, match="apt-get install docker-registry"):
        registry.prepare(open_folder, engine_url="tcp://192.0.2.1:2376")
