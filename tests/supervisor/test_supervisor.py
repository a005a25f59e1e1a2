"""The supervisor as a whole, with real processes and a real PostgreSQL and registry."""

import json
import os
import signal
import socket
import stat
import urllib.request

import psycopg
import pytest

from supervisor.processes import is_running, mark_of, stragglers
from tests.supervisor.standin import Standin
from tests.support.waiting import wait_until

NAMES = ["postgres", "registry", "sweeper", "web", "worker", "worker"]


def test_all_programs_run_each_in_a_group_of_its_own(running):
    listed = running.listed()
    assert running.names() == NAMES
    assert all(set(entry) == {"name", "pid", "pgid"} for entry in listed)
    assert all(os.getpgid(int(str(entry["pid"]))) == entry["pgid"] for entry in listed)
    assert len({entry["pgid"] for entry in listed}) == len(listed)


def test_commands_beside_it_find_database_and_registry(running):
    path = running.data_dir / "run" / "services.json"
    services = json.loads(path.read_text(encoding="utf-8"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with psycopg.connect(services["database_url"]) as connection:
        assert connection.execute("SHOW max_connections").fetchone() == ("200",)
    with urllib.request.urlopen(f"http://{services['registry_host']}/v2/", timeout=5) as answer:
        assert answer.status == 200


def test_what_dies_is_started_again(standin):
    standin.started()
    old = {int(str(entry["pid"])) for entry in standin.listed()}
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not old & standin.pids() and standin.names() == NAMES, message=lambda: str(standin.listed()))
    assert not any(is_running(pid) for pid in old)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_takes_everything_down_within_15_seconds(standin, number):
    process = standin.started(deaf=True)
    process.send_signal(number)
    assert process.wait(timeout=15) == 0
    assert standin.running() == []
    assert standin.listed() == []


def test_sigkill_of_the_supervisor_takes_everything_down(standin):
    process = standin.started(deaf=True)
    process.kill()
    process.wait()
    wait_until(lambda: standin.running() == [], timeout=15, message=lambda: str(standin.running()))
    assert not any(is_running(pid) for pid in standin.pids())


def test_it_starts_again_right_after_a_sigkill_with_its_data(standin):
    process = standin.started()
    url = json.loads((standin.data_dir / "run" / "services.json").read_text(encoding="utf-8"))["database_url"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    process.kill()
    standin.started()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_signal_while_it_starts_leaves_nothing(standin):
    process = standin.start()
    wait_until(lambda: standin.pid_of("postgres"), message="PostgreSQL is not started")
    process.terminate()
    assert process.wait(timeout=15) == 0
    assert standin.running() == []


def test_two_supervisors_on_one_data_directory_do_not_fight(running):
    second = running.start()
    said = second.communicate(timeout=15)[0]
    assert second.returncode == 1
    assert f"already runs on {running.data_dir} (process {running.processes[0].pid})" in said
    assert running.names() == NAMES


def test_two_data_directories_run_side_by_side(standin, open_folder):
    other = Standin(open_folder / "other")
    try:
        standin.started()
        other.started()
        other.processes[0].terminate()
        assert other.processes[0].wait(timeout=15) == 0
        assert len(standin.listed()) == len(NAMES)
    finally:
        other.stop()


def test_a_taken_port_is_said_before_anything_is_started(standin):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", standin.port))
        listener.listen()
        process = standin.start()
        said = process.communicate(timeout=15)[0]
    assert process.returncode == 1
    assert f"Port {standin.port} on 127.0.0.1 is taken" in said
    assert not (standin.data_dir / "postgres").exists()


def test_an_engine_that_was_named_and_does_not_answer_is_a_warning_only(standin):
    process = standin.start()
    assert process.stdout is not None
    assert "No Docker Engine answers at DOCKER_HOST=unix://" in process.stdout.readline()
    assert "BuildHub is ready at" in process.stdout.readline()


def test_the_password_is_told_although_the_start_fails_afterwards(standin):
    (standin.home / "buildhub" / "asgi.py").write_text("raise RuntimeError('no web today')", encoding="utf-8")
    process = standin.start()
    said = process.communicate(timeout=30)[0]
    assert process.returncode == 1
    assert "first-time" in said
    assert "web ended while starting" in said
    assert standin.running() == []


def test_a_preparation_that_fails_ends_the_start(standin):
    process = standin.start(STANDIN_PREPARE_CODE="3")
    said = process.communicate(timeout=30)[0]
    assert process.returncode == 1
    assert "The database could not be prepared" in said
    assert standin.running() == []


def fork_server(standin: Standin) -> int:
    """Return the process of the fork server; what it has forked shows its mark too."""
    return next((pid for pid in stragglers(mark_of(standin.data_dir, "fork-server")) if pid not in standin.pids()), 0)


def test_a_program_comes_back_although_the_fork_server_was_stopped_by_a_signal(standin):
    standin.started()
    web, server = standin.pid_of("web"), fork_server(standin)
    os.kill(server, signal.SIGSTOP)
    os.kill(web, signal.SIGKILL)
    wait_until(lambda: standin.pid_of("web") not in {0, web}, timeout=40, message=lambda: str(standin.listed()))
    assert not is_running(server)


def test_the_programs_go_on_without_the_fork_server_and_are_forked_from_the_next_one(standin):
    standin.started()
    before, web, server = standin.pids(), standin.pid_of("web"), fork_server(standin)
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: fork_server(standin) not in {0, server}, timeout=20, message="no other fork server")
    assert standin.pids() == before
    os.kill(web, signal.SIGKILL)
    wait_until(lambda: standin.pid_of("web") not in {0, web}, timeout=20, message=lambda: str(standin.listed()))
