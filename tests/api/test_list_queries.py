"""A list with more rows asks the database as often as one with few: no N+1, in either dialect's lists."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from builds.models import Account, Build, BuildRun, BuildServer, Registry
from builds.services.accounts.access import caller_for
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import start_run
from tests.api.making import begin, build_add, end

MORE = 4
CALLBACK = "https://ci.example.com/hook"
LISTS = {
    "builds": "/v1/build",
    "names": "/v1/build/names",
    "runs": "/v1/build/run?buildSeq={build}",
    "latest runs": "/v1/build/run/latest?limitCount=50",
    "queue": "/v1/build/queue",
    "images": "/v1/build/{build}/images",
    "runs of one image": "/v1/build/run/{run}/otherremoveruns",
    "callbacks": "/v1/build/run/{run}/callbacks",
    "servers": "/v1/build/server",
    "registries": "/v1/build/registry",
}


@pytest.fixture
def client(as_, superuser, build: Build):
    return as_(superuser, account=build.account)


def add(number: int, client: Any, user: Any, build: Build) -> None:
    """Add a row to every list: a build with runs in every state, callbacks, a server with accounts, a registry."""
    caller = caller_for(user)
    Build.objects.filter(pk=build.pk).update(when_running="QUEUE")
    client.post("/v1/build", build_add(imageName=f"image-{number}"), format="json")
    other = Build.objects.latest("pk")
    for pressed in (build, other):
        done = start_run(build_id=pressed.pk, caller=caller, ask=RunAsk(callback_url=CALLBACK))
        end(begin(done))
    start_run(build_id=build.pk, caller=caller)
    begin(start_run(build_id=build.pk, caller=caller))
    client.post(f"/v1/build/run/{build.runs.earliest('pk').pk}/callbacks/1/resend")
    server = BuildServer.objects.create(name=f"server-{number}", url=f"topic:t{number}")
    server.accounts.add(build.account)
    Registry.objects.create(name=f"registry-{number}", host="127.0.0.1:1", account=build.account)
    Account.objects.create(name=f"account-{number}")


def queries(client: Any, path: str) -> tuple[int, int]:
    """Return how many rows and how many queries a list has."""
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
    assert answer.status_code == 200, answer.content
    shape = answer.json()
    rows = shape if isinstance(shape, list) else [*shape.get("tags", []), *shape.get("waiting", [])]
    return len(rows), len(captured)


@pytest.mark.parametrize("name", LISTS)
def test_more_rows_cost_no_more_queries(client, superuser, build, name):
    add(0, client, superuser, build)
    path = LISTS[name].format(build=build.pk, run=BuildRun.objects.earliest("pk").pk)
    client.get(path)  # what is read once for a process is not counted
    few, asked_for_few = queries(client, path)
    for number in range(1, MORE):
        add(number, client, superuser, build)
    many, asked_for_many = queries(client, path)
    assert many > few or name == "callbacks"
    assert asked_for_many <= asked_for_few
