"""Settings that are right by their form and prove wrong at the start: files, directories, addresses, a database."""

import json
import os
import shutil
import socket
from pathlib import Path

import pytest

from tests.supervisor.standin import Standin
from tests.supervisor.start import WITHOUT_RIGHTS, start

NOBODY = 65534
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
LOW_PORTS = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text(encoding="utf-8"))
KEYS = ["credential-keys", "secret-key"]


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_a_directory_with_other_things_is_refused_and_left_alone(open_folder):
    (open_folder / "thesis.tex").write_text("mine", encoding="utf-8")
    stopped = start(open_folder)
    assert stopped.code == 1
    assert f"BUILDHUB_DATA_DIR='{open_folder}': it holds what is not BuildHub's (thesis.tex)" in stopped.sentence
    assert names(open_folder) == ["thesis.tex"]


def test_a_file_that_a_setting_names_may_lie_there_before_the_first_start(open_folder):
    (open_folder / "password").write_text("correct horse battery", encoding="utf-8")
    (open_folder / ".env").write_text(f"BUILDHUB_ADMIN_PASSWORD_FILE={open_folder}/password\n", encoding="utf-8")
    assert start(open_folder, "check").code == 0
    assert names(open_folder) == sorted([".env", "password", *KEYS])


@AS_ROOT
def test_data_of_another_user_is_refused(open_folder):
    assert start(open_folder, "check").code == 0
    os.chown(open_folder / "secret-key", NOBODY, NOBODY)
    stopped = start(open_folder)
    assert stopped.code == 1
    assert f"BUILDHUB_DATA_DIR='{open_folder}': the data in it is user nobody's: start BuildHub as" in stopped.sentence
    assert names(open_folder) == KEYS


@pytest.mark.parametrize("below", ["", "new/var"])
def test_a_directory_that_cannot_be_written_is_refused(open_folder, below):
    if os.geteuid() == 0:
        os.chown(open_folder, NOBODY, NOBODY)
    open_folder.chmod(0o555)
    stopped = start(open_folder / below, prefix=WITHOUT_RIGHTS)
    open_folder.chmod(0o755)
    assert stopped.code == 1
    assert f"may not write in {open_folder}: give that user the right, or name another" in stopped.sentence
    assert names(open_folder) == []


def test_an_address_that_is_not_of_this_machine_is_refused(open_folder):
    stopped = start(open_folder, BUILDHUB_BIND="192.0.2.1")
    assert stopped.code == 1
    assert "BUILDHUB_BIND='192.0.2.1': no address of this machine: write 127.0.0.1" in stopped.sentence
    assert names(open_folder) == KEYS


@pytest.mark.skipif(LOW_PORTS < 2, reason="every user may listen on every port here")
def test_a_port_that_this_user_may_not_listen_on_is_refused(open_folder):
    port = str(LOW_PORTS - 1)
    stopped = start(open_folder, prefix=WITHOUT_RIGHTS, PORT=port)
    assert stopped.code == 1
    assert f"PORT='{port}': user " in stopped.sentence
    assert f"may not listen there: write one from {LOW_PORTS} on" in stopped.sentence
    assert names(open_folder) == KEYS


def test_the_file_is_named_when_its_setting_proves_wrong_at_the_start(open_folder):
    (open_folder / ".env").write_text("BUILDHUB_BIND=192.0.2.1\n", encoding="utf-8")
    stopped = start(open_folder)
    assert f"BUILDHUB_BIND='192.0.2.1' in {open_folder}/.env: no address of this machine" in stopped.sentence


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"PORT 8000", ", line 1: no setting: write NAME=value, or # before a remark."),
        (b"\xff\xfe", ": no UTF-8 text: write lines of NAME=value."),
        (b"#\nBUILDHUB_DATA_DIR=/srv", ", line 2: BUILDHUB_DATA_DIR is how this file is found: write it in the envir"),
    ],
)
def test_an_env_file_that_cannot_be_read_stops_the_start(open_folder, content, part):
    (open_folder / ".env").write_bytes(content)
    stopped = start(open_folder)
    assert stopped.code == 1
    assert f"buildhub: {open_folder}/.env{part}" in stopped.sentence


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is empty: write the secret into that file, or unset BUILDHUB_SECRET_KEY_FILE."),
        (b"\xff\xfe", "holds no UTF-8 text: write the secret there as text."),
        (b"hunter2", "what that file holds is too short or too uniform: write at least 50 random characters"),
    ],
)
def test_a_file_with_a_wrong_secret_stops_the_start(open_folder, content, part):
    path = open_folder / "given"
    path.write_bytes(content)
    stopped = start(open_folder / "var", BUILDHUB_SECRET_KEY_FILE=str(path))
    assert stopped.code == 1
    assert f"BUILDHUB_SECRET_KEY_FILE='{path}': {part}" in stopped.sentence
    assert "hunter2" not in stopped.said
    assert not (open_folder / "var").exists()


def test_a_secret_given_twice_stops_the_start(open_folder):
    stopped = start(open_folder, BUILDHUB_SECRET_KEY="hunter2-" * 9, BUILDHUB_SECRET_KEY_FILE="/dev/null")
    assert "BUILDHUB_SECRET_KEY: BUILDHUB_SECRET_KEY_FILE is set too: keep one of them." in stopped.sentence


def test_a_kept_key_that_was_damaged_is_not_replaced(open_folder):
    (open_folder / "secret-key").touch()
    stopped = start(open_folder)
    assert stopped.code == 1
    assert f"buildhub: {open_folder}/secret-key, kept for BUILDHUB_SECRET_KEY, is too short" in stopped.sentence
    assert (open_folder / "secret-key").read_bytes() == b""


def test_a_registry_login_without_a_registry_stops_the_start(open_folder):
    stopped = start(open_folder, BUILDHUB_REGISTRY_USER="ada", BUILDHUB_REGISTRY_PASSWORD="hunter2")
    assert "BUILDHUB_REGISTRY_USER='ada': the local registry has no login: name the registry in" in stopped.sentence
    assert "hunter2" not in stopped.said


def test_a_database_that_refuses_us_stops_the_start_at_once(open_folder):
    url = os.environ["DATABASE_URL"].replace("postgresql://buildhub:", "postgresql://stranger:hunter2")
    stopped = start(open_folder, DATABASE_URL=url)
    assert stopped.code == 1
    assert "DATABASE_URL: the database at 127.0.0.1:" in stopped.sentence
    assert 'password authentication failed for user "stranger"): correct user, password or name.' in stopped.sentence
    assert "hunter2" not in stopped.said


def test_a_database_that_does_not_answer_is_waited_for_with_one_remark(standin):
    with socket.socket() as deaf:  # bound and not listening: nobody else takes the port, and it refuses
        deaf.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{deaf.getsockname()[1]}"
        process = standin.start(database_url=f"postgresql://ada:hunter2@{place}/buildhub", patience=2)
        said = process.communicate(timeout=20)[0]
    assert process.returncode == 1
    assert said.splitlines() == [
        f"No PostgreSQL answers at {place} (DATABASE_URL): trying again for 2 s.",
        f"DATABASE_URL: no PostgreSQL answers at {place} (Connection refused): start it, or correct host and port.",
    ]
    assert standin.running() == []


@pytest.mark.parametrize(
    ("services", "part"),
    [
        (None, "BuildHub has not been started on {folder}, and DATABASE_URL is not set: start it with `make run`"),
        ("[]", "BuildHub has not been started on {folder}, and DATABASE_URL is not set: start it with `make run`"),
        (
            json.dumps({"database_url": "postgresql://buildhub:hunter2@127.0.0.1:1/buildhub"}),
            "No database answers at 127.0.0.1:1 (Connection refused): BuildHub does not run: start it with `make run`",
        ),
    ],
)
@pytest.mark.parametrize(("words", "code"), [(("create_token", "admin"), 1), (("build", "hello-buildhub"), 2)])
def test_a_command_while_nothing_runs_says_so_in_one_sentence(open_folder, services, part, words, code):
    if services is not None:
        (open_folder / "run").mkdir()
        (open_folder / "run" / "services.json").write_text(services, encoding="utf-8")
    stopped = start(open_folder, *words, DATABASE_URL="")
    assert stopped.code == code
    assert part.format(folder=open_folder) in stopped.sentence


def test_the_address_that_is_listened_at_may_be_called(open_folder):
    shown = "from django.conf import settings; print(settings.PUBLIC_URL, settings.ALLOWED_HOSTS[0])"
    asked = start(open_folder, "shell", "-v", "0", "-c", shown, PORT="8123", BUILDHUB_BIND="::1")
    assert asked.sentence == "http://[::1]:8123 [::1]"


def test_the_start_says_where_the_data_is(standin):
    said = first_lines(standin.start())
    assert said[2] == f"  data:      {standin.data_dir}\n"
    assert "database:" not in said[3]


@AS_ROOT
def test_the_start_says_where_the_database_is_when_that_is_elsewhere(open_folder):
    (open_folder / "home").mkdir()
    standin = Standin(open_folder / "home")
    standin.home.chmod(0o700)
    try:
        said = first_lines(standin.start())
    finally:
        standin.stop()
    cluster = Path(said[3].split()[1])
    shutil.rmtree(cluster.parent)
    assert said[3].startswith("  database:  /var/lib/buildhub/")


def first_lines(process):
    """Return what a start says before the user name: on the engine, the address, the data, and one line more."""
    return [process.stdout.readline() for _ in range(4)]


@pytest.mark.parametrize(("proxies", "is_said"), [("", True), ("127.0.0.1", False)])
def test_https_without_a_trusted_proxy_is_said_at_the_start(open_folder, proxies, is_said):
    given = {"BUILDHUB_PUBLIC_URL": "https://buildhub.example", "BUILDHUB_TRUSTED_PROXIES": proxies}
    stopped = start(open_folder, BUILDHUB_BIND="192.0.2.1", **given)
    assert ("BUILDHUB_TRUSTED_PROXIES names no proxy" in stopped.said) == is_said
