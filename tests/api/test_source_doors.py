"""An address or branch that would reach beyond a repository is refused at every door, on its field."""

import io
import json
import zipfile
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from builds.models import Build, BuildRun
from builds.services.accounts.access import caller_for
from builds.services.runs.start import start_run
from tests.api.making import build_add, image_step

ADDRESSES = [
    "ext::sh -c id", "ext::sh", "fd::17", "file:///etc", "/srv/team/app.git", "../app.git", "git://git.example/app.git",
    "ftp://git.example/app.git", "--upload-pack=id", "-uid", "-u", "ssh://-oProxyCommand=id/app.git",
    "-oProxyCommand=id:app", "git@-oProxyCommand=id:app", "host:-x", "git@host:-x", "https://git.example/-x/../y",
    "https://git.example/a\nb", "https://git.example/a\rb", "https://git.example/a\tb", "https://git.example/a\\b",
    "https://git.example\\@evil.example/a", "https://git.example/a b", "https://git.example/a\x00b",
    "https://good@evil.example/app.git", "https://good:word@evil.example/app.git", "ssh://git:word@evil.example/a.git",
    "https:///host/app.git", "https://", "https://gіt.example/app.git", "https://git.example/äpp.git",
    "https://git.example:0/app.git", "https://git.example:99999/a.git", "https://[::1/a.git",
    "https://[fe80::1%25eth0]/a.git", "https://git.example/a?b", "https://git.example/a#b", "https://a..example/b.git",
]  # fmt: skip
BRANCHES = [
    "--output=/x", "-h", "--", "@{upload}", "main@{1}", "refs/../x", "main; id", "$(id) x", "main\nx", "main\rx",
    "a..b", "a\tb", "a\x00b", "a:b", "+a:b", "a^{}", "a~1", "a*", "a?", "[a]", "a\\b", "/a", "a/", "a.lock", "@",
    "a" * 251,
]  # fmt: skip
GOOD = {"repositoryUrl": "https://git.example/team/app.git", "branchName": "main"}


@pytest.fixture
def ours(as_, operator):
    return as_(operator)


def steps(config):
    return [
        {"stepType": "CODE_DOWN", "stepOrder": 1, "buildStepConfig": config},
        {**image_step(), "stepOrder": 2},
    ]


@pytest.fixture
def run(make_build, operator):
    build = make_build(whenRunning="QUEUE", buildSteps=steps(GOOD))
    return start_run(build_id=build.pk, caller=caller_for(operator))


@pytest.fixture
def doors(ours, run):
    """Every way in for the config of a CODE_DOWN step: its name, the request, and where the config stands in it."""
    step = run.build.steps.get(step_type="CODE_DOWN").pk

    def post(path, **body):
        return ours.post(f"/v1/build{path}", body, format="json")

    def edit(config):
        changed = [{"stepType": "CODE_DOWN", "buildStepSeq": step, "buildStepConfig": config}]
        return ours.put(f"/v1/build/{run.build_id}", {"editType": "U", "buildSteps": changed}, format="json")

    def imported(config):
        build = {"imageName": "imported", "tagName": "1", "buildSteps": steps(config)}
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("build.json", json.dumps({"format": "buildhub-build", "version": 1, "build": build}))
        file = SimpleUploadedFile("build.zip", packed.getvalue())
        read = ours.post("/v1/build/import", {"dataFile": file}, format="multipart")
        return post("", **read.json()) if read.status_code == 200 else read

    at = "buildSteps[0].buildStepConfig."
    return {
        "create": (lambda config: post("", **build_add(imageName="new", buildSteps=steps(config))), at),
        "edit": (edit, at),
        "run with steps": (lambda config: post(f"/run/{run.build_id}/{run.pk}", buildSteps=steps(config)), at),
        "import": (imported, at),
        "try": (lambda config: post("/source/test", **config), ""),
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [("repositoryUrl", address) for address in ADDRESSES] + [("branchName", branch) for branch in BRANCHES],
)
def test_what_reaches_beyond_a_repository_is_refused_at_every_door(doors, field, value):
    for name, (send, at) in doors.items():
        answer = send({**GOOD, field: value})
        assert answer.status_code == 400, (name, answer.content)
        assert [error["field"] for error in answer.json()["errors"]] == [at + field], name
    assert (Build.objects.count(), BuildRun.objects.count()) == (1, 1)


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_press_refuses_the_same_branches(ours, run, branch):
    answer = ours.post(f"/v1/build/run/{run.build_id}", QUERY_STRING=urlencode({"branchName": branch}))
    assert answer.status_code == 400, answer.content
    assert [error["field"] for error in answer.json()["errors"]] == ["branchName"]
    assert BuildRun.objects.count() == 1


def test_what_is_sound_passes_every_door(doors, settings):
    settings.OUTBOUND_ALLOW = ()
    for name, (send, _) in doors.items():
        answer = send({**GOOD, "repositoryUrl": "https://127.0.0.1:1/team/app.git"})
        assert answer.status_code == 200, (name, answer.content)
