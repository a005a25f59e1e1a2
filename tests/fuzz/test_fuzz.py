"""No request that schemathesis can think of gets a 5xx or an answer that is not documented.

`make test` sends a few thousand cases, `make fuzz` (BUILDHUB_TEST_FUZZ=long) more than twenty thousand.
"""

import os
from dataclasses import dataclass

import pytest

from builds.domain.access import Role, Scope
from builds.services.accounts import tokens
from builds.services.accounts.access import caller_for
from builds.services.accounts.tokens import issue_token
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import start_run
from tests.fuzz.hands import Hands
from tests.fuzz.hunt import hunt
from tests.support.people import make_build, make_person, make_world

LONG = os.environ.get("BUILDHUB_TEST_FUZZ") == "long"


@dataclass(frozen=True)
class Size:
    """How much is sent to one dialect: examples for each operation, scenarios of links, and the least to expect."""

    fuzzing: int
    scenarios: int
    least: int
    coverage: bool = True


SIZES = {
    "/v1": Size(fuzzing=250, scenarios=300, least=14_000) if LONG else Size(fuzzing=8, scenarios=12, least=2_000),
    "/api": Size(fuzzing=80, scenarios=60, least=6_000)
    if LONG
    else Size(fuzzing=6, scenarios=4, least=300, coverage=False),
}


@pytest.fixture
def token(transactional_db: None, settings, monkeypatch) -> str:
    """The token of an instance admin, who may call everything, in a world with builds and runs.

    Each operation is asked with wrong tokens too; their limit is tested elsewhere.
    """
    monkeypatch.setattr(tokens, "MOST_WRONG_TOKENS", 1_000_000)
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    account = make_world()
    admin = make_person("root", Role.INSTANCE_ADMIN, account)
    caller = caller_for(admin)
    for number in range(3):
        build = make_build(caller, "FROM scratch\n", name=f"build-{number}", when_running="QUEUE", tag_name="1")
        for tag in ("1", "2"):
            start_run(build_id=build.pk, caller=caller, ask=RunAsk(tag_name=tag))
    return issue_token(owner=admin, account=account, name="fuzz", scopes=list(Scope))


@pytest.mark.parametrize("prefix", SIZES)
def test_every_request_is_answered_as_documented(prefix, token, record_property):
    size = SIZES[prefix]
    found = hunt(prefix, token, size=size, every_body=LONG, tick=Hands().work)
    record_property("told", f"{prefix}: {found.summary}")
    assert found.failures == {}, "\n\n".join(f"{kind}\n{told}" for kind, told in found.failures.items())
    assert found.errors == []
    assert [status for status in found.statuses if status >= 500] == []
    assert found.cases >= size.least
    assert found.by_phase["stateful"] > 0
