"""Odd repositories, servers and logins, as they are met or made to harm."""

import re
import subprocess

import pytest

from builds.engine.git.client import Repository
from builds.engine.git.errors import GitFailed, RefMissing
from builds.engine.git.login import ASKPASS, Login, handed_over
from builds.engine.git.process import LONGEST_LINE
from tests.engine.git_desk import Desk
from tests.support.git_servers import GitSsh, Origin, git, git_http, has_ssh_server

PASSWORD = "pass-of-ada-7c1"


@pytest.fixture
def origin(tmp_path):
    return Origin(tmp_path / "git")


@pytest.fixture
def served(origin):
    with git_http(origin.bare.parents[1]) as server:
        yield Repository(server.url())


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@pytest.mark.parametrize("user", ["ada", "ada@example.org", "DOM\\ada", "ada+x", "ädä", "a%40", "a'b", "a b"])
def test_a_login_is_taken_whatever_letters_the_user_has(origin, desk, user):
    origin.commit({"a": "b"})
    with git_http(origin.bare.parents[1], login=f"{user}:{PASSWORD}") as server:
        desk.fetch(Repository(server.url(), login=Login(user, PASSWORD)))
    assert desk.read("a") == "b"


HTTPS, SSH = "https://git.example:8443", "ada@[git.example]:2222"


@pytest.mark.parametrize(
    ("host", "prompt", "answer"),
    [
        (HTTPS, f"Username for '{HTTPS}': ", "ada"),
        (HTTPS, "Password for 'https://ada@git.example:8443': ", PASSWORD),
        (HTTPS, "Password for 'https://ada%40example.org@git.example:8443': ", PASSWORD),
        (HTTPS, "Username for 'http://git.example:8443': ", ""),
        (HTTPS, "Password for 'http://ada@git.example:8443': ", ""),
        (HTTPS, "Password for 'https://ada@git.example': ", ""),
        (HTTPS, "Password for 'https://ada@evil.example:8443': ", ""),
        (HTTPS, "Password for 'https://ada@xgit.example:8443': ", ""),
        (HTTPS, "Password for 'https://git.example:8443@evil.example': ", ""),
        (HTTPS, f"{SSH}'s password: ", ""),
        (SSH, f"{SSH}'s password: ", PASSWORD),
        (SSH, f"({SSH}) Password: ", PASSWORD),
        (SSH, f"({SSH}) Verification code: ", ""),
        (SSH, "(ada@evil.example) Password: ", ""),
        (SSH, "eve@[git.example]:2222's password: ", ""),
        (SSH, f"Password for 'https://{SSH}': ", ""),
        (SSH, "Are you sure you want to continue connecting (yes/no/[fingerprint])? ", ""),
    ],
)
def test_only_the_host_of_a_login_is_told_it(tmp_path, host, prompt, answer):
    with handed_over(Login("ada", PASSWORD), host, tmp_path) as environment:
        asked = subprocess.run([str(ASKPASS), prompt], env=environment, capture_output=True, text=True, check=False)
    assert (asked.stdout.strip(), asked.returncode) == (answer, 0 if answer else 1)


@pytest.mark.skipif(not has_ssh_server(), reason="needs OpenSSH's server")
def test_a_password_reaches_an_ssh_server_on_a_port_of_its_own(tmp_path, desk):
    server = GitSsh(tmp_path / "ssh", asks_password=True)
    repository = Repository(server.url("/app.git"), login=Login("", PASSWORD), accepts_new_host=True)
    with pytest.raises(GitFailed):  # it is nobody's password here
        desk.fetch(repository)
    server.stop()
    assert f"Failed password for {server.user}" in (server.home / "log").read_text(encoding="utf-8")


@pytest.mark.parametrize("seconds", [0, 253_402_300_800, 99_999_999_999_999_999])
def test_a_commit_of_any_date_is_fetched(origin, served, desk, seconds):
    origin.commit({"a": "b"})
    tree = git("rev-parse", "HEAD^{tree}", cwd=origin.tree)
    written = f"tree {tree}\nauthor A <a@b> {seconds} +0000\ncommitter A <a@b> {seconds} +0000\n\nfar\n"
    made = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
        input=written.encode(), cwd=origin.bare, capture_output=True, check=True,
    )  # fmt: skip
    number = made.stdout.decode().strip()
    git("update-ref", "refs/heads/main", number, cwd=origin.bare)
    found = desk.fetch(served)
    assert found.id == number
    assert 0 <= found.time.timestamp() * 10**9 < 2**63


@pytest.mark.parametrize("ref", ["refs/x", "refs/pull/1/head"])
def test_a_ref_beside_branches_and_tags_keeps_its_name(origin, served, desk, ref):
    number = origin.commit({"a": "b"})
    git("update-ref", ref, "refs/heads/main", cwd=origin.bare)
    origin.commit({"a": "c"})
    found = desk.fetch(served, ref)
    assert (found.id, found.branch) == (number, ref)


def test_a_head_that_is_a_commit_is_what_is_fetched(origin, served, desk):
    origin.commit({"a": "old"}, branch="aaa")
    newest = origin.commit({"a": "new"})
    (origin.bare / "HEAD").write_text(f"{newest}\n", encoding="utf-8")
    found = desk.fetch(served)
    assert (found.id, found.branch) == (newest, "main")


def test_a_head_without_its_branch_is_no_guess(origin, served, desk):
    only = origin.commit({"a": "old"}, branch="one")
    assert desk.fetch(served).id == only
    origin.commit({"a": "new"}, branch="two")
    with desk.at(served) as found:
        assert (found.branches(), found.default_branch()) == (["one", "two"], "")
        with pytest.raises(RefMissing) as refused:
            found.fetch("", desk.code / "again")
    assert refused.value.branches == ["one", "two"]


@pytest.mark.parametrize("said", [b"x" * 3_000_000, b"repository " * 300_000, b"\n" * 1_000_000, b"a\n" * 500_000])
def test_what_a_server_says_at_length_comes_in_pieces(origin, desk, said):
    def at_length(handler):
        handler.answer(403, {"Content-Type": "text/plain"}, said)
        return True

    with git_http(origin.bare.parents[1], hook=at_length) as server, pytest.raises(GitFailed) as refused:
        desk.fetch(Repository(server.url()), "main")
    assert max(map(len, desk.lines)) <= 2 * LONGEST_LINE
    assert len(refused.value.answered) < 100_000
    assert re.search(r"returned error: 403", refused.value.answered)
