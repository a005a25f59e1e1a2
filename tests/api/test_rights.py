"""Every address, every method, everybody: one table says who gets what.

An address or method of the API without a line here fails a test, so nothing comes in unguarded.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import override_settings
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from builds.api.urls import TAILS
from builds.domain.access import Role, Scope
from builds.models import Account, ApiToken, BuildRun, BuildServer, CallbackDelivery, Registry
from builds.services.accounts.access import caller_for
from builds.services.accounts.tokens import find_token, issue_token, revoke_token
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import start_run
from tests.api.making import begin, build_add, end, image_step, make_member, shared_installation

METHODS = ("get", "post", "put", "delete")
# who: in the order of the columns below
WHO = ("anonymous", "revoked", "viewer", "operator", "admin", "root", "stranger", "reader", "narrow", "runner")

# what is needed: the status that each of them gets; 0 is "allowed", whatever the state says then
#                anonymous revoked viewer operator admin root stranger reader narrow runner
OPEN =          (0,        0,      0,     0,       0,    0,   0,       0,     0,      0)  # fmt: skip
LIST =          (401,      401,    0,     0,       0,    0,   0,       0,     0,      0)  # fmt: skip
SEE =           (401,      401,    0,     0,       0,    0,   404,     0,     404,    0)  # fmt: skip
SEE_ACCOUNT =   (401,      401,    0,     0,       0,    0,   404,     0,     0,      0)  # fmt: skip
CREATE =        (401,      401,    403,   0,       0,    0,   404,     403,   403,    403)  # fmt: skip
PRESS =         (401,      401,    403,   0,       0,    0,   404,     403,   404,    0)  # fmt: skip
OPERATE =       (401,      401,    403,   0,       0,    0,   404,     403,   404,    403)  # fmt: skip
ADMINISTER =    (401,      401,    403,   403,     0,    0,   404,     403,   404,    403)  # fmt: skip
NEW_REGISTRY =  (401,      401,    403,   403,     0,    0,   404,     403,   403,    403)  # fmt: skip
REGISTRY =      (401,      401,    403,   403,     0,    0,   404,     403,   403,    403)  # fmt: skip
INSTANCE =      (401,      401,    403,   403,     403,  0,   403,     403,   403,    403)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One address with one method: what it needs, and a request that would be accepted."""

    method: str
    tail: str
    needs: tuple[int, ...]
    body: Callable[[], Any] | None = None
    query: str = ""
    format: str = "json"

    @property
    def known_as(self) -> tuple[str, str]:
        return self.method, re.sub(r"\{\w+\}", "1", self.tail)


def _zip() -> dict[str, Any]:
    return {"dataFile": SimpleUploadedFile("build.zip", b"no zip"), "accountSeq": "{account}"}


def _upload() -> dict[str, Any]:
    return {"dataFile": SimpleUploadedFile("x.tar", b"no archive")}


def _edit() -> dict[str, Any]:
    return build_add(editType="U", buildSteps=[])


def _edit_of_one_run() -> dict[str, Any]:
    return {"buildSteps": [image_step()]}


def _server() -> dict[str, Any]:
    return {"buildServerName": "second", "buildServerHost": "topic:second", "capacity": 1}


def _source() -> dict[str, Any]:
    return {"repositoryUrl": "http://127.0.0.1:9/team/app.git", "accountSeq": "{account}"}


def _registry() -> dict[str, Any]:
    return {"registryName": "second", "registryUrl": "registry.example:5000", "accountSeq": "{account}"}


TABLE = [
    Line("get", "openapi.json", OPEN),
    Line("get", "build", LIST),
    Line("post", "build", CREATE, lambda: build_add(accountSeq="{account}", imageName="another")),
    Line("get", "build/names", LIST),
    Line("post", "build/import", CREATE, _zip, format="multipart"),
    Line("post", "build/source/test", CREATE, _source),
    Line("get", "build/queue", LIST),
    Line("post", "build/queue/{waiting}/front", PRESS),
    Line("get", "build/count/{account}", SEE_ACCOUNT),
    Line("get", "build/server", LIST),
    Line("post", "build/server", INSTANCE, _server),
    Line("get", "build/server/{server}", LIST),
    Line("put", "build/server/{server}", INSTANCE, lambda: {"capacity": 3}),
    Line("delete", "build/server/{server}", INSTANCE),
    Line("post", "build/server/{server}/test", INSTANCE),
    Line("get", "build/registry", LIST),
    Line("post", "build/registry", NEW_REGISTRY, _registry),
    Line("get", "build/registry/{registry}", SEE_ACCOUNT),
    Line("put", "build/registry/{registry}", REGISTRY, lambda: {"registryName": "renamed"}),
    Line("delete", "build/registry/{registry}", REGISTRY),
    Line("post", "build/registry/{registry}/test", REGISTRY),
    Line("get", "build/run", SEE, query="buildSeq={build}"),
    Line("get", "build/run/latest", LIST),
    Line("get", "build/run/search", LIST, query="imageUrl=127.0.0.1:5000/ops/hello:v-00001"),
    Line("put", "build/run/cancel/{waiting}", PRESS),
    Line("get", "build/run/log/{done}", SEE),
    Line("get", "build/run/log/step/{step}", SEE),
    Line("post", "build/run/{build}", PRESS),
    Line("get", "build/run/{done}", SEE),
    Line("delete", "build/run/{done}", OPERATE),
    Line("get", "build/run/{done}/lines", SEE),
    Line("get", "build/run/{done}/sections", SEE),
    Line("get", "build/run/{done}/hits", SEE, query="search=hello"),
    Line("get", "build/run/{done}/log.txt", SEE),
    Line("get", "build/run/{done}/otherremoveruns", SEE),
    Line("get", "build/run/{done}/callbacks", SEE),
    Line("post", "build/run/{done}/callbacks/{number}/resend", PRESS),
    Line("post", "build/run/{done}/push", PRESS),
    Line("delete", "build/run/{build}/tag", OPERATE, query="buildRunSeqs={done}"),
    Line("post", "build/run/{build}/{done}", OPERATE, _edit_of_one_run),
    Line("get", "build/run/{done}/export", SEE),
    Line("get", "build/{build}", SEE),
    Line("put", "build/{build}", OPERATE, _edit),
    Line("delete", "build/{build}", ADMINISTER),
    Line("get", "build/{build}/images", SEE),
    Line("post", "build/{build}/context", OPERATE, _upload, format="multipart"),
]


def routes() -> set[tuple[str, str]]:
    """Return (method, address) of everything that the API answers, with 1 for every number."""
    found = set()
    for tail in TAILS:
        view = getattr(tail.callback, "cls", None)
        plain = re.sub(r"\(\?P<\w+>[^()]*\)", "1", re.sub(r"\(\?!.*?\$\)\)", "", str(tail.pattern)))
        address = plain.removeprefix("^").removesuffix(r"/?\Z").replace("\\", "")
        found |= {(method, address) for method in METHODS if hasattr(view, method)}
    return found


def test_every_address_and_method_has_its_line():
    assert {line.known_as for line in TABLE} == routes()
    assert len({line.known_as for line in TABLE}) == len(TABLE)


@pytest.fixture(autouse=True)
def installation(account: Account) -> None:
    """That of all tests here: they share one world, which `ask` leaves as it was."""


@pytest.fixture(scope="module")
def account(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Account]:
    """Ours."""
    allowed = override_settings(OUTBOUND_ALLOW=("127.0.0.1",))
    with allowed, shared_installation(django_db_blocker):
        yield Account.objects.create(name="ours")


@pytest.fixture(scope="module")
def operator(account: Account) -> User:
    """Who makes the build and presses it."""
    return make_member("operator", account, Role.OPERATOR)


@pytest.fixture(scope="module")
def world(account: Account, operator: User, people: dict[str, APIClient]) -> dict[str, int]:
    """The numbers that the table names: a build of ours with a waiting and a done run, and all that belongs to it."""
    answer = people["operator"].post("/v1/build", build_add(imageName="hello", registryName="ops"), format="json")
    assert answer.status_code == 200, answer.content
    build = answer.json()["buildSeq"]
    ask = RunAsk(tag_name=None, description="", callback_url="http://127.0.0.1:9/hook")
    done = start_run(build_id=build, caller=caller_for(operator), ask=ask)
    end(begin(done))
    waiting = start_run(build_id=build, caller=caller_for(operator))
    delivery = CallbackDelivery.objects.filter(run=done).order_by("number").first()
    registry = Registry.objects.create(name="ours", host="127.0.0.1:9", plain_http=True, account=account)
    return {
        "account": account.pk,
        "build": build,
        "done": done.pk,
        "waiting": waiting.pk,
        "step": done.steps.order_by("-order").values_list("pk", flat=True)[0],
        "number": delivery.number if delivery else 1,
        "server": BuildServer.objects.get(is_default=True).pk,
        "registry": registry.pk,
    }


@pytest.fixture(scope="module")
def people(account: Account, operator: User) -> dict[str, APIClient]:
    """A client of each of WHO."""
    viewer = make_member("viewer", account, Role.VIEWER)
    admin = make_member("account-admin", account, Role.ADMIN)
    superuser = User.objects.create_superuser("root")
    other_account = Account.objects.create(name="theirs")
    stranger = make_member("their-admin", other_account, Role.ADMIN)
    words = {
        "viewer": issue_token(owner=viewer, account=account, name="t", scopes=list(Scope)),
        "operator": issue_token(owner=operator, account=account, name="t", scopes=list(Scope)),
        "admin": issue_token(owner=admin, account=account, name="t", scopes=list(Scope)),
        "root": issue_token(owner=superuser, account=account, name="t", scopes=list(Scope)),
        "stranger": issue_token(owner=stranger, account=other_account, name="t", scopes=list(Scope)),
        "reader": issue_token(owner=operator, account=account, name="t", scopes=[Scope.READ]),
        "runner": issue_token(owner=admin, account=account, name="t", scopes=[Scope.READ, Scope.RUN]),
        "narrow": _narrow(issue_token(owner=admin, account=account, name="t", scopes=list(Scope))),
        "revoked": _revoked(issue_token(owner=admin, account=account, name="t", scopes=list(Scope)), caller_for(admin)),
    }
    return {name: _client(words.get(name)) for name in WHO}


def _narrow(word: str) -> str:
    """Limit a token to builds, none of which is ours."""
    ApiToken.objects.filter(pk=_token(word).pk).update(limited_to_builds=True)
    return word


def _revoked(word: str, caller: Any) -> str:
    revoke_token(token_id=_token(word).pk, caller=caller)
    return word


def _token(word: str) -> ApiToken:
    found = find_token(word)
    assert found is not None
    return found


def _client(word: str | None) -> APIClient:
    client = APIClient(raise_request_exception=False)
    if word:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {word}")
    return client


def ask(client: APIClient, prefix: str, line: Line, world: dict[str, int]) -> Any:
    """Send the request of a line, and undo what it did."""
    body = line.body() if line.body else None
    if body and body.get("accountSeq") == "{account}":
        body["accountSeq"] = world["account"]
    path = f"{prefix}/{line.tail}?{line.query}".format(**world)
    with transaction.atomic():
        answer = getattr(client, line.method)(path, **({"data": body, "format": line.format} if body else {}))
        transaction.set_rollback(True)
    return answer


def status_of(answer: Any) -> int:
    """Return 401, 403 or 404 for what is refused, 500 for what failed, 0 for what is allowed."""
    if answer.streaming or answer["Content-Type"] in ("application/zip",):
        return 0
    model = answer.json()
    code = model.get("code") if isinstance(model, dict) else None
    codes = {"CCCM1009000": 401, "CCCM1044000": 403, "CCCM1048000": 404, "CKSY1404000": 404, "CCCM2027000": 500}
    return codes.get(str(code), 0)


@pytest.mark.parametrize("line", TABLE, ids=lambda line: f"{line.method} {line.tail}")
def test_everybody_gets_what_the_table_says(world, people, line):
    found = {name: status_of(ask(people[name], "/v1", line, world)) for name in WHO}
    assert found == dict(zip(WHO, line.needs, strict=True))


@pytest.mark.parametrize(
    "line", [line for line in TABLE if line.needs is not OPEN], ids=lambda x: f"{x.method} {x.tail}"
)
def test_the_enveloped_dialect_refuses_the_same(world, people, line):
    for name in ("anonymous", "viewer", "stranger"):
        answer = ask(people[name], "/api", line, world)
        assert status_of(answer) == line.needs[WHO.index(name)], name
        assert answer.status_code == (status_of(answer) if status_of(answer) in (401, 403) else 200)


def test_a_request_that_is_refused_changes_nothing(world, people):
    before = list(BuildRun.objects.order_by("pk").values("pk", "run_state", "cancel_requested_at", "removed_at"))
    for line in TABLE:
        for name in ("anonymous", "revoked", "reader", "stranger"):
            if line.needs[WHO.index(name)]:
                ask(people[name], "/v1", line, world)
    assert (
        list(BuildRun.objects.order_by("pk").values("pk", "run_state", "cancel_requested_at", "removed_at")) == before
    )
