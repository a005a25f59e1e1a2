"""What a press asks of the database: one statement more is a decision, not an accident."""

from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from builds.domain.access import Scope
from builds.models import WorkerHost
from builds.services.accounts.tokens import issue_token

MOST = 20  # with the claim of a free slot, and without BEGIN, COMMIT and savepoints


def test_a_press_by_a_token_with_a_free_slot(operator, account, build, django_capture_on_commit_callbacks):
    WorkerHost.objects.create(name="host", workers=2)
    token = issue_token(owner=operator, account=account, name="test", scopes=list(Scope))
    client = APIClient(headers={"authorization": f"Bearer {token}"})
    client.get("/v1/build")
    with CaptureQueriesContext(connection) as seen, django_capture_on_commit_callbacks(execute=True):
        assert client.post(f"/v1/build/run/{build.pk}").status_code == 200
    said = [query["sql"] for query in seen.captured_queries if "SAVEPOINT" not in query["sql"]]
    assert len(said) <= MOST, "\n".join(sql[:120] for sql in said)
    assert build.runs.get().claimed_host == "host"
