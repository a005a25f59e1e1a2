"""The lock files pin every package with its hashes and say nothing about where it comes from."""

import re

import pytest

from tests.architecture.tree import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")
PIN = re.compile(r"[A-Za-z0-9][\w.-]*(?:\[[\w,.-]+\])?==[\w.+!]+(?: ; .+)?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def faults_of(lock: str) -> list[str]:
    """Return what is wrong with a lock file, entry by entry."""
    lines = [line for line in lock.splitlines() if not line.lstrip().startswith("#")]
    entries = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [fault for entry in entries if entry.strip() for fault in _entry_faults(entry.strip())]


def _entry_faults(entry: str) -> list[str]:
    pin, *hashes = re.split(r"\s+(?=--)", entry)
    faults = []
    if "://" in entry:
        faults.append(f"address: {pin}")
    if not PIN.fullmatch(pin.strip()):
        faults.append(f"not pinned: {pin}")
    if not hashes or not all(HASH.fullmatch(word.strip()) for word in hashes):
        faults.append(f"hash: {pin}")
    return faults


def names_in(text: str) -> set[str]:
    """Return the packages that the lines of a list or lock file begin with."""
    return {match.group().lower().replace("_", "-") for match in re.finditer(r"^[A-Za-z][\w.-]*", text, re.MULTILINE)}


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_pinned_with_hashes_and_without_an_address(name: str):
    lock = (ROOT / name).read_text(encoding="utf-8")
    assert lock.count("==") > 10
    assert faults_of(lock) == []


@pytest.mark.parametrize("name", LOCKS)
def test_every_wanted_package_is_locked(name: str):
    wanted = names_in((ROOT / name).with_suffix(".in").read_text(encoding="utf-8"))
    assert wanted
    assert wanted - names_in((ROOT / name).read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (f"django>=5.2 \\\n    --hash=sha256:{'0' * 64}", "not pinned"),
        ("django==5.2.19", "hash"),
        ("django==5.2.19 \\\n    --hash=md5:0", "hash"),
        (f"django @ https://packages.example/d.whl \\\n    --hash=sha256:{'0' * 64}", "address"),
        ("--index-url https://packages.example/simple", "address"),
    ],
)
def test_a_planted_fault_is_found(entry: str, fault: str):
    assert any(found.startswith(fault) for found in faults_of(entry))


def test_a_pin_with_extras_marker_and_two_hashes_is_fine():
    entry = f"psycopg[binary,pool]==3.3.9 ; python_version >= '3.11' \\\n    --hash=sha256:{'0' * 64} \\\n"
    assert faults_of(entry + f"    --hash=sha256:{'1' * 64}\n    # via -r requirements.in\n") == []
