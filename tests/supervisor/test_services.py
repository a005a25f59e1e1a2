"""Embedded PostgreSQL and local registry: kept data, kept ports, closed to strangers."""

import os
import shutil
import signal
import socket
import subprocess

import psycopg
import pytest

from supervisor import postgres, registry
from supervisor.children import Children
from supervisor.files import CannotStart
from tests.support.waiting import wait_until

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only as root PostgreSQL is another user than we are")


def start(children, data_dir):
    prepared = postgres.prepare(data_dir)
    child = children.start(prepared.command)
    children.wait_until(prepared.is_ready, child, seconds=60)
    return prepared, child


def answer(url, statement):
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement).fetchone()


def test_postgres_comes_back_with_its_data_after_kill_9(children):
    prepared, child = start(children, children.data_dir)
    with psycopg.connect(prepared.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    first = child.pid
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: children.tend() and child.pid not in (0, first) and prepared.is_ready(), message="stays down")
    assert answer(prepared.url, "SELECT answer FROM kept") == (42,)


def test_postgres_has_its_settings_and_answers_only_to_its_password(children):
    prepared, _ = start(children, children.data_dir)
    shown = [answer(prepared.url, f"SHOW {name}") for name in ("max_connections", "jit", "synchronous_commit")]
    assert shown == [("200",), ("off",), ("on",)]
    assert answer(prepared.url, "SHOW unix_socket_directories") == ("",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(prepared.url.replace(prepared.password, "guessed"), connect_timeout=5)


def test_a_second_preparation_keeps_port_password_and_data(open_folder):
    first = postgres.prepare(open_folder)
    assert postgres.prepare(open_folder) == first


@AS_ROOT
def test_postgres_runs_below_a_folder_that_is_closed_to_others(open_folder):
    home = open_folder / "home"
    home.mkdir(mode=0o700)
    children = Children(home / "var", adopt_orphans=False)
    try:
        prepared, _ = start(children, home / "var")
        assert prepared.command.owner is not None
        cluster = answer(prepared.url, "SHOW data_directory")[0]
    finally:
        children.stop()
    assert cluster.startswith("/var/lib/buildhub/")
    shutil.rmtree(os.path.dirname(cluster))  # noqa: PTH120  a text from the server


@AS_ROOT
def test_a_database_that_has_become_unreachable_is_not_replaced_by_an_empty_one(open_folder):
    postgres.prepare(open_folder)
    open_folder.chmod(0o700)
    with pytest.raises(CannotStart, match=r"cannot reach the database in .* Run `chmod o\+x`"):
        postgres.prepare(open_folder)


@AS_ROOT
def test_programs_of_a_closed_checkout_are_copied_and_run(open_folder, monkeypatch):
    wheel = postgres.programs()
    closed = open_folder / "closed"
    for part in (wheel.parent, wheel.parents[1].with_suffix(".libs")):
        shutil.copytree(part, closed / part.relative_to(wheel.parents[2]), symlinks=True)
    closed.chmod(0o700)
    (closed / wheel.relative_to(wheel.parents[2]) / "postgres").chmod(0o700)
    monkeypatch.setattr(postgres, "programs", lambda: closed / wheel.relative_to(wheel.parents[2]))
    monkeypatch.setattr(postgres, "SHARED_HOME", open_folder / "shared")
    copied = postgres._binaries(postgres.Owner(name="nobody", uid=65534, gid=65534))
    assert copied.is_relative_to(open_folder / "shared")
    for program in ("initdb", "postgres"):
        done = subprocess.run(
            [copied / program, "--version"],
            capture_output=True,
            text=True,
            check=True,
            cwd="/",
            user=65534,
            group=65534,
        )
        assert "(PostgreSQL) 18" in done.stdout


def test_two_registries_run_side_by_side_and_keep_their_ports(open_folder):
    children = Children(open_folder, adopt_orphans=False)
    try:
        hosts = []
        for name in ("one", "two"):
            prepared = registry.prepare(open_folder / name)
            command = prepared.command
            child = children.start(type(command)(**{**command.__dict__, "key": name}))
            children.wait_until(prepared.is_ready, child, seconds=30)
            hosts.append(prepared.host)
    finally:
        children.stop()
    assert len(set(hosts)) == 2
    assert [registry.prepare(open_folder / name).host for name in ("one", "two")] == hosts


def test_a_taken_registry_port_is_an_error_with_the_remedy(open_folder):
    port = registry.prepare(open_folder).port
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()
        with pytest.raises(CannotStart, match=f"Port {port} of the local registry is taken .* remove"):
            registry.prepare(open_folder)
