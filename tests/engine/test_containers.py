"""Containers of steps and the volume they share, on the real engine."""

import io
import socket
import subprocess
import tarfile
import threading
from contextlib import suppress
from dataclasses import replace

import pytest

from builds.engine.containers import HostMount, Limits, Task
from builds.engine.errors import EngineRefused, EngineUnreachable
from builds.engine.volumes import PathFacts
from tests.engine.support import mark


def packed(**files: str) -> list[bytes]:
    """Return a tar of files by name."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return [data.getvalue()]


@pytest.fixture
def labels():
    return {"buildhub.run": mark()}


@pytest.fixture
def held(engine, base_image, labels):
    """A workspace, under the name that its labels carry."""
    name = labels["buildhub.run"]
    yield engine.hold_volume(name, image=base_image, labels=labels, has_network=True)
    engine.remove_volume(name)
    assert engine.leftovers(labels) == ()


@pytest.fixture
def run(engine, base_image, labels, held, never):
    """Run a shell line in a container, and return (end, what it printed by stream)."""

    def run(line: str, stopping=never, **changes):
        told: dict[int, bytes] = {1: b"", 2: b""}

        def hear(stream: int, data: bytes) -> None:
            told[stream] += data

        task = Task(
            image=base_image,
            command=("sh", "-c", line),
            volume=labels["buildhub.run"],
            network=f"container:{held.holder}",
            labels=labels,
        )
        end = engine.run_task(replace(task, **changes), hear, stopping)
        assert [left.name for left in engine.leftovers(labels)] == [labels["buildhub.run"]] * 2
        return end, told[1].decode(), told[2].decode()

    return run


def test_output_and_exit_code_come_from_the_program(run):
    end, out, err = run("echo one; echo two >&2; exit 3")
    assert (end.exit_code, out, err) == (3, "one\n", "two\n")
    assert not end.unstarted


def test_what_one_step_writes_the_next_one_reads_as_any_user(run, held, never):
    run("echo made > /workspace/file; pwd")
    held.put("/workspace", packed(**{"folder/put": "put\n"}), never)
    assert run("cat file folder/put; stat -c %a .")[1] == "made\nput\n777\n"


def test_what_goes_to_the_workspace_is_broken_off_for_a_stop(held):
    stopping = threading.Event()

    def endless():
        entry = tarfile.TarInfo("endless")
        entry.size = 1 << 40
        yield entry.tobuf()
        stopping.set()
        while True:
            yield bytes(1000)

    with pytest.raises(EngineUnreachable):
        held.put("/workspace", endless(), stopping)


def test_output_is_told_while_the_program_runs(engine, base_image, labels, held):
    heard, stopping = threading.Event(), threading.Event()
    ends = []

    def hear(_stream: int, data: bytes) -> None:
        if b"alive" in data:
            heard.set()

    task = Task(
        image=base_image,
        command=("sh", "-c", "echo alive; sleep 300"),
        volume=labels["buildhub.run"],
        network=f"container:{held.holder}",
        labels=labels,
    )
    thread = threading.Thread(target=lambda: ends.append(engine.run_task(task, hear, stopping)))
    thread.start()
    assert heard.wait(30)
    stopping.set()
    thread.join(30)
    assert [end.exit_code for end in ends] == [137]
    assert {left.kind for left in engine.leftovers(labels)} == {"volume", "container"}


def test_a_command_that_is_not_there_is_said_by_the_engine(run):
    end, *_ = run("", command=("nosuch",))
    assert end.exit_code == 127
    assert "nosuch" in end.unstarted


def test_limits_hold(run):
    end, *_ = run("exec dd if=/dev/zero of=/dev/shm/x bs=1M count=60", limits=Limits(memory_bytes=20 << 20))
    assert end.out_of_memory
    _, _out, err = run("for n in 1 2 3 4 5 6; do sleep 1 & done; echo $(jobs | wc -l)", limits=Limits(processes=4))
    assert "can't fork" in err
    quota = run("cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null", limits=Limits(cpus=0.5))
    assert quota[1].startswith("50000")


@pytest.fixture
def metadata():
    """A server at the address where clouds answer their own machines, on the machine of the engine; its port."""
    # By a route: a new address, here or gone, makes every browser in this network drop its requests.
    subprocess.run(["ip", "route", "replace", "local", "169.254.169.254/32", "dev", "lo"], check=True)
    with socket.create_server(("169.254.169.254", 0)) as server:

        def answer() -> None:
            with suppress(OSError):  # closed: the end
                while True:
                    server.accept()[0].close()

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]
        socket.socket.shutdown(server, socket.SHUT_RDWR)
    subprocess.run(["ip", "route", "del", "local", "169.254.169.254/32", "dev", "lo"], check=True)


def test_a_server_of_cloud_metadata_is_not_reached(run, metadata):
    line = f"nc -w 5 169.254.169.254 {metadata} </dev/null && echo reached"
    assert run(line, network="bridge")[1] == "reached\n"  # as any other container reaches it
    assert run(line)[1] == ""


def test_without_a_network_there_is_loopback_alone(run):
    assert run("ls /sys/class/net", network="none")[1] == "lo\n"


def test_the_address_of_cloud_metadata_is_closed_and_stays_so(run):
    _, out, err = run("nc -w 3 169.254.169.254 80 </dev/null; ip route del prohibit 169.254.0.0/16; ip route")
    assert "Permission denied" in err
    assert "not permitted" in err
    assert "prohibit 169.254.0.0/16" in out


def test_a_link_in_a_host_folder_leads_nowhere_on_the_server(run, host_folder):
    (host_folder / "inside").mkdir()
    (host_folder / "inside" / "fact").write_text("shared\n")
    (host_folder / "evil").symlink_to("/etc")
    mounts = (
        HostMount(str(host_folder), "/cache", "inside"),
        HostMount(str(host_folder), "/whole"),
        HostMount(str(host_folder), "/stolen", "evil"),
    )
    _, out, _ = run("cat /cache/fact; cat /whole/inside/fact; ls /stolen; cat /stolen/hostname", mounts=mounts)
    assert out.startswith("shared\nshared\n")
    assert "shadow" not in out  # what it leads to is the container's own /etc


def test_a_host_folder_that_is_not_there_is_refused(run, engine, labels, host_folder):
    for mount in (HostMount(str(host_folder / "nowhere"), "/cache"), HostMount(str(host_folder), "/cache", "nowhere")):
        with pytest.raises(EngineRefused, match="does not exist"):
            run("true", mounts=(mount,))
        assert {left.name for left in engine.leftovers(labels)} == {labels["buildhub.run"]}


def test_paths_of_the_workspace_are_looked_at(run, held):
    run("mkdir -p a/b; touch a/b/c; ln -s b a/link; ln -s /etc/passwd out; ln -s round round")
    assert held.look("/workspace/a/b") == PathFacts(is_folder=True)
    assert held.look("/workspace/a/link/c") == PathFacts(is_folder=False)
    assert held.look("/workspace/a/link") == PathFacts(is_folder=False, target="/workspace/a/b")
    assert held.look("/workspace/out").target == "/etc/passwd"
    assert held.look("/workspace/round") is None
    assert held.look("/workspace/nothing") is None
    with held.packed("/workspace/a/.") as file, tarfile.open(fileobj=file, mode="r|") as tar:
        assert sorted(entry.name for entry in tar) == [".", "./b", "./b/c", "./link"]
    with held.packed("/workspace/nothing") as file:
        assert file is None


def test_what_fails_in_the_readers_hands_is_not_the_engines(run, held):
    run("touch a")
    full = OSError("full")

    def read() -> None:
        with held.packed("/workspace/.") as packed:
            assert packed.read(512)
            raise full

    with pytest.raises(OSError, match="full"):
        read()
