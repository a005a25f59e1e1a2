"""The same wrong value gets the same sentence from the API, on the page and in the admin."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from builds.models import Build, BuildServer, Registry
from tests.api.making import build_add, image_step

# field of the API: wrong values, as a form sends them; the API gets a number where the text is one
BUILD = {
    "buildName": ["x" * 201, "a\x07b"],
    "buildDesc": ["x" * 1001, "a\x07b"],
    "registryName": ["Not OK", "x" * 300, "a/b"],
    "imageName": ["", "Not OK", "/a", "x" * 300],
    "autotagPrefix": ["", "-", "x" * 200],
    "autotagSeqType": ["MONTHLY"],
    "whenRunning": ["PANIC"],
    "timeLimitSec": ["59", "86401", "soon", "-1", "1.5"],
    "queueLimitSec": ["59", "2592001", "soon"],
    "maxAttempts": ["0", "11", "many"],
}
DOCKERFILE = ["", "RUN x", "FROM scratch\nRUN --mount=type=bind,target=/x\x00 y"]
SOURCE = {
    "repositoryUrl": ["", "ftp://git.example/a.git", "https://user:secret@git.example/a.git"],
    "branchName": ["-x", "a b", "a..b"],
}
REGISTRY = {
    "registryUrl": ("host", ["", "http://x", "169.254.169.254", "nodot", "a b", "x" * 300]),
    "registryName": ("name", ["", "x" * 101, "a\x07b"]),
    "registryPrefix": ("prefix", ["/a", "A", "a//b"]),
    "loginId": ("username", ["a:b", "x" * 201]),
}
SERVER = {
    "buildServerHost": ("url", ["", "http://x", "topic:", "tcp://x", "unix:///run/docker.sock", "x" * 300]),
    "buildServerName": ("name", ["", "x" * 101, "a\x07b"]),
    "capacity": ("capacity", ["0", "257", "many", "-1"]),
}


def cases(table) -> list:
    return [(name, value) for name, values in table.items() for value in values]


def connections(table) -> list:
    return [(name, place, value) for name, (place, values) in table.items() for value in values]


def typed(text: str) -> str | int:
    """Return what a program sends for what a person types."""
    return int(text) if text.lstrip("-").isdigit() else text


def told(answer, name: str) -> list[str]:
    """Return the API's sentences about a field."""
    assert answer.status_code == 400, answer.content
    return [error["message"] for error in answer.json()["errors"] if error["field"].rpartition(".")[2] == name]


@pytest.fixture
def api(administrator) -> APIClient:
    client = APIClient()
    client.force_login(administrator)
    return client


@pytest.fixture
def page_says(admin) -> Callable[..., list[str]]:
    """Send the form of a new build; return what stands beside a field."""

    def says(name: str, **changes: str) -> list[str]:
        sent = {
            "buildName": "hello",
            "imageName": "hello",
            "autotagUseYn": "Y",
            "autotagPrefix": "v",
            "autotagSeqType": "SEQUENCE",
            "source": "HERE",
            "dockerFile": "FROM scratch\n",
        }
        answer = admin.post("/builds/new", {**sent, **changes})
        assert answer.status_code == 400
        return list(answer.context["form"].errors.get(name, ()))

    return says


@pytest.mark.parametrize(("name", "value"), cases(BUILD), ids=ascii)
def test_a_wrong_build(api, page_says, name, value):
    program = told(api.post("/v1/build", build_add(**{name: typed(value)}), format="json"), name)
    assert program
    assert page_says(name, **{name: value}) == program
    assert not Build.objects.exists()


@pytest.mark.parametrize("value", DOCKERFILE, ids=ascii)
def test_a_wrong_dockerfile(api, page_says, value):
    body = build_add(buildSteps=[image_step(dockerFile=value)])
    program = told(api.post("/v1/build", body, format="json"), "dockerFile")
    assert program
    assert page_says("dockerFile", dockerFile=value) == program


@pytest.mark.parametrize(("name", "value"), cases(SOURCE), ids=ascii)
def test_a_wrong_repository(api, page_says, name, value):
    config = {"repositoryUrl": "https://git.example/team/app.git", "commonType": "COMMON", name: value}
    code = {"stepType": "CODE_DOWN", "stepOrder": 1, "buildStepConfig": config}
    image = {**image_step(dockerFileType="FILE_PATH", dockerFilePath="app/Dockerfile"), "stepOrder": 2}
    program = told(api.post("/v1/build", build_add(buildSteps=[code, image]), format="json"), name)
    assert program
    assert page_says(name, **{"source": "REPOSITORY", "dockerFile": "", **config}) == program


@pytest.mark.parametrize(("name", "place", "value"), connections(REGISTRY), ids=ascii)
def test_a_wrong_registry(api, admin, name, place, value):
    body = {"registryName": "ours", "registryUrl": "registry.example:5000", "password": "x", "loginId": "robot"}
    program = told(api.post("/v1/build/registry", {**body, name: value}, format="json"), name)
    assert program
    sent = {"name": "ours", "host": "registry.example:5000", "username": "robot", "password": "x", "enabled": "on"}
    answer = admin.post("/admin/builds/registry/add/", {**sent, place: value})
    assert answer.context["adminform"].form.errors[place] == program
    assert Registry.objects.count() == 1


@pytest.mark.parametrize(("name", "place", "value"), connections(SERVER), ids=ascii)
def test_a_wrong_build_server(api, admin, name, place, value):
    body = {"buildServerName": "arm", "buildServerHost": "topic:arm", "capacity": 2}
    program = told(api.post("/v1/build/server", {**body, name: typed(value)}, format="json"), name)
    assert program
    sent = {"name": "arm", "url": "topic:arm", "capacity": 2, "enabled": "on"}
    answer = admin.post("/admin/builds/buildserver/add/", {**sent, place: value})
    assert answer.context["adminform"].form.errors[place] == program
    assert BuildServer.objects.count() == 1
