"""Every operation in both dialects: HTTP 200, the published shape and no field beside it, envelope and imageUrl."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from builds.api.openapi import PREFIXES
from builds.domain.access import Role, Scope
from builds.models import Account, Build
from builds.services.accounts.tokens import issue_token
from tests.api.making import build_add, make_member, shared_installation
from tests.contract.asks import ASKS, Scene, make_scene
from tests.contract.published import operations, problems

PLAIN, ENVELOPED = PREFIXES
BINARY = ("getRunText", "exportRun")
PLAIN_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")


@pytest.fixture(autouse=True)
def installation(world: Scene) -> Iterator[None]:
    """That of all tests here: they share one world, and what a test changes is undone."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Scene]:
    """The scene of all tests."""
    with shared_installation(django_db_blocker):
        admin, account = User.objects.create_superuser("root"), Account.objects.create(name="ours")
        make_member("viewer", account, Role.VIEWER)
        operator = client_of(make_member("operator", account, Role.OPERATOR), account)
        answer = operator.post("/v1/build", build_add(imageName="hello", registryName="ops"), format="json")
        yield make_scene(PLAIN, client_of(admin, account), admin, Build.objects.get(pk=answer.json()["buildSeq"]))


def client_of(user: User, account: Account) -> APIClient:
    """Return a client that carries a token of a user."""
    client = APIClient(raise_request_exception=False)
    word = issue_token(owner=user, account=account, name="test", scopes=list(Scope))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {word}")
    return client


@pytest.fixture
def scene_at(world: Scene) -> Callable[[str], Scene]:
    """Return the scene with the addresses of a dialect."""
    return lambda prefix: replace(world, prefix=prefix)


def times(value, path=""):
    """Yield path and value of everything that is named like a time."""
    if isinstance(value, list):
        for item in value:
            yield from times(item, f"{path}[]")
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str) and re.search(r"(Time|At)$|^(created|updated)$", name):
                yield f"{path}.{name}", item
            yield from times(item, f"{path}.{name}")


def wrong_times(answer):
    """Return what is named like a time and has neither of the two forms."""
    return {
        path: text
        for path, text in times(answer)
        if not (PLAIN_TIME if path.endswith(("created", "updated")) else ISO_TIME).fullmatch(text)
    }


def test_there_is_a_request_for_every_operation():
    assert set(ASKS) == set(operations(PLAIN)) == set(operations(ENVELOPED))


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("name", ASKS)
def test_the_answer_is_200_and_what_is_published(scene_at, prefix, name):
    answer = ASKS[name](scene_at(prefix))
    assert answer.status_code == 200, answer.content
    assert problems(prefix, name, answer) == []
    if name in BINARY:
        return
    told = answer.json()
    assert wrong_times(told) == {}
    if prefix == ENVELOPED:
        assert (told["code"], told["status"]) == ("200", "ok"), told
        assert list(told) == ["code", "status", *(["result"] if name != "editBuild" else [])]


@pytest.mark.parametrize("name", BINARY)
def test_files_are_never_enveloped(scene_at, name):
    answer = ASKS[name](scene_at(ENVELOPED))
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert not content.startswith(b"{")
    assert content


@pytest.mark.parametrize(("prefix", "tail"), [(PLAIN, ""), (ENVELOPED, ":v-00001")])
def test_an_image_url_carries_its_tag_in_the_enveloped_dialect_only(scene_at, prefix, tail):
    scene = scene_at(prefix)
    answer = ASKS["getRun"](scene).json()
    run = answer["result"] if prefix == ENVELOPED else answer
    url = f"127.0.0.1:5000/ops/hello{tail}"
    assert run["imageUrl"] == url
    assert run["buildStepRuns"][1]["buildStepConfig"]["imageUrl"] == url
    images = ASKS["listImages"](scene).json()
    images = images["result"] if prefix == ENVELOPED else images
    assert [tag["imageUrl"] for tag in images["tags"]] == [url]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("path", ["/build", "/build/names", "/build/queue", "/build/run/latest", "/build/{}"])
def test_a_trailing_slash_changes_nothing(scene_at, prefix, path):
    scene = scene_at(prefix)
    path = path.format(scene.build.pk)
    assert scene.call("get", f"{path}/").json() == scene.call("get", path).json()


ERRORS = [
    ("get", "/build/999", 404, "CCCM1048000"),
    ("get", "/build/run/999", 404, "CCCM1048000"),
    ("get", "/build/run", 400, "CCCM1004000"),
    ("get", "/build?limit=1000", 400, "CCCM1004000"),
    ("post", "/build", 400, "CCCM1004000"),
    ("put", "/build/run/cancel/999", 404, "CCCM1048000"),
    ("put", "/build", 405, "CKSY1405000"),
    ("get", "/nowhere", 404, "CKSY1404000"),
]


@pytest.mark.parametrize(("method", "path", "status", "code"), ERRORS)
def test_an_error_is_a_problem_in_the_plain_dialect(scene_at, method, path, status, code):
    answer = scene_at(PLAIN).call(method, path, {} if method != "get" else None)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["type"] == f"/docs/errors/{code}"


@pytest.mark.parametrize(("method", "path", "status", "code"), ERRORS)
def test_an_error_is_http_200_in_the_enveloped_dialect(scene_at, method, path, status, code):
    answer = scene_at(ENVELOPED).call(method, path, {} if method != "get" else None)
    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (200, code, "error")
    assert answer.json()["message"]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_who_is_not_signed_in_gets_401_in_both_dialects(api, prefix):
    answer = api.get(f"{prefix}/build")
    assert answer.status_code == 401
    assert answer.json()["code"] == "CCCM1009000"
    assert problems(prefix, "listBuilds", answer, status=401) == []


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_viewer_who_presses_gets_403_in_both_dialects(world, prefix):
    viewer = client_of(User.objects.get(username="viewer"), Account.objects.get())
    answer = viewer.post(f"{prefix}/build/run/{world.build.pk}")
    assert answer.status_code == 403
    assert problems(prefix, "startRun", answer, status=403) == []
