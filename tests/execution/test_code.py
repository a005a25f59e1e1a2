"""Builds from git: a repository with files beside its Dockerfile, from press to image."""

import os
import signal
import subprocess
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from builds.models import KnownHost
from builds.services import builds as build_services
from builds.services import runs
from builds.services.builds import BuildDraft
from builds.services.runs import RunAsk
from builds.services.step_secrets import StepDraft
from tests.engine.certificates import Authority
from tests.support.git_servers import GitSsh, Origin, git, git_http, make_key
from tests.support.plugin import SERVICES
from tests.support.runs import ended, marked_sleep, press, processes_with, texts, until_printed
from tests.support.waiting import wait_until
from tests.support.workers import Workers

PASSWORD = "pass-of-ada-7c1"
AUTHORITY = Authority()


@pytest.fixture(scope="module")
def worker_processes(engine_url, django_db_setup, django_db_blocker):
    """Workers that may reach the git servers of the tests, with small limits."""
    authorities = SERVICES.home / "authorities.pem"
    authorities.write_text(AUTHORITY.ca, encoding="utf-8")
    extra = {
        "SSL_CERT_FILE": str(authorities),
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


def private(user="ada", password=PASSWORD):
    """Return what a private repository's step has besides."""
    return {"common_type": "PRIVATE", "user_id": user, "password": password}


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


def test_a_private_repository_builds_over_tls_and_its_password_is_nowhere(workers, caller, from_git, origin):
    login = f"ada:{PASSWORD}"
    with git_http(origin.bare.parents[1], login=login, pair=AUTHORITY.issue("127.0.0.1")) as server:
        run = ended(press(from_git(server.url(), code=private()), caller))
    assert (run.end_reason, run.end_message) == ("DONE", "")
    assert PASSWORD not in "\n".join(texts(run))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(t::text, ' ') FROM (SELECT b, s, r FROM builds_runstep s, builds_buildrun r,"
            " builds_buildstep b WHERE s.run_id = r.id) t"
        )
        assert PASSWORD not in cursor.fetchone()[0]


# kind, words of the sentence, the login of the server, what the step has, the address
FAILURES = {
    "source.denied": ("does not accept the login", f"ada:{PASSWORD}", private(password="wrong"), None),
    "source.login_missing": ("the step has none", f"ada:{PASSWORD}", {}, None),
    "source.ref_missing": ("Its branches: main.", "", {"branch_name": "nope"}, None),
    "source.missing": ("has no such repository", "", {}, "http://127.0.0.1:{port}/team/nope.git"),
    "source.host_unknown": ("The name nobody.invalid is not known", "", {}, "http://nobody.invalid/team/app.git"),
    "source.refused": ("10.1.2.3", "", {}, "http://10.1.2.3/team/app.git"),
    "source.submodule": ("submodule", "", {"submodules": True, "branch_name": "modules"}, None),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_each_failure_of_a_source_has_its_own_sentence(workers, caller, from_git, origin, kind):
    words, login, code, url = FAILURES[kind]
    if kind == "source.submodule":
        listed = '[submodule "x"]\n\tpath = x\n\turl = http://nobody.invalid/x.git\n'
        origin.commit({".gitmodules": listed}, branch="modules")
        git("update-index", "--add", "--cacheinfo", f"160000,{origin.head},x", cwd=origin.tree)
        git("commit", "-q", "-m", "x", cwd=origin.tree)
        git("push", "-q", "origin", "modules", cwd=origin.tree)
    with git_http(origin.bare.parents[1], login=login) as server:
        address = url.format(port=server.port) if url else server.url()
        run = ended(press(from_git(address, code=code), caller))
    assert (run.failure["id"], run.end_reason) == (kind, "SOURCE_FAILED"), run.end_message
    assert words in run.end_message
    assert run.end_message in texts(run)
    wait_until(lambda: not workspaces(), message=workspaces)


def test_a_host_key_that_has_changed_is_refused_and_the_first_one_is_kept(
    workers, caller, from_git, origin, tmp_path, registry_host
):
    private_key, public_key = make_key(tmp_path / "id")
    ssh = GitSsh(tmp_path / "sshd", public_key)
    try:
        code = {"common_type": "PRIVATE", "private_key": private_key}
        build = from_git(ssh.url(origin.bare), code=code)
        first = ended(press(build, caller))
        assert (first.end_reason, first.end_message) == ("DONE", "")
        assert KnownHost.objects.get().lines == ssh.known_hosts
        ssh.stop()
        ssh.new_host_key()
        ssh.start()
        second = ended(press(build, caller, RunAsk(tag_name="2")))
        assert (second.failure["id"], second.failure["whose"]) == ("source.host_key_changed", "source")
        KnownHost.objects.all().delete()
        third = ended(press(build, caller, RunAsk(tag_name="3")))
        assert (third.end_reason, third.end_message) == ("DONE", "")
    finally:
        ssh.stop()


def test_known_hosts_that_do_not_name_the_host_refuse_it(workers, caller, from_git, origin, tmp_path):
    private_key, public_key = make_key(tmp_path / "id")
    ssh = GitSsh(tmp_path / "sshd", public_key)
    try:
        known = f"other.example {ssh.known_hosts.partition(' ')[2]}"
        code = {"common_type": "PRIVATE", "private_key": private_key, "known_hosts": known}
        run = ended(press(from_git(ssh.url(origin.bare), code=code), caller))
    finally:
        ssh.stop()
    assert run.failure["id"] == "source.host_key_unknown"
    assert not KnownHost.objects.exists()


def test_a_certificate_that_has_expired_is_told_as_that(workers, caller, from_git, origin):
    expired = AUTHORITY.issue("127.0.0.1", ends_in=timedelta(hours=-1))
    with git_http(origin.bare.parents[1], pair=expired) as server:
        run = ended(press(from_git(server.url()), caller))
    assert run.failure["id"] == "source.certificate"
    assert "certificate has expired" in run.end_message


# what is committed besides, the image step, kind, words of the sentence
FILES = {
    "dockerfile": ({}, {"docker_file_path": "app/nope/Dockerfile"}, "source.dockerfile_missing", "app/Dockerfile."),
    "case": ({}, {"docker_file_path": "app/dockerfile"}, "source.dockerfile_missing", "There is: app/Dockerfile."),
    "folder": ({}, {"docker_file_path": "app"}, "source.dockerfile_missing", "app/Dockerfile."),
    "context": (
        {},
        {"docker_file_path": "app/Dockerfile", "context_path": "app/nope"},
        "source.context_missing",
        "There is: app/src.",
    ),
    "link": ({"away": "/etc/passwd"}, {"docker_file_path": "app/away"}, "source.path_leaves", "app/away leads out"),
    "link above": ({"up": "../../.."}, {"docker_file_path": "app/up/x"}, "source.path_leaves", "app/up/x leads out"),
    "link of a folder": (
        {"up": "../.."},
        {"docker_file_path": "app/Dockerfile", "context_path": "app/up"},
        "source.path_leaves",
        "app/up leads out",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_a_path_that_leads_nowhere_or_out_is_told_with_what_is_there(workers, caller, from_git, served, origin, case):
    links, image, kind, words = FILES[case]
    for name, target in links.items():
        (origin.tree / name).symlink_to(target)
    origin.commit({"x": "x"})
    run = ended(press(from_git(served.url(), image=image), caller))
    assert (run.failure["id"], run.end_reason) == (kind, "BUILD_FAILED"), run.end_message
    assert words in run.end_message
    assert run.commit_id


def test_too_much_code_is_stopped_before_it_fills_the_disk(workers, caller, from_git, served, origin):
    origin.commit({"noise": os.urandom(9 * 1024 * 1024)})
    run = ended(press(from_git(served.url()), caller))
    assert run.failure["id"] == "source.too_large"
    assert "8.0 MiB are allowed" in run.end_message
    wait_until(lambda: not workspaces(), message=workspaces)


def test_too_large_a_context_is_told_before_anything_is_sent(workers, caller, from_git, served, origin):
    origin.commit({"data/noise": os.urandom(2 * 1024 * 1024), "data/more": "x", "small": "y"})
    run = ended(press(from_git(served.url()), caller))
    assert run.failure["id"] == "source.context_too_large"
    assert "The largest: data (2.0 MiB)" in run.end_message
    assert not any(line.startswith("Sending the build context") for line in texts(run))
    origin.commit({".dockerignore": "data\n"})
    assert ended(press(from_git(served.url(), name="team/less"), caller)).end_reason == "DONE"


def test_a_full_disk_of_the_worker_is_no_fault_of_the_repository(workers, caller, from_git, served, origin):
    """The workspaces lie on a file system of 1 MiB."""
    origin.commit({"noise": os.urandom(3 * 1024 * 1024)})
    folder = Path(settings.DATA_DIR) / "work"
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=True)
    try:
        run = ended(press(from_git(served.url()), caller))
        wait_until(lambda: not workspaces(), message=workspaces)
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    assert (run.failure["id"], run.failure["whose"]) == ("worker.disk_full", "buildhub")


def test_a_server_that_fails_once_is_asked_again(workers, caller, from_git, origin):
    answers = iter([503, 502])

    def fail(request):
        status = next(answers, None)
        if status:
            request.answer(status)
        return status is not None

    with git_http(origin.bare.parents[1], hook=fail) as server:
        run = ended(press(from_git(server.url()), caller))
    assert run.end_reason == "DONE"
    assert sum("trying again" in line for line in texts(run)) == 2


def test_a_server_that_always_fails_is_told_as_that(workers, caller, from_git, origin):
    def fail(request):
        request.answer(503)
        return True

    with git_http(origin.bare.parents[1], hook=fail) as server:
        run = ended(press(from_git(server.url()), caller))
    assert (run.failure["id"], run.failure["whose"]) == ("source.unreachable", "source")
    assert "503" in run.end_message


# ---- where Dockerfile and context lie

TYPED = "FROM {base}\nCOPY . /x\nRUN ls -A /x\n"
NAMES = {"Dockerfile", "svc.txt", "root.txt", "svc", "app", "link"}


@pytest.mark.parametrize(
    ("image", "listed"),
    [
        ({"docker_file_path": "app/svc/Dockerfile"}, {"Dockerfile", "svc.txt"}),
        ({"docker_file_path": "app/svc/Dockerfile", "context_path": "app"}, {"root.txt", "svc"}),
        ({"docker_file_path": "app/svc/Dockerfile", "context_path": "."}, {"app"}),
        ({"docker_file": "FROM {base}\nCOPY . /x\nRUN ls -A /x\n"}, {"root.txt", "svc"}),
        (
            {"docker_file": "FROM {base}\nCOPY . /x\nRUN ls -A /x\n", "context_path": "app/svc"},
            {"Dockerfile", "svc.txt"},
        ),
        ({"docker_file_path": "app/svc/link"}, {"Dockerfile", "svc.txt", "link"}),
    ],
)
def test_the_context_is_the_folder_that_is_named_or_the_dockerfiles_own(
    workers, caller, from_git, tmp_path, base_image, image, listed
):
    origin = Origin(tmp_path / "layout")
    dockerfile = f"FROM {base_image} AS files\nCOPY . /x\nRUN ls -A /x\nFROM files AS other\nRUN false\n"
    origin.commit({"svc/Dockerfile": dockerfile, "svc/svc.txt": "s", "root.txt": "r"})
    if "link" in listed:
        (origin.tree / "svc" / "link").symlink_to("Dockerfile")
        origin.commit({})
    image = {**image, "no_cache": True, **({"target": "files"} if "docker_file_path" in image else {})}
    if "docker_file" in image:
        image = {**image, "docker_file": image["docker_file"].format(base=base_image)}
    with git_http(tmp_path / "layout") as server:
        run = ended(press(from_git(server.url(), image=image), caller))
    assert (run.end_reason, run.end_message) == ("DONE", "")
    assert NAMES & set(texts(run)) == listed


def test_the_branch_of_the_press_is_fetched(workers, caller, from_git, served, origin):
    dev = origin.commit({"note.txt": "of dev\n"}, branch="dev")
    run = ended(press(from_git(served.url()), caller, RunAsk(branch_name="dev")))
    assert (run.end_reason, run.commit_id, run.commit_branch) == ("DONE", dev, "dev")
    assert "of dev" in texts(run)


def test_two_repositories_lie_beside_each_other_and_not_in_each_other(workers, caller, served, origin, base_image):
    def build(second, name):
        image = f"FROM {base_image}\nCOPY . /x\nRUN ls /x\n"
        steps = (
            StepDraft("CODE_DOWN", order=1, config={"repository_url": served.url()}),
            StepDraft("CODE_DOWN", order=2, config={"repository_url": served.url(), "code_save_dir": second}),
            StepDraft("CREATE_IMAGE", order=3, config={"docker_file": image}),
        )
        draft = BuildDraft(name=name, image_name=name, tag_name="1", steps=steps)
        return build_services.create_build(caller=caller, draft=draft)

    run = ended(press(build("lib", "team/both"), caller))
    assert run.end_reason == "DONE"
    assert {"app", "lib"} <= set(texts(run))
    taken = ended(press(build("app", "team/same"), caller))
    assert (taken.end_reason, "codeSaveDir app" in taken.end_message) == ("DEFINITION_INVALID", True)


# ---- cancel and loss


def test_a_cancel_while_code_is_fetched_leaves_nothing(workers, caller, from_git, origin):
    reached, release = threading.Event(), threading.Event()

    def hold(request):
        reached.set()
        release.wait(30)
        return False

    with git_http(origin.bare.parents[1], hook=hold) as server:
        run = press(from_git(server.url()), caller)
        assert reached.wait(30)
        assert processes_with(f"127.0.0.1:{server.port}")
        runs.request_cancel(run_id=run.pk, caller=caller)
        ended(run)
        assert run.end_reason == "CANCELLED"
        assert processes_with(f"127.0.0.1:{server.port}") == []
        release.set()
    wait_until(lambda: not workspaces(), message=workspaces)


def test_a_worker_that_is_killed_leaves_no_git_and_no_workspace_behind(workers, caller, from_git, origin):
    reached, release = threading.Event(), threading.Event()

    def hold_first(request):
        first = not reached.is_set()
        reached.set()
        if first:
            release.wait(60)
        return False

    with git_http(origin.bare.parents[1], hook=hold_first) as server:
        run = press(from_git(server.url()), caller)
        assert reached.wait(30)
        (git_process, *_) = processes_with(f"127.0.0.1:{server.port}")
        (workspace,) = workspaces()
        run.refresh_from_db()
        os.kill(int(run.lease_owner.rpartition("/")[2]), signal.SIGKILL)
        wait_until(lambda: not processes_with(f"127.0.0.1:{server.port}"), timeout=20)
        wait_until(lambda: not Path(f"/proc/{git_process}").exists(), timeout=20)
        ended(run, timeout=90)
        release.set()
    assert (run.end_reason, run.attempt) == ("DONE", 2)
    wait_until(lambda: not workspaces(), message=workspaces)
    assert not workspace.exists()


def test_a_cancel_while_the_image_is_built_leaves_nothing(workers, caller, from_git, origin, base_image):
    instruction, marker = marked_sleep()
    origin.commit({"Dockerfile": f"FROM {base_image}\nCOPY . /app\n{instruction}\n"})
    with git_http(origin.bare.parents[1]) as server:
        run = press(from_git(server.url()), caller)
        until_printed(run, "ready")
    assert workspaces()
    runs.request_cancel(run_id=run.pk, caller=caller)
    assert ended(run).end_reason == "CANCELLED"
    assert processes_with(marker) == []
    wait_until(lambda: not workspaces(), message=workspaces)


def test_a_push_again_fetches_no_code(workers, caller, from_git, origin):
    with git_http(origin.bare.parents[1]) as server:
        run = ended(press(from_git(server.url()), caller))
        asked = len(server.asked)
        again = ended(runs.push_again(run_id=run.pk, caller=caller, tag_name="again"))
        assert len(server.asked) == asked
    assert (again.end_reason, again.image_digest) == ("DONE", run.image_digest)
    assert "No code is fetched: the image of an earlier run is pushed again" in texts(again)
