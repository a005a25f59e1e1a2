"""A build with every kind of step: by both dialects, and by an import of what the first one exports."""

from secrets import token_hex

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from builds.domain.access import Scope
from builds.domain.steps.kinds import KINDS
from builds.models import Account, BuildRun
from builds.services.accounts.tokens import issue_token
from tests.support.file_servers import PASSWORD, USER, Ftp, serving
from tests.support.receiver import answering, receiving
from tests.support.runs import ended, texts

MADE = ("from git", "from the net", "from the file server", "by the shell", "by the task")


@pytest.fixture
def places(origin, served, base_image, tmp_path):
    """Where the steps of the build reach, each with a line that the image has to hold in the end."""
    lines = "RUN cat /app/note.txt /app/net.txt /app/kit/tool.txt /app/shell.txt /app/task.txt"
    origin.commit({"note.txt": "from git\n", "Dockerfile": f"FROM {base_image}\nCOPY . /app\n{lines}\n"})
    shared = tmp_path / "shared"
    (shared / "tools").mkdir(parents=True)
    (shared / "tools" / "tool.txt").write_text("from the file server\n")
    with receiving(answering(200, b"from the net\n")) as receiver, serving(Ftp(shared)) as files:
        yield {"git": served.url(), "http": receiver.url, "ftp": files.url, "image": base_image}
    assert (shared / "out" / "task.txt").read_text() == "by the task\n"


def steps_of(places) -> list[dict]:
    name, _, tag = places["image"].rpartition(":")
    task = {"imageName": name, "imageTag": tag, "workingDir": "app", "cmd": ["sh", "-c", "echo $WORDS > task.txt"]}
    login = {"url": places["ftp"], "ftpType": "FTP", "username": USER, "password": PASSWORD}
    configs = (
        ("CODE_DOWN", {"repositoryUrl": places["git"], "branchName": "main"}),
        ("HTTP", {"url": places["http"], "httpMode": "GET", "outputFile": "app/net.txt", "timeout": 20}),
        ("FTP", {**login, "ftpExecType": "DIR_FTP_DOWN", "remoteDirectory": "/tools", "sourceFiles": "app/kit"}),
        ("SHELL", {"shellType": "COMMAND", "command": "echo by the shell | tee app/shell.txt", "stepTitle": "Pack"}),
        ("USER_TASK", {**task, "envs": [{"key": "WORDS", "value": "by the task"}]}),
        ("CREATE_IMAGE", {"dockerFileType": "FILE_PATH", "dockerFilePath": "app/Dockerfile", "noCache": True}),
        ("FTP", {**login, "ftpExecType": "FTP_UPLOAD", "remoteDirectory": "/out", "sourceFiles": "app/task.txt"}),
    )
    return [
        {"stepType": kind, "stepOrder": order, "buildStepConfig": config}
        for order, (kind, config) in enumerate(configs, 1)
    ]


@pytest.fixture
def ask(caller):
    """Ask the API as the operator; of an envelope the result."""
    account = Account.objects.get(pk=next(iter(caller.roles)))
    word = issue_token(owner=caller.user, account=account, name=token_hex(4), scopes=list(Scope))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {word}")

    def ask(method, path, body=None, **options):
        answer = getattr(client, method)(path, body, **{"format": "json", **options})
        assert answer.status_code == 200, answer.content
        if answer["Content-Type"] == "application/zip":
            return b"".join(answer.streaming_content) if answer.streaming else answer.content
        told = answer.json()
        return told["result"] if path.startswith("/api/") else told

    return ask


def made_of(body) -> list[tuple]:
    """Return kinds, orders and configs of a definition's steps, without what the image's own name fills in."""
    filled = {"CREATE_IMAGE": {"imageName": None, "imageUrl": None}}
    return [
        (step["stepType"], step["stepOrder"], step["buildStepConfig"] | filled.get(step["stepType"], {}))
        for step in body["buildSteps"]
    ]


def runs_to_done(ask, prefix, body) -> BuildRun:
    """Make a build, run it to its end, and hold what is told of it."""
    build = ask("post", f"{prefix}/build", body)
    run = ended(BuildRun.objects.get(pk=ask("post", f"{prefix}/build/run/{build['buildSeq']}")["buildRunSeq"]))
    assert (run.end_reason, run.end_message) == ("DONE", "")
    assert [line for line in texts(run) if line in MADE] == ["by the shell", *MADE]
    told = ask("get", f"{prefix}/build/run/{run.pk}")
    states = [(step["stepType"], step["stepState"]) for step in told["buildStepRuns"]]
    assert states == [("INIT", "DONE"), *((step["stepType"], "DONE") for step in body["buildSteps"])]
    (pack,) = (step for step in told["buildStepRuns"] if step["stepType"] == "SHELL")
    log = ask("get", f"{prefix}/build/run/log/step/{pack['buildStepRunSeq']}")
    one = log[0] if isinstance(log, list) else log
    assert "by the shell" in one["buildStepRuns"][0]["log"]
    return run


def test_every_kind_of_step_runs_in_both_dialects_and_after_an_import(workers, places, ask):
    steps = steps_of(places)
    head = {"editType": "N", "autotagUseYn": "N", "tagName": "1", "buildSteps": steps}
    assert {step["stepType"] for step in steps} == {kind.value for kind in KINDS}
    runs_to_done(ask, "/v1", {**head, "imageName": "kinds/plain"})
    run = runs_to_done(ask, "/api", {**head, "imageName": "kinds/enveloped"})
    packed = ask("get", f"/v1/build/run/{run.pk}/export")
    file = SimpleUploadedFile("build.zip", packed)
    imported = ask("post", "/v1/build/import", {"dataFile": file, "imageName": "kinds/imported"}, format="multipart")
    for step in imported["buildSteps"]:
        if step["stepType"] == "FTP":
            assert step["buildStepConfig"]["password"] is None  # no secret leaves with an export
            step["buildStepConfig"]["password"] = PASSWORD
    again = runs_to_done(ask, "/v1", {**imported, "editType": "N"})
    build = ask("get", f"/v1/build/{again.build_id}")
    assert made_of(build) == made_of(ask("get", f"/v1/build/{run.build_id}"))
