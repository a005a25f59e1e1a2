"""Which waiting run may start, and why another may not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.domain.scheduling import AccountFacts, RunWait, ServerFacts, WaitingRun, claimable, waiting_reason

SERVER = ServerFacts("server-b", enabled=True, capacity=2, running=0, live_hosts=1, free_workers=2)


UNSERVED = "No live worker serves server-b now; start one with this topic in BUILDHUB_TOPICS."


@pytest.mark.parametrize(
    ("run", "changes", "sentence"),
    [
        (RunWait(1), {}, None),
        (RunWait(2), {}, None),
        (RunWait(3), {}, "2 earlier runs wait for server-b."),
        (RunWait(2), {"running": 1}, "1 earlier run waits for server-b."),
        (RunWait(1), {"running": 2}, "server-b has 2 of 2 builds running."),
        (RunWait(1), {"running": 3}, "server-b has 3 of 2 builds running."),
        (RunWait(1), {"free_workers": 0}, "All workers that serve server-b are busy."),
        (RunWait(1), {"enabled": False}, "server-b is switched off."),
        (RunWait(1), {"live_hosts": 0}, "No live worker reaches server-b now."),
        (RunWait(1), {"live_hosts": 0, "kind": "topic"}, UNSERVED),
        (RunWait(1, elder_active=True), {}, "An earlier run of this build has to end first."),
        (RunWait(1, account=AccountFacts(running=2, limit=2)), {}, "The account has 2 of 2 builds running."),
        (RunWait(1, account=AccountFacts(running=3, limit=2)), {}, "The account has 3 of 2 builds running."),
        (RunWait(1, account=AccountFacts(running=0, limit=0)), {}, "The account has 0 of 0 builds running."),
        (RunWait(1, account=AccountFacts(running=1, limit=2)), {}, None),
        (
            RunWait(1, account=AccountFacts(running=1, limit=2)),
            {"running": 2},
            "server-b has 2 of 2 builds running.",
        ),
    ],
)
def test_a_run_waits_for_this(run, changes, sentence):
    assert waiting_reason(run, replace(SERVER, **changes)) == sentence


def queue(*builds: int) -> list[WaitingRun]:
    """Runs 1, 2, 3 … of these builds, in this order."""
    return [WaitingRun(number, build, number) for number, build in enumerate(builds, 1)]


def test_as_many_start_as_there_are_slots_and_workers():
    waiting = queue(10, 11, 12)
    assert claimable(waiting, SERVER) == [1, 2]
    assert claimable(waiting, replace(SERVER, running=1)) == [1]
    assert claimable(waiting, replace(SERVER, free_workers=1)) == [1]
    assert claimable(waiting, replace(SERVER, enabled=False)) == []


def test_position_decides_and_not_age():
    waiting = [WaitingRun(1, 10, 3), WaitingRun(2, 11, 1), WaitingRun(3, 12, 2)]
    assert claimable(waiting, SERVER) == [2, 3]


def test_a_run_whose_elder_waits_is_passed_over_and_stops_nobody():
    assert claimable(queue(10, 10, 11), SERVER) == [1, 3]


def test_a_younger_run_moved_to_the_front_still_waits_for_its_elder():
    assert claimable([WaitingRun(1, 10, 2), WaitingRun(2, 10, 1)], SERVER) == [1]


def test_an_account_gets_no_more_than_its_room_and_its_other_runs_stop_nobody():
    waiting = [WaitingRun(n, n, n, account_id=7) for n in (1, 2, 3)] + [WaitingRun(4, 4, 4, account_id=8)]
    wide = replace(SERVER, capacity=4, free_workers=4)
    assert claimable(waiting, wide, {7: AccountFacts(running=1, limit=2)}) == [1, 4]
    assert claimable(waiting, wide, {7: AccountFacts(running=2, limit=2)}) == [4]
    assert claimable(waiting, wide, {8: AccountFacts(running=0, limit=0)}) == [1, 2, 3]


@given(
    accounts=st.lists(st.integers(1, 3), max_size=10),
    limits=st.dictionaries(st.integers(1, 3), st.builds(AccountFacts, st.integers(0, 3), st.integers(0, 4))),
    slots=st.integers(0, 6),
)
def test_no_limit_is_passed_and_no_slot_is_left_that_somebody_could_have(accounts, limits, slots):
    waiting = [WaitingRun(n, n, n, account_id=account) for n, account in enumerate(accounts, 1)]
    claimed = claimable(waiting, replace(SERVER, capacity=slots, free_workers=slots), limits)
    given_to = [accounts[run_id - 1] for run_id in claimed]
    assert claimed == sorted(claimed)
    assert all(given_to.count(account) <= facts.room for account, facts in limits.items())
    could = [
        run
        for run in waiting
        if run.run_id not in claimed
        and (run.account_id not in limits or given_to.count(run.account_id) < limits[run.account_id].room)
    ]
    assert len(claimed) == slots or not could


SERVERS = st.builds(
    ServerFacts,
    name=st.just("s"),
    enabled=st.booleans(),
    capacity=st.integers(0, 4),
    running=st.integers(0, 4),
    live_hosts=st.integers(0, 2),
    free_workers=st.integers(0, 4),
)


@given(server=SERVERS, builds=st.lists(st.integers(1, 3), max_size=8))
def test_what_is_claimed_is_what_has_no_reason_to_wait(server, builds):
    waiting = queue(*builds)
    claimed = claimable(waiting, server)
    place = 0
    for run in waiting:
        elder = builds.index(run.build_id) + 1 < run.run_id
        place += not elder
        reason = waiting_reason(RunWait(max(place, 1), elder_active=elder), server)
        assert (reason is None) is (run.run_id in claimed)
