"""What other users of the machine can see: nothing of the data directory, and no secret in a child's environment."""

import os
import stat
from pathlib import Path

import pytest

from supervisor import place
from supervisor.processes import FIRST_ROWS, KEYS
from tests.supervisor.start import start

NOBODY = 65534
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")


def environ(pid: int) -> dict[str, str]:
    pairs = Path(f"/proc/{pid}/environ").read_text(encoding="utf-8", errors="replace").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_no_child_has_a_secret_in_its_environment(standin):
    files = {f"{name}_FILE": f"/nowhere/{name}" for name in FIRST_ROWS}
    secrets = {"BUILDHUB_ADMIN_PASSWORD": "hunter2-admin", "BUILDHUB_REGISTRY_PASSWORD": "hunter2-registry"}
    keys = {name: f"hunter2-{name}" for name in KEYS}
    supervisor = standin.started(**secrets, **keys, **files, DATABASE_URL="postgresql://ada:hunter2@db.example/x")
    children = {pid: environ(pid) for pid in family(supervisor.pid)}
    password = (standin.data_dir / "postgres-password").read_text(encoding="utf-8").strip()
    assert len(children) >= 9
    assert standin.pids() <= children.keys()
    for pid, found in children.items():
        text = str({name: value for name, value in found.items() if name not in KEYS})
        assert "hunter2" not in text, pid
        assert "/nowhere/" not in text, pid
        assert password not in text, pid
    own = {standin.pid_of(name) for name in ("web", "sweeper")}
    assert {found.get("BUILDHUB_SECRET_KEY") for pid, found in children.items() if pid in own} == {keys[KEYS[0]]}
    services = {standin.pid_of(name) for name in ("postgres", "registry")}
    assert "hunter2" not in str([found for pid, found in children.items() if pid in services])


def family(pid: int) -> set[int]:
    """Return the descendants of a process."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    found = {int(word) for task in tasks for word in task.read_text(encoding="utf-8").split()}
    return found.union(*(family(child) for child in found))


def test_the_preparation_is_told_the_first_password(standin):
    process = standin.start(BUILDHUB_ADMIN_PASSWORD="correct-horse")
    said = ""
    while "password" not in said:
        said = process.stdout.readline()
    assert "correct-horse" in said


@pytest.mark.parametrize("before", [None, 0o755, 0o777])
def test_the_data_directory_is_closed_to_others_at_the_start(standin, before):
    if before is not None:
        standin.data_dir.mkdir()
        standin.data_dir.chmod(before)
    standin.started()
    # as root, PostgreSQL's own user passes through to its cluster
    assert mode(standin.data_dir) == (0o710 if os.geteuid() == 0 else 0o700)
    assert (standin.data_dir / "postgres" / "data" / "PG_VERSION").exists()


def test_a_command_before_the_first_start_makes_it_so_that_nobody_may_look_into_it(open_folder):
    assert start(open_folder / "var", "check").code == 0
    assert mode(open_folder / "var") & 0o066 == 0


@pytest.mark.parametrize("before", [0o755, 0o711, 0o750, 0o700])
def test_without_another_user_it_is_its_owners_alone(tmp_path, before):
    tmp_path.chmod(before)
    assert place.close(tmp_path) is None
    assert mode(tmp_path) == 0o700


@AS_ROOT
def test_the_user_of_postgresql_gets_no_more_than_it_had(tmp_path):
    tmp_path.chmod(0o700)
    assert place.close(tmp_path, group=NOBODY) is None
    assert mode(tmp_path) == 0o700
    tmp_path.chmod(0o755)
    for _ in range(2):
        assert place.close(tmp_path, group=NOBODY) is None
        assert (mode(tmp_path), tmp_path.stat().st_gid) == (0o710, NOBODY)


@AS_ROOT
def test_what_is_somebody_elses_is_said_and_left_as_it_is(tmp_path):
    os.chown(tmp_path, NOBODY, NOBODY)
    tmp_path.chmod(0o755)
    said = place.close(tmp_path)
    assert said is not None
    assert f"run `chmod 700 {tmp_path}` as that user" in said
    assert mode(tmp_path) == 0o755
