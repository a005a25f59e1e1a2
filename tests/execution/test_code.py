"""Builds from git: a repository with files beside its Dockerfile, from press to image."""

from pathlib import Path

import pytest
from django.conf import settings

from builds.services import builds as build_services
from builds.services.builds import BuildDraft
from builds.services.step_secrets import StepDraft
from tests.support.git_servers import Origin, git_http
from tests.support.plugin import SERVICES
from tests.support.runs import ended, press, texts
from tests.support.waiting import wait_until
from tests.support.workers import Workers

PASSWORD = "pass-of-ada-7c1"


@pytest.fixture(scope="module")
def worker_processes(engine_url, django_db_setup, django_db_blocker):
    """Workers that may reach the git servers of the tests, with small limits."""
    extra = {
        "BUILDHUB_OUTBOUND_ALLOW": "127.0.0.0/8,localhost",
        "BUILDHUB_REPOSITORY_LIMIT_MB": "8",
        "BUILDHUB_CONTEXT_LIMIT_MB": "2",
    }
    with django_db_blocker.unblock():
        workers = Workers(engine_url, log=SERVICES.home / "workers.log", extra=extra)
        workers.start()
    yield workers
    workers.stop()


@pytest.fixture
def origin(tmp_path, base_image):
    origin = Origin(tmp_path / "git")
    origin.commit({"Dockerfile": f"FROM {base_image}\nCOPY . /app\nRUN cat /app/note.txt && find /app | sort\n"})
    origin.head = origin.commit({"note.txt": "the note\n", "src/a.txt": "a"}, "Add a note")
    return origin


@pytest.fixture
def served(origin):
    with git_http(origin.bare.parents[1]) as server:
        yield server


@pytest.fixture
def from_git(caller):
    """Make a build of a repository; `code` and `image` add to the two steps."""

    def make(url, *, name="team/app", code=None, image=None):
        steps = (
            StepDraft("CODE_DOWN", order=1, config={"repository_url": url, **(code or {})}),
            StepDraft("CREATE_IMAGE", order=2, config=image or {"docker_file_path": "app/Dockerfile"}),
        )
        draft = BuildDraft(name=name, image_name=name, tag_name="1", steps=steps)
        return build_services.create_build(caller=caller, draft=draft)

    return make


def workspaces():
    folder = Path(settings.DATA_DIR) / "work"
    return list(folder.iterdir()) if folder.exists() else []


def test_a_repository_builds_with_its_files_and_the_run_knows_its_commit(workers, caller, from_git, served, origin):
    run = ended(press(from_git(served.url()), caller))
    assert (run.end_reason, run.end_message) == ("DONE", "")
    assert (run.commit_id, run.commit_branch) == (origin.head, "main")
    assert (run.commit_author, run.commit_subject) == ("Ada Lovelace", "Add a note")
    said = texts(run)
    assert "the note" in said
    assert "/app/src/a.txt" in said
    assert not any(".git" in line or "dockerfile.build" in line for line in said if line.startswith("/app"))
    assert any(line.startswith("main is commit " + origin.head[:12]) for line in said)
    assert any(line.startswith("Sending the build context: 3 files") for line in said)
    wait_until(lambda: not workspaces(), message=workspaces)
