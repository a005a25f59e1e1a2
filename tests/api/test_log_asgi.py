"""The log over ASGI, as the server runs it: streamed chunk by chunk, never collected first."""

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient

from builds.domain.access import Role, Scope
from builds.domain.log.lines import LogLine
from builds.models import BuildRun, LogChunk
from builds.services.accounts.access import caller_for
from builds.services.accounts.tokens import issue_token
from builds.services.builds.edit import create_build
from builds.services.runs.log import append_chunks
from builds.services.runs.start import start_run
from tests.api.making import a_draft, begin, make_member

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def token_and_run(account) -> tuple[str, BuildRun]:
    """A run of 50 chunks, stored outside a transaction, because requests read in threads of their own."""
    user = make_member("operator", account, Role.OPERATOR)
    build = create_build(caller=caller_for(user), draft=a_draft())
    run = start_run(build_id=build.pk, caller=caller_for(user))
    lease = begin(run)
    for number in range(50):
        assert append_chunks(lease, [(None, [LogLine(b"line %d\n" % number, None, 1)])], after=number)
    return issue_token(owner=user, account=account, name="test", scopes=list(Scope)), run


async def test_the_text_is_streamed_in_parts_and_read_as_it_leaves(token_and_run):
    token, run = token_and_run
    headers = {"Authorization": f"Bearer {token}"}
    answer = await AsyncClient().get(f"/v1/build/run/{run.pk}/log.txt", headers=headers)
    assert answer.is_async
    parts = aiter(answer.streaming_content)
    first = await anext(parts)
    await sync_to_async(LogChunk.objects.filter(run=run, sequence__gt=40).delete)()  # not read yet: will be missing
    rest = [part async for part in parts]
    await sync_to_async(connections.close_all)()  # the thread that answered keeps its connection else
    assert first == b"line 0\n"
    assert rest[-1] == b"line 39\n"
    assert answer["Content-Length"] == str(sum(len(b"line %d\n" % number) for number in range(50)))
