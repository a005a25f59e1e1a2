"""Each failure on the way from a repository to the files of a build has its own kind and sentence."""

import errno
import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from builds.engine.docker import Engine
from builds.engine.errors import ContextTooLarge, FileUnreadable, NameRefused, PatternInvalid
from builds.engine.types import Endpoint
from builds.execution.failing import failure_from
from builds.models import KnownHost
from builds.services.runs.parameters import RunAsk
from tests.execution.code.world import AUTHORITY, PASSWORD, private
from tests.support.git_servers import GitSsh, git, git_http, make_key
from tests.support.runs import ended, press, texts, workspaces
from tests.support.waiting import wait_until

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


# the image step, kind, words of the sentence
PATHS = (
    ({"docker_file_path": "app/nope/Dockerfile"}, "source.dockerfile_missing", "There is: app/Dockerfile."),
    ({"docker_file_path": "app/dockerfile"}, "source.dockerfile_missing", "There is: app/Dockerfile."),
    ({"docker_file_path": "app"}, "source.dockerfile_missing", "There is: app/Dockerfile."),
    ({"docker_file_path": "app/away"}, "source.path_leaves", "app/away leads out"),
    ({"docker_file_path": "app/up/x"}, "source.path_leaves", "app/up/x leads out"),
    ({"docker_file_path": "app/Dockerfile", "context_path": "app/up"}, "source.path_leaves", "app/up leads out"),
    ({"docker_file_path": "app/Dockerfile", "context_path": "app/nope"}, "source.context_missing", "app/src"),
)


def test_a_path_that_leads_nowhere_or_out_is_told_with_what_is_there(workers, caller, from_git, served, origin):
    for name, target in {"away": "/etc/passwd", "up": "../../.."}.items():
        (origin.tree / name).symlink_to(target)
    origin.commit({"x": "x"})
    builds = [from_git(served.url(), name=f"team/path-{at}", image=image) for at, (image, _, _) in enumerate(PATHS)]
    found = [ended(run) for run in [press(build, caller) for build in builds]]
    assert [(run.failure["id"], run.end_reason) for run in found] == [(kind, "BUILD_FAILED") for _, kind, _ in PATHS]
    for run, (_, _, words) in zip(found, PATHS, strict=True):
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


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ContextTooLarge(3, 2, [("data", 3)]), "source.context_too_large"),
        (FileUnreadable("a/b", "Permission denied."), "source.context_unreadable"),
        (NameRefused("caf\udce9"), "source.context_unreadable"),
        (PatternInvalid("[", "Close it."), "source.context_unreadable"),
        (OSError(errno.ENOSPC, "No space left on device"), "worker.disk_full"),
    ],
)
def test_what_keeps_files_from_the_engine_is_no_fault_of_buildhub_itself(error, kind):
    assert failure_from(error, server="default").kind.id == kind


def test_a_name_that_is_no_utf_8_is_built_or_named(workers, caller, from_git, served, origin, engine_url):
    Path(os.fsdecode(os.fsencode(origin.tree) + b"/caf\xe9")).write_bytes(b"latin")
    origin.commit({})
    run = ended(press(from_git(served.url()), caller))
    takes_it = int(Engine(Endpoint(url=engine_url)).info().version.partition(".")[0]) < 28
    if takes_it:
        assert (run.end_reason, run.end_message) == ("DONE", "")
    else:
        assert run.failure["id"] == "source.context_unreadable"
        assert "caf\\xe9" in run.end_message
