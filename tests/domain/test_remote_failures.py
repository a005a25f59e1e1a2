"""Failures of steps that talk to a server of somebody else: where, whose problem, and what to do."""

import json

import pytest

from builds.domain import remote_kinds
from builds.domain.failures import KINDS, Failure, Whose
from builds.domain.quoting import LONGEST
from builds.domain.remote_failures import remote_failed
from builds.domain.states import EndReason


def test_of_what_a_server_says_without_end_the_first_part_is_told():
    failure = remote_failed(remote_kinds.FTP_REQUEST_REFUSED, "ftp://a.example", asked="read x", detail="no! " * 10_000)
    assert "does not read x: no! no!" in failure.message
    assert len(failure.message) < 2 * LONGEST


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.id.startswith("remote.")])
def test_each_failure_of_a_remote_server_says_where_and_what_to_do(kind):
    words = {"detail": "it {broke}\noff.", "seconds": 30, "count": 10, "limit": "1 MiB"}
    failure = remote_failed(kind, "https://a.example/x", found="404 Not Found", wanted="200:299", said="", **words)
    assert failure.kind.end_reason is EndReason.STEP_FAILED
    assert failure.kind.whose in (Whose.REMOTE, Whose.DEFINITION)
    assert "https://a.example/x" in failure.message
    assert failure.remedy.endswith(".")
    assert ".." not in failure.sentence
    assert "\n" not in failure.sentence
    assert Failure.from_facts(json.loads(json.dumps(failure.as_facts()))) == failure
