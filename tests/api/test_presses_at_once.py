"""Thirty presses of one build at the same moment, on the real web server: the rest of the site goes on meanwhile."""

import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection, transaction

from builds.domain.access import Role, Scope
from builds.models import Account, Build, BuildRun
from builds.services.accounts.access import caller_for
from builds.services.accounts.tokens import issue_token
from builds.services.builds.edit import create_build
from tests.api.making import a_draft, make_member
from tests.support.waiting import wait_until
from tests.support.web import Web

pytestmark = pytest.mark.django_db(transaction=True)
PRESSES, READS = 30, 20


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    server = Web(log=tmp_path / "web.log", BUILDHUB_DATA_DIR=str(tmp_path))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def build(account: Account) -> Build:
    made = create_build(caller=caller_for(make_member("operator", account, Role.OPERATOR)), draft=a_draft())
    Build.objects.update(
        when_running="REPLACE", auto_tag=True, auto_tag_prefix="v", auto_tag_sequence="SEQUENCE", tag_name=""
    )
    return made


@pytest.fixture
def word(build: Build) -> str:
    owner = build.account.memberships.get().user
    return issue_token(owner=owner, account=build.account, name="test", scopes=list(Scope))


def status_of(web: Web, method: str, path: str, word: str, **headers: str) -> int:
    client = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)
    try:
        client.request(method, path, headers={"Authorization": f"Bearer {word}", **headers})
        return client.getresponse().status
    finally:
        client.close()


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("keyed", [False, True])
def test_a_build_that_many_press_at_once_does_not_take_the_site_away(web, build, word, keyed):
    """The build's row is held until the reads are answered: all the presses wait for their turn then."""

    def press(number: int) -> int:
        key = {"Idempotency-Key": f"press-{number}"} if keyed else {}
        return status_of(web, "POST", f"/v1/build/run/{build.pk}", word, **key)

    with ThreadPoolExecutor(PRESSES) as pool:
        with transaction.atomic():
            Build.objects.select_for_update().get(pk=build.pk)
            presses = [pool.submit(press, number) for number in range(PRESSES)]
            wait_until(somebody_waits_for_a_lock, timeout=30, message="no press waits for the build")
            reads = [status_of(web, "GET", "/v1/build/server", word) for _ in range(READS)]
        statuses = [done.result() for done in presses]
    assert reads == [200] * READS
    assert set(statuses) <= {200, 409}
    assert BuildRun.objects.filter(run_type="BUILD").count() == statuses.count(200) > 0
    assert BuildRun.objects.filter(run_type="BUILD").active().count() == 1
