"""The look at the machine after the tests sees what a test would leave behind."""

import os
import subprocess

import pytest

from tests.support.bridges import own_bridge
from tests.support.machine import MARK, Machine

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make interfaces")


@pytest.fixture
def machine(monkeypatch):
    monkeypatch.setenv(MARK, "that of the whole run comes back after the test")
    return Machine()


def test_nothing_is_said_of_a_machine_that_is_as_it_was(machine):
    assert machine.changes() == []


def test_a_process_that_is_left_is_named(machine):
    with subprocess.Popen(["sleep", "300"]) as left:
        assert machine.changes() == [f"process {left.pid} is left: sleep 300"]
        left.kill()
    assert machine.changes() == []


def test_a_bridge_that_is_left_is_named(machine):
    with own_bridge() as (option, *_):
        assert machine.changes() == [f"bridge {option.removeprefix('--bridge=')} is left"]
    assert machine.changes() == []


def test_an_interface_that_appears_or_goes_is_named(machine):
    subprocess.run(["ip", "link", "add", "bhtest", "type", "bridge"], check=True)
    try:
        assert machine.changes() == ["interface bhtest: none is now []"]
        with_it = Machine()
    finally:
        subprocess.run(["ip", "link", "delete", "bhtest"], check=True)
    assert with_it.changes() == ["interface bhtest: [] is now none"]


def test_a_chain_that_appears_or_goes_is_named(machine):
    subprocess.run(["iptables", "-N", "BHTEST"], check=True)
    try:
        assert [said for said in machine.changes() if "BHTEST" in said] == ["iptables has more: :BHTEST -"]
        with_it = Machine()
    finally:
        subprocess.run(["iptables", "-X", "BHTEST"], check=True)
    assert [said for said in with_it.changes() if "BHTEST" in said] == ["iptables lacks: :BHTEST -"]
