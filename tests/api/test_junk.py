"""Junk for every operation of the published document: a clear 4xx, never a 5xx.

What each junk value gets where it is known better stands in test_build_bodies.py and test_weird_values.py; here every
operation is asked, also those that somebody adds later.
"""

import json
import logging
from dataclasses import dataclass
from itertools import permutations

import pytest

from builds.api.openapi import PREFIXES
from builds.models import Activity, Build, BuildRun
from tests.contract.published import operations


@dataclass
class Operation:
    name: str
    path: str  # behind the prefix
    method: str
    parameters: list
    body: dict | None  # the published example of a JSON body


def published():
    for name, (path, method, operation) in operations(PREFIXES[0]).items():
        media = operation.get("requestBody", {}).get("content", {}).get("application/json")
        (body,) = [one["value"] for one in media["examples"].values()] if media else [None]
        yield Operation(name, path.removeprefix(PREFIXES[0]), method, operation["parameters"], body)


OPERATIONS = list(published())
WRITING = [operation for operation in OPERATIONS if operation.body]
LISTING = [operation for operation in OPERATIONS if operation.method == "get"]
WRITES = [operation for operation in OPERATIONS if operation.method in ("post", "put")]
BODIES = {
    "broken": b'{"editType": "N",',
    "no object": b"[1, 2]",
    "a text": b'"x"',
    "nested": b'{"buildSteps":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "double keys": b'{"editType": "N", "editType": "U"}',
    "NaN": b'{"timeLimitSec": NaN}',
    "endless": b'{"timeLimitSec": 1e999}',
    "too many digits": b'{"timeLimitSec": ' + b"9" * 5000 + b"}",
    "no UTF-8": b'{"buildName": "\xff"}',
    "ten megabytes": b'{"buildName": "' + b"x" * 10_000_000 + b'"}',
}
FIELDS = [2**31, -1, 1.5, True, [], {}, "\x00", "\ud800", "x" * 100_000]
NO_NUMBERS = ("0", "-1", "2147483648", "1e3", "%00", "１", "1;2", "1 OR 1=1", "None")
QUERIES = ("page=-1", "size=1000000000", "sort=password", "filter=__class__", "user__password__startswith=a")


def path_of(operation, number="1"):
    parts = (number if part.startswith("{") else part for part in operation.path.split("/"))
    return "/".join(parts)


def address(operation, build, run):
    """Return the path of `operation` on this build and this run; other numbers are 1."""
    first = run if operation.name in ("getRun", "removeRun") else build
    numbers = {"{buildSeq}": first.pk, "{buildRunSeq}": run.pk}
    parts = (str(numbers.get(part, 1)) if part.startswith("{") else part for part in operation.path.split("/"))
    return "/".join(parts)


def name_of(value):
    return getattr(value, "name", str(value))


@pytest.fixture
def client(as_, superuser, build, run):
    """Who may do everything, in a world where the numbers of build and run are known."""
    return as_(superuser, account=build.account)


@pytest.mark.parametrize("operation", WRITING, ids=name_of)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_body_that_cannot_be_read_is_refused_by_every_operation_that_takes_one(client, build, run, prefix, operation):
    path = prefix + address(operation, build, run)
    send = getattr(client, operation.method)
    found = {}
    for name, body in BODIES.items():
        answer = send(path, body, content_type="application/json")
        code = answer.json().get("code", "") if answer.content else ""
        if not (code.startswith("CKSY1400") or (code.startswith("CCCM10") and answer.status_code < 500)):
            found[name] = (answer.status_code, answer.content[:200])
    assert found == {}


@pytest.mark.parametrize("operation", WRITING, ids=name_of)
def test_a_junk_value_in_any_documented_field_is_never_a_5xx(client, build, run, operation):
    path = "/v1" + address(operation, build, run)
    given = dict(operation.body)
    statuses = {}
    for name in given:
        for value in FIELDS:
            body = json.dumps({**given, name: value})
            answer = getattr(client, operation.method)(path, body, content_type="application/json")
            statuses[f"{name}={value!r:.30}"] = answer.status_code
    assert {field: status for field, status in statuses.items() if status >= 500} == {}
    assert {400, 404} & set(statuses.values())


@pytest.mark.parametrize("operation", LISTING, ids=name_of)
def test_words_of_the_database_in_a_query_change_nothing(client, build, run, operation):
    path = "/v1" + address(operation, build, run)
    plain = client.get(path)
    for query in QUERIES:
        answer = client.get(f"{path}?{query}")
        assert answer.status_code == plain.status_code, query
        if plain.headers["Content-Type"] == "application/json":
            assert answer.json() == plain.json(), query


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if "{" in one.path], ids=name_of)
def test_a_number_that_is_none_is_400_or_404_at_every_address(client, operation):
    for number in NO_NUMBERS:
        answer = getattr(client, operation.method)("/v1" + path_of(operation, number), format="json")
        assert answer.status_code in (400, 404), (number, answer.content)
        assert answer.headers["Content-Type"] == "application/problem+json"


ACTS = {
    "press": ("post", "/v1/build/run/{build}"),
    "cancel": ("put", "/v1/build/run/cancel/{run}"),
    "remove": ("delete", "/v1/build/run/{run}"),
    "push": ("post", "/v1/build/run/{run}/push"),
    "front": ("post", "/v1/build/queue/{run}/front"),
    "remove build": ("delete", "/v1/build/{build}"),
}
LISTED = {"cancel": "CANCEL", "remove": "REMOVE"}


@pytest.mark.parametrize("order", list(permutations(ACTS, 2)), ids=", ".join)
def test_in_any_order_only_what_is_listed_is_done(client, build, run, order):
    for act in order:
        before = client.get(f"/v1/build/run/{run.pk}").json()["possibleActions"]
        method, path = ACTS[act]
        answer = getattr(client, method)(path.format(build=build.pk, run=run.pk))
        assert answer.status_code in (200, 409), answer.content
        if act in LISTED and LISTED[act] not in before and not is_cancelling(run):
            assert answer.status_code == 409
            assert answer.json()["detail"]
    states = set(BuildRun.objects.values_list("run_type", "run_state"))
    assert states <= {(kind, state) for kind in ("BUILD", "CANCEL", "REMOVE") for state in ("CREATED", "RUNNING")} | {
        ("BUILD", "ERROR"),
        ("CANCEL", "DONE"),
    }


def is_cancelling(run):
    """A cancel under way is answered once more, although it is not listed."""
    return BuildRun.objects.filter(target=run, run_type="CANCEL").exists()


@pytest.mark.parametrize("operation", [one for one in WRITES if "callbackUrl" in str(one.parameters)], ids=name_of)
def test_a_login_in_a_callback_url_is_refused_and_its_query_is_in_no_log(client, build, run, operation, caplog):
    caplog.set_level(logging.DEBUG)
    path = "/v1" + address(operation, build, run)
    Build.objects.filter(pk=build.pk).update(when_running="QUEUE")
    body = operation.body
    bad = getattr(client, operation.method)(
        f"{path}?callbackUrl=https%3A%2F%2Fme%3Ahunter2%40ci.example.com%2Fhook", body, format="json"
    )
    assert bad.status_code == 400
    assert "callbackUrl" in [error["field"] for error in bad.json()["errors"]]
    good = getattr(client, operation.method)(
        f"{path}?callbackUrl=https%3A%2F%2Fci.example.com%2Fhook%3Fkey%3Dhunter3", body, format="json"
    )
    assert good.status_code in (200, 409), good.content
    said = caplog.text + "".join(str(row.__dict__) for row in Activity.objects.all())
    assert said
    assert "hunter" not in said
