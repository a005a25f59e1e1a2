"""The services that the tests stand on do what is said of them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import docker
import psycopg
import pytest
import requests

from builds.models import WorkerHost
from supervisor.processes import is_running, mark_of, name_of, process_ids, stragglers
from tests.support.folders import make_folder, remove_abandoned
from tests.support.machine import MARK
from tests.support.plugin import needs_own_network
from tests.support.waiting import wait_until
from tests.support.workers import ROOT, database_url

FORKING = """
import sys
from tests.support.plugin import SERVICES
from tests.support.programs import fork_server
log = SERVICES.home / "programs.log"
server = fork_server(frozenset({("DATABASE_URL", sys.argv[1])}), log)
print(server.fork("swept", "sweep").pid, flush=True)
sys.stdin.read()
"""


def test_the_database_named_in_the_environment_answers():
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("buildhub",)


@needs_own_network
def test_each_process_of_a_test_run_has_a_network_of_its_own():
    others = os.getppid()  # xdist's own process, or the shell
    assert Path("/proc/self/ns/net").readlink() != Path(f"/proc/{others}/ns/net").readlink()


def test_the_engine_builds_and_pushes_to_the_registry(engine_url, registry_host, base_image):
    client = docker.DockerClient(base_url=engine_url)
    client.api.trust_env = False
    reference = f"{registry_host}/support/tried"
    client.images.get(base_image).tag(reference, tag="1")
    pushed = list(client.api.push(reference, tag="1", stream=True, decode=True, auth_config={}))
    client.close()
    assert any("aux" in record for record in pushed), pushed
    tags = requests.get(f"http://{registry_host}/v2/support/tried/tags/list", timeout=5, proxies={"http": ""}).json()
    assert tags == {"name": "support/tried", "tags": ["1"]}


def beside_postgres():
    """Start a sleep beside a PostgreSQL of its own, as `make check` does; return the process and its folder."""
    word = f"86{os.getpid()}"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.with_postgres", "--", "sleep", word],
        env={name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
    )
    sleeper = wait_until(lambda: [pid for pid in process_ids() if _words(pid) == ["sleep", word]], timeout=30)[0]
    variables = Path(f"/proc/{sleeper}/environ").read_text(encoding="utf-8").split("\0")
    data_dir = next(
        value for name, _, value in (line.partition("=") for line in variables) if name.endswith("DATA_DIR")
    )
    return process, Path(data_dir).parent, sleeper


def _words(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").split("\0")[:-1]
    except OSError:
        return []


@pytest.mark.faults
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_runs_any_more_when_the_tests_are_killed(number):
    process, home, sleeper = beside_postgres()
    assert len(stragglers(mark_of(home))) > 0
    process.send_signal(number)
    process.wait(timeout=15)
    wait_until(lambda: stragglers(mark_of(home)) == [], timeout=15, message="still there")
    if number == signal.SIGKILL:
        os.kill(sleeper, signal.SIGKILL)
        remove_abandoned()
    assert not home.exists()


@pytest.mark.faults
def test_a_forked_program_leads_a_group_of_its_own_and_ends_with_the_tests_that_are_killed(transactional_db):
    command = [sys.executable, "-c", FORKING, database_url()]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tests:
        pid = int(tests.stdout.readline())
        wait_until(lambda: name_of(pid) == "swept", message="it has not begun")
        wait_until(WorkerHost.objects.exists)
        group, environment = (os.getpgid(pid), os.getsid(pid)), Path(f"/proc/{pid}/environ").read_text()
        tests.kill()
    assert group == (pid, pid)
    assert f"{MARK}={os.environ[MARK]}" in environment
    wait_until(lambda: not is_running(pid), message="it is still there")
    remove_abandoned()


def test_the_folder_of_a_run_that_lives_is_not_taken_for_abandoned():
    folder = make_folder()
    remove_abandoned()
    assert folder.exists()
    folder.rmdir()
