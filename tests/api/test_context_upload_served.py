"""Uploads as curl sends them, to the real web server: streamed to the rows, and refused before they are read."""

import gzip
import http.client
import io
import json
import os
import shlex
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from builds.domain.access import Role, Scope
from builds.models import Account, Build, ContextChunk, UploadedContext
from builds.services.accounts.access import caller_for
from builds.services.accounts.tokens import issue_token
from builds.services.builds.contexts import chunks_of
from builds.services.builds.edit import create_build
from tests.api.making import a_draft, make_member
from tests.support.archives import tar_of
from tests.support.stack import web_server
from tests.support.web import Web

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT_MIB, LARGE_MIB, MOST_MIB = 300, 256, 200


@pytest.fixture(scope="module")
def web(django_db_setup: None, django_db_blocker) -> Iterator[Web]:
    """A web server with a limit of its own."""
    with web_server(django_db_blocker, log="web-uploads", BUILDHUB_CONTEXT_LIMIT_MB=str(LIMIT_MIB)) as server:
        yield server


@pytest.fixture
def build(account: Account) -> Build:
    return create_build(caller=caller_for(make_member("operator", account, Role.OPERATOR)), draft=a_draft())


@pytest.fixture
def curl(web: Web, build: Build):
    """Run a line of the shell in which `curl …` goes to the build's address; return the status and the answer."""
    owner = build.account.memberships.get().user
    word = issue_token(owner=owner, account=build.account, name="test", scopes=list(Scope))
    options = f"-sS --noproxy '*' -H {shlex.quote(f'Authorization: Bearer {word}')} -w '\\n%{{http_code}}'"

    def run(line: str, *, cwd: Path) -> tuple[int, dict]:
        script = line.replace("curl", f"curl {options}") + f" {web.url}/v1/build/{build.pk}/context"
        done = subprocess.run(["sh", "-c", script], cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
        body, _, status = done.stdout.rpartition("\n")
        assert body, done.stderr
        return int(status), json.loads(body)

    return run


@pytest.mark.parametrize(
    "line",
    [
        "curl -F dataFile=@x.tar",
        "curl -X POST -T x.tar",
        "cat x.tar | curl -X POST -T -",
        "curl --data-binary @x.tar",
        "cat x.tar | curl -F dataFile=@-",
    ],
)
def test_every_way_of_curl_stores_the_same(curl, tmp_path, line):
    packed = tar_of(Dockerfile=b"FROM scratch\n", app=b"x" * 3_000_000)
    (tmp_path / "x.tar").write_bytes(packed)
    status, told = curl(line, cwd=tmp_path)
    assert (status, told.get("byteCount"), told.get("fileCount")) == (200, len(packed), 2)
    assert b"".join(chunks_of(told["contextSeq"])) == packed


def test_every_kind_is_taken_in_every_way_whether_it_waits_in_memory_or_on_disk(curl, tmp_path):
    for length in (100, 3_000_000):  # Django keeps the shorter one in memory until it is whole
        plain = tar_of(Dockerfile=b"FROM scratch\n", app=os.urandom(length))
        zipped = io.BytesIO()
        with zipfile.ZipFile(zipped, "w") as archive:
            archive.writestr("Dockerfile", b"FROM scratch\n")
            archive.writestr("app", os.urandom(length))
        for kind, packed in (("tar", plain), ("tar.gz", gzip.compress(plain)), ("zip", zipped.getvalue())):
            (tmp_path / "x").write_bytes(packed)
            for line in ("curl -F dataFile=@x", "curl -X POST -T x", "curl --data-binary @x"):
                status, told = curl(line, cwd=tmp_path)
                assert (status, told.get("byteCount"), told.get("fileCount")) == (200, len(packed), 2), (
                    kind,
                    line,
                    told,
                )


@pytest.mark.parametrize("line", ["tar -c . | curl -X POST -T -", "tar -cf ../x.tar . && curl -F dataFile=@../x.tar"])
def test_a_large_folder_is_never_held_in_memory(curl, web, tmp_path, line):
    folder = tmp_path / "app"
    folder.mkdir()
    with (folder / "large").open("wb") as file:
        file.truncate(LARGE_MIB * 1024**2)
    status, told = curl(line, cwd=folder)
    assert status == 200, told
    assert told["byteCount"] > LARGE_MIB * 1024**2
    assert ContextChunk.objects.filter(context=told["contextSeq"]).count() > LARGE_MIB
    assert web.peak_memory_mib < MOST_MIB


def test_a_length_over_the_limit_is_413_before_anything_is_sent(web, build):
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)
    connection.putrequest("POST", f"/v1/build/{build.pk}/context")
    connection.putheader("Content-Length", str((LIMIT_MIB + 1) * 1024**2))
    connection.endheaders()  # and none of the body
    answer = connection.getresponse()
    (error,) = json.loads(answer.read())["errors"]
    assert (answer.status, error["field"]) == (413, "dataFile")
    assert f"{LIMIT_MIB} MiB (BUILDHUB_CONTEXT_LIMIT_MB)" in error["message"]
    assert not UploadedContext.objects.exists()
