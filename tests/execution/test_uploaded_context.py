"""Runs that are built from an uploaded context; each is executed in this process, on the real engine."""

import errno
import hashlib
import re
import stat
from secrets import token_hex

import pytest
from django.db import connection

from builds.execution.steps import uploaded_context
from builds.models import Build, BuildRun, ContextChunk, UploadedContext
from builds.services.builds.edit import BuildDraft, create_build
from builds.services.builds.steps import StepDraft
from builds.services.runs.cancel_and_remove import request_cancel
from builds.services.runs.start import push_again
from tests.engine.archives import entry, gz, link, tar, zip_entry, zipped
from tests.support.git_servers import Origin, git_http
from tests.support.runs import executed_cleanly, press, texts

LIST = "RUN : {}; cd /x && find . -mindepth 1 | sort"


@pytest.fixture
def served(nobody_serves, engine_url, settings):
    """A build server whose runs no worker takes."""
    settings.OUTBOUND_ALLOW = ("127.0.0.0/8",)
    return engine_url


@pytest.fixture
def build_with(caller, served, base_image):
    """Make a build with these steps before its image step, which copies all files, or is `image`."""

    def make(*steps: StepDraft, copy: str = "COPY . /x", **image: object) -> Build:
        dockerfile = f"FROM {base_image}\n{copy}\n{LIST.format(token_hex(4))}\n"
        config = image or {"docker_file_type": "CONTENTS", "docker_file": dockerfile}
        last = StepDraft("CREATE_IMAGE", order=9, config=config)
        draft = BuildDraft(
            name=token_hex(4), image_name="up", tag_name="1", server_host="topic:gone", steps=(*steps, last)
        )
        return create_build(caller=caller, draft=draft)

    return make


@pytest.fixture
def run_of(caller, served):
    """Press a build that has been given `archive`, and execute the run to its end."""

    def run(build: Build, archive: bytes | UploadedContext) -> BuildRun:
        uploaded = archive if isinstance(archive, UploadedContext) else stored(build, archive)
        Build.objects.filter(pk=build.pk).update(context=uploaded)
        return executed_cleanly(press(build, caller), served)

    return run


def stored(build: Build, archive: bytes, *, pieces: int = 3) -> UploadedContext:
    """Store an archive that nobody has looked at, in pieces."""
    sha256 = hashlib.sha256(archive).hexdigest()
    facts = {"kind": "tar", "file_count": 3, "byte_count": len(archive), "sha256": sha256}
    made = UploadedContext.objects.create(account_id=build.account_id, build=build, **facts)
    size = len(archive) // pieces + 1
    for number in range(pieces):
        ContextChunk.objects.create(context=made, number=number, data=archive[number * size : (number + 1) * size])
    return made


def files() -> bytes:
    """A tar that no other test has."""
    return tar(
        entry("./", type=b"5"),
        entry("./.dockerignore", b"left-out\n"),
        entry("./left-out", b"1"),
        entry("./src/a.txt", b"a", mtime=1_600_000_000),
        entry("./src/unique", token_hex(8).encode(), mode=0o755),
        link("./src/link", "a.txt"),
    )


@pytest.mark.parametrize("pack", [bytes, gz])
def test_the_files_are_in_the_image_and_the_second_run_is_cached(build_with, run_of, pack):
    build, archive = build_with(), pack(files())
    run = run_of(build, archive)
    assert (run.end_reason, run.end_message) == ("DONE", "")
    said = texts(run)
    assert {"./src/a.txt", "./src/link", "./src/unique"} <= set(said)
    assert "./left-out" not in said
    digest = hashlib.sha256(archive).hexdigest()
    line = f"Using the uploaded context {run.context_id}: 3 files, {len(archive):,} bytes, sha256 {digest}"
    assert said.count(line) == 1
    again = run_of(build, archive)
    vertices = again.steps.get(step_type="CREATE_IMAGE").vertices
    assert [one["cached"] for one in vertices if "COPY" in one["name"] or "RUN" in one["name"]] == [True, True]


def test_a_zip_is_built_with_its_modes(build_with, run_of):
    archive = zipped(
        (zip_entry("run.sh", stat.S_IFREG | 0o755), b"#!/bin/sh\necho it ran\n"), ("a", token_hex().encode())
    )
    run = run_of(build_with(copy="COPY . /x\nRUN /x/run.sh"), archive)
    assert run.end_reason == "DONE"
    assert "it ran" in texts(run)


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ({"docker_file_path": "Dockerfile"}, {"./Dockerfile", "./sub", "./sub/a", "./sub/Dockerfile"}),
        ({"docker_file_path": "Dockerfile", "context_path": "sub"}, {"./a", "./Dockerfile"}),
        ({"docker_file_path": "sub/Dockerfile"}, {"./a", "./Dockerfile"}),
    ],
)
def test_the_dockerfile_is_found_among_the_files(build_with, run_of, base_image, image, found):
    dockerfile = f"FROM {base_image}\nCOPY . /x\n{LIST.format(token_hex(4))}\n".encode()
    archive = tar(entry("Dockerfile", dockerfile), entry("sub/Dockerfile", dockerfile), entry("sub/a"))
    run = run_of(build_with(docker_file_type="FILE_PATH", **image), archive)
    assert (run.end_reason, run.end_message) == ("DONE", "")
    assert {line for line in texts(run) if line.startswith("./")} == found


@pytest.mark.parametrize(
    "image", [{"docker_file_path": "Dockerfile"}, {"docker_file_path": "a", "context_path": "sub"}]
)
def test_what_the_upload_has_not_is_told_with_the_remedy(build_with, run_of, image):
    run = run_of(build_with(docker_file_type="FILE_PATH", **image), tar(entry("a", b"FROM scratch\n")))
    assert run.end_reason == "BUILD_FAILED"
    assert re.search(
        r"Correct its path in the build, or bring the \w+ with the code or the upload\.\Z", run.end_message
    )


def test_an_upload_without_files_builds_from_an_empty_folder(build_with, run_of):
    assert run_of(build_with(), tar(entry("./", type=b"5"))).end_reason == "DONE"


def test_what_was_stored_is_looked_at_again(build_with, run_of):
    run = run_of(build_with(), gz(tar(entry("fine", b"1"), link("evil", "../../../private"))))
    assert (run.run_state, run.end_reason) == ("ERROR", "SOURCE_FAILED")
    assert run.failure["id"] == "source.context_refused"
    assert '"evil"' in run.end_message
    assert "out of the folder" in run.end_message
    assert [step.step_state for step in run.steps.all()] == ["ERROR", "WAIT"]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_rows_that_have_gone_are_told(build_with, run_of, lost):
    build = build_with()
    uploaded = stored(build, gz(files()))
    uploaded.chunks.filter(number__gte=lost).delete()
    run = run_of(build, uploaded)
    assert (run.end_reason, run.failure["id"]) == ("SOURCE_FAILED", "source.context_lost")
    assert f"context {uploaded.pk}" in run.end_message


def test_a_database_that_goes_in_the_middle_is_read_on_from_there(build_with, run_of, monkeypatch):
    read = []

    class Digest:
        def __init__(self):
            self.digest = hashlib.sha256()

        def update(self, piece):
            read.append(bytes(piece))
            self.digest.update(piece)
            if len(read) == 2:
                connection.connection.close()

        def hexdigest(self):
            return self.digest.hexdigest()

    archive = files()
    monkeypatch.setattr(uploaded_context, "hashlib", type("Module", (), {"sha256": Digest}))
    assert run_of(build_with(), archive).end_reason == "DONE"
    assert len(read) == 3
    assert b"".join(read) == archive


def test_a_cancel_ends_the_unpacking(build_with, run_of, caller, monkeypatch):
    real = uploaded_context.unpack

    def unpack(file, into, *, limit_bytes, look):
        (run,) = BuildRun.objects.active()
        request_cancel(run_id=run.pk, caller=caller)
        assert look.__self__.event.wait(30)
        return real(file, into, limit_bytes=limit_bytes, look=look)

    monkeypatch.setattr(uploaded_context, "unpack", unpack)
    run = run_of(build_with(), files())
    assert run.end_reason == "CANCELLED"


def test_a_full_disk_is_buildhubs_own_failure(build_with, run_of, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(uploaded_context, "unpack", full)
    run = run_of(build_with(), files())
    assert (run.failure["id"], run.failure["whose"]) == ("worker.disk_full", "buildhub")


def test_a_push_again_uses_none(build_with, run_of, served, caller):
    run = run_of(build_with(), files())
    again = push_again(run_id=run.pk, caller=caller)
    BuildRun.objects.filter(pk=again.pk).update(context=run.context_id)
    assert executed_cleanly(again, served).end_reason == "DONE"
    assert not any("uploaded context" in line for line in texts(again))


@pytest.fixture
def origin(tmp_path):
    origin = Origin(tmp_path / "git")
    origin.commit({"code.txt": "code"})
    with git_http(origin.bare.parents[1]) as server:
        yield server


def code(url: str) -> StepDraft:
    return StepDraft("CODE_DOWN", order=1, config={"repository_url": url, "code_save_dir": "app"})


def test_code_lies_beside_the_uploaded_files_and_obeys_none_of_them(build_with, run_of, origin):
    """A folder is often packed with its .git: what stands there would choose what git does, and which programs."""
    config = (
        f'[url "http://127.0.0.1:1/"]\n\tinsteadOf = "{origin.url().rpartition("/")[0]}/"\n[core]\n\tbare = false\n'
    )
    git = [entry(".git/HEAD", b"ref: refs/heads/main\n"), entry(".git/config", config.encode())]
    folders = [entry(f".git/{name}", type=b"5") for name in ("objects", "refs")]
    archive = tar(*git, *folders, entry("note.txt", b"1"))
    build = build_with(code(origin.url()))
    step = build.steps.get(step_type="CREATE_IMAGE")
    step.config |= {"context_path": "."}
    step.save()
    run = run_of(build, archive)
    assert (run.end_reason, run.end_message) == ("DONE", "")
    assert {line for line in texts(run) if line.startswith("./")} == {"./note.txt", "./app", "./app/code.txt"}


def test_code_never_takes_the_place_of_uploaded_files(build_with, run_of, origin):
    run = run_of(build_with(code(origin.url())), tar(entry("app/mine", b"1")))
    assert run.failure["id"] == "definition.invalid"
    assert "codeSaveDir app is taken by files of the uploaded context" in run.end_message
