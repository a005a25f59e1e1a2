"""FTP steps in whole runs, which this process executes, against a real FTP server and a real OpenSSH one."""

import os
import re
import threading
from secrets import token_hex

import pytest
from django.db import connection

from builds.execution.steps import ftp
from builds.models import BuildRun, KnownHost
from builds.services.runs.cancel_and_remove import request_cancel
from tests.execution.one_step import build_around, failed
from tests.support.file_servers import PASSWORD, USER, AbstractedFS, Cut, Ftp, Sftp, Standing, listening, serving
from tests.support.runs import executed_cleanly, press, texts
from tests.support.waiting import free_port

MADE = (
    "mkdir -p dist/lib/deep; echo one >dist/a.txt; echo two >dist/lib/deep/b.txt; ln -s a.txt dist/link; mkdir dist/no"
)


@pytest.fixture
def executed(caller, nobody_serves, engine_url, base_image, settings):
    """Execute, to its end, a run of a build with an FTP step of this config, behind a SHELL step `before`."""
    settings.OUTBOUND_ALLOW = ("127.0.0.1",)

    def execute(what, url, *, image="RUN true", before="", **config):
        typed = {"url": url, "ftp_exec_type": what, **config}
        build = build_around("FTP", typed, caller=caller, base=base_image, image=image, before=before)
        run = executed_cleanly(press(build, caller), engine_url)
        assert PASSWORD not in "\n".join((*texts(run), run.end_message))
        return run

    return execute


@pytest.fixture(params=["ftp", "sftp"])
def server(request, tmp_path):
    """Give a server of each protocol, with the folder `root` and the login of one user."""
    root = tmp_path / "root"
    root.mkdir()
    made = Ftp(root) if request.param == "ftp" else Sftp(tmp_path / "sshd", root)
    made.login = {"username": USER if request.param == "ftp" else made.user, "password": PASSWORD}
    with serving(made):
        yield made


def files(folder):
    """Return all files below a folder with what is in them."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_that_match_are_sent_below_their_patterns_fixed_part(executed, server):
    (server.root / "in").mkdir()
    (server.root / "in" / "a.txt").write_text("older")
    run = executed(
        "FTP_UPLOAD",
        server.url,
        before=MADE,
        source_files="dist/**/*.txt, none/*",
        remote_directory="in/new",
        **server.login,
    )
    assert (run.end_reason, run.end_message) == ("DONE", "")
    again = executed(
        "FTP_UPLOAD", server.url, before=MADE, source_files="dist/*", remote_directory="in", **server.login
    )
    assert (again.end_reason, again.end_message) == ("DONE", "")
    assert files(server.root) == {"in/new/a.txt": b"one\n", "in/new/lib/deep/b.txt": b"two\n", "in/a.txt": b"one\n"}
    said = "\n".join(texts(run))
    assert f"Connecting to {server.url} as {server.login['username']}\n" in said
    assert re.search(r"^Sent \S*/in/new/a\.txt, 4 bytes$", said, re.MULTILINE)
    assert re.search(r"^Sent 2 files, 8 bytes, \d+\.\d s$", said, re.MULTILINE)
    assert "Links are not sent: link\n" in "\n".join(texts(again))


def test_a_folder_is_sent_with_all_below(executed, server):
    run = executed("DIR_FTP_UPLOAD", server.url, before=MADE, source_files="dist", **server.login)
    assert (run.end_reason, run.end_message) == ("DONE", "")
    assert files(server.root) == {"a.txt": b"one\n", "lib/deep/b.txt": b"two\n"}
    assert (server.root / "no").is_dir()


def fill(root):
    (root / "pub" / "deep").mkdir(parents=True)
    (root / "pub" / "a.jar").write_text("jar\n")
    (root / "pub" / "deep" / "b.jar").write_text("deeper\n")
    (root / "pub" / "c.txt").write_text("text\n")
    (root / "pub" / "empty").mkdir()


def test_files_that_match_are_fetched_and_used_by_the_image(executed, server):
    fill(server.root)
    run = executed(
        "FTP_DOWN",
        server.url,
        image=f"COPY . /x\nRUN : {token_hex(4)}; cd /x && find . -type f | sort && cat a.jar deep/b.jar && ls -l a.jar",
        source_files="**/*.jar,c.txt",
        remote_directory="pub",
        **server.login,
    )
    assert (run.end_reason, run.end_message) == ("DONE", "")
    said = texts(run)
    assert [line for line in said if line.startswith("./")] == ["./a.jar", "./c.txt", "./deep/b.jar"]
    assert {"jar", "deeper"} <= {*said}
    assert any(line.startswith("-rw-r--r--") for line in said)
    assert any(line.startswith("Fetched 3 files, 16 bytes, ") for line in said)


def test_a_folder_is_fetched_with_all_below(executed, server):
    fill(server.root)
    if isinstance(server, Sftp):  # the lists of the other do not tell a link
        (server.root / "pub" / "out").symlink_to("/etc/hostname")
    look = f"COPY . /x\nRUN : {token_hex(4)}; cd /x && find . | sort"  # what another test has built says nothing
    run = executed(
        "DIR_FTP_DOWN", f"{server.url}", image=look, source_files="got", remote_directory="pub", **server.login
    )
    assert (run.end_reason, run.end_message) == ("DONE", "")
    said = texts(run)
    assert ("Links and what else is no file are not fetched: 1" in said) == isinstance(server, Sftp)
    fetched = ["./got", "./got/a.jar", "./got/c.txt", "./got/deep", "./got/deep/b.jar", "./got/empty"]
    assert [line for line in said if line.startswith("./")] == fetched


def test_without_a_name_an_ftp_server_is_asked_as_everybody(executed, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    with serving(Ftp(tmp_path)) as server:
        run = executed("FTP_DOWN", server.url.removeprefix("ftp://"), source_files="a.txt")
    assert (run.end_reason, run.end_message) == ("DONE", "")
    assert "USER anonymous" in server.commands


def test_a_login_that_is_wrong_is_the_definitions_problem(executed, server):
    sentence = failed(
        executed("DIR_FTP_DOWN", server.url, **{**server.login, "password": "not-this-one"}),
        "ftp.login_refused",
        "definition",
    )
    assert f"{server.url} does not let {server.login['username']} in: " in sentence
    assert KnownHost.objects.count() == isinstance(server, Sftp)


def test_the_key_that_an_sftp_server_shows_first_is_kept_and_another_one_refused(executed, tmp_path):
    with serving(Sftp(tmp_path / "sshd", tmp_path)) as server:
        login = {"username": server.user, "password": PASSWORD, "source_files": "sshd/config"}
        run = executed("FTP_DOWN", server.url, **login)
        assert (run.end_reason, run.end_message) == ("DONE", "")
        assert KnownHost.objects.get().lines == server.known_hosts
        server.stop()
        server.new_host_key()
        server.start()
        sentence = failed(executed("FTP_DOWN", server.url, **login), "ftp.host_key_changed")
    assert re.search(r"but SHA256:\S{43}: it was changed", sentence)
    assert "let an administrator of BuildHub remove the old one" in sentence


def test_what_is_not_there_is_told(executed, server):
    nothing = executed("FTP_UPLOAD", server.url, before=MADE, source_files="dist/*.zip", **server.login)
    assert "no file of the workspace matches dist/*.zip" in failed(nothing, "ftp.no_files", "definition")
    folder = executed("DIR_FTP_UPLOAD", server.url, before=MADE, source_files="nowhere", **server.login)
    assert "the workspace has no folder nowhere" in failed(folder, "ftp.no_files", "definition")
    unmatched = executed("FTP_DOWN", server.url, source_files="*.zip", **server.login)
    assert "matches *.zip" in failed(unmatched, "ftp.no_files", "definition")
    missing = failed(executed("FTP_DOWN", server.url, source_files="a.zip", **server.login), "ftp.request_refused")
    assert re.search(r"does not read \S*/a\.zip: (550 )?No such file", missing)
    failed(executed("DIR_FTP_DOWN", server.url, remote_directory="no", **server.login), "ftp.request_refused")


def test_more_than_is_allowed_fails_the_step(executed, server, settings):
    settings.CONTEXT_LIMIT_BYTES = 1024**2
    (server.root / "large").write_bytes(os.urandom(1024**2 + 1))
    assert "which is 1 MiB" in failed(
        executed("DIR_FTP_DOWN", server.url, **server.login), "ftp.too_large", "definition"
    )
    made = "head -c 2000000 /dev/urandom >large"
    up = executed("DIR_FTP_UPLOAD", server.url, before=made, remote_directory="up", **server.login)
    failed(up, "ftp.too_large", "definition")
    assert not (server.root / "up").exists()


def test_a_private_address_that_is_not_allowed_or_where_nobody_listens_is_told(executed):
    refused = executed("DIR_FTP_DOWN", "ftp://127.0.0.2")
    assert "leads to the private address 127.0.0.2" in failed(refused, "remote.refused", "definition")
    run = executed("DIR_FTP_DOWN", f"sftp://127.0.0.1:{free_port()}", username="ada")
    assert "does not answer: Connection refused." in failed(run, "remote.unreachable")
    assert sum("trying again in" in line for line in texts(run)) == 2


@pytest.mark.parametrize("scheme", ["ftp", "sftp"])
def test_a_server_that_falls_silent_is_given_up(executed, monkeypatch, scheme):
    monkeypatch.setattr(ftp, "SILENCE_SECONDS", 1.0)
    ended = threading.Event()
    with listening(lambda _line: ended.wait(60)) as port:
        sentence = failed(executed("DIR_FTP_DOWN", f"{scheme}://127.0.0.1:{port}", username="ada"), "ftp.silent")
    ended.set()
    assert "has said nothing for 1 seconds" in sentence


@pytest.mark.parametrize("scheme", ["ftp", "sftp"])
def test_a_cancel_ends_a_step_whose_server_is_silent(executed, caller, scheme):
    ended = threading.Event()

    def cancel(_line):
        (run,) = BuildRun.objects.active().filter(run_type="BUILD")
        request_cancel(run_id=run.pk, caller=caller)
        connection.close()
        ended.wait(60)

    with listening(cancel) as port:
        run = executed("DIR_FTP_DOWN", f"{scheme}://127.0.0.1:{port}", username="ada")
    ended.set()
    assert run.end_reason == "CANCELLED"


def test_a_cancel_ends_a_transfer_that_stands_still(executed, caller, tmp_path):
    (tmp_path / "large").write_bytes(bytes(5_000_000))

    class Cancelling(Standing):
        def send(self, data):
            if not self.tot_bytes_sent:
                (run,) = BuildRun.objects.active().filter(run_type="BUILD")
                request_cancel(run_id=run.pk, caller=caller)
                connection.close()
            return super().send(data)

    with serving(Ftp(tmp_path, dtp_handler=Cancelling, use_sendfile=False)) as server:
        run = executed("FTP_DOWN", server.url, source_files="large")
    assert run.end_reason == "CANCELLED"


def test_a_cut_upload_leaves_no_half_file_under_its_name(executed, tmp_path):
    with serving(Ftp(tmp_path, dtp_handler=Cut)) as server:
        run = executed(
            "FTP_UPLOAD",
            server.url,
            before="head -c 5000000 /dev/urandom >large",
            source_files="large",
            username=USER,
            password=PASSWORD,
        )
    failed(run, "ftp.broken_off")
    assert not (tmp_path / "large").exists()


@pytest.mark.parametrize("name", ["..", "a/b", "../out", "a\x07b"])
def test_names_that_would_leave_the_workspace_are_refused(executed, tmp_path, name):
    class Lying(AbstractedFS):
        def format_mlsx(self, *_args, **_options):
            return iter([f"type=file;size=1; {name}\r\n".encode()])

    with serving(Ftp(tmp_path, abstracted_fs=Lying)) as server:
        sentence = failed(executed("DIR_FTP_DOWN", server.url), "ftp.name_refused")
    assert ascii(name) in sentence
