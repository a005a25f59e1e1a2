"""POST /build/{buildSeq}/context: an archive in a form or as the whole body becomes what the next runs use."""

import hashlib
import io
import tarfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from builds.domain.access import Scope
from builds.models import Activity, ContextChunk, UploadedContext
from builds.services.builds.contexts import chunks_of
from tests.support.archives import tar_of

TAR = tar_of(Dockerfile=b"FROM scratch\n", app=b"x" * 2_200_000)  # more than one chunk
OTHER = tar_of(Dockerfile=b"FROM scratch\nCOPY . /\n")


@pytest.fixture
def client(as_, operator):
    return as_(operator)


@pytest.fixture
def send(client, build):
    """Upload bytes as the whole body."""

    def post(content=TAR, *, prefix="/v1", content_type="application/octet-stream", **options):
        return client.generic("POST", f"{prefix}/build/{build.pk}/context", content, content_type, **options)

    return post


@pytest.fixture
def send_form(client, build):
    def post(content=TAR, name="x.tar", **options):
        form = {} if content is None else {"dataFile": SimpleUploadedFile(name, content)}
        return client.post(f"/v1/build/{build.pk}/context", form, format="multipart", **options)

    return post


def refusal(answer):
    """Return status, code, the only field and its sentence."""
    told = answer.json()
    (error,) = told["errors"]
    return answer.status_code, told["code"], error["field"], error["message"]


@pytest.mark.parametrize(
    "content_type",
    [
        *("application/octet-stream", "application/x-tar", "application/gzip", "application/zip", "text/plain", ""),
        *("application/x-www-form-urlencoded", "application/json"),
    ],
)
def test_a_whole_body_of_any_type_is_stored_as_it_was_sent(send, build, operator, content_type):
    answer = send(content_type=content_type)
    assert answer.status_code == 200, answer.content
    context = UploadedContext.objects.get()
    assert answer.json() == {
        "contextSeq": context.pk,
        "fileCount": 2,
        "byteCount": len(TAR),
        "sha256": hashlib.sha256(TAR).hexdigest(),
        "created": context.created_at.strftime("%Y-%m-%d %H:%M:%S"),
    }
    assert b"".join(chunks_of(context.pk)) == TAR
    assert [len(chunk.data) for chunk in context.chunks.all()][:2] == [1024**2, 1024**2]
    build.refresh_from_db()
    assert (build.context, context.uploaded_by, context.kind) == (context, operator, "tar")


def test_a_form_is_stored_as_its_file(send_form, build):
    packed = tar_of(mode="w:gz", Dockerfile=b"FROM scratch\n")
    answer = send_form(packed)
    assert answer.status_code == 200, answer.content
    context = UploadedContext.objects.get()
    assert (answer.json()["byteCount"], context.kind) == (len(packed), "tar.gz")
    assert b"".join(chunks_of(context.pk)) == packed


def test_the_enveloped_dialect_answers_in_its_envelope(send):
    told = send(prefix="/api").json()
    assert (told["code"], told["result"]["byteCount"]) == ("200", len(TAR))


def test_reading_can_begin_at_any_chunk(send):
    seq = send().json()["contextSeq"]
    assert b"".join(chunks_of(seq, first=1)) == TAR[1024**2 :]


def test_the_upload_is_kept_in_activity(send, build, operator):
    seq = send().json()["contextSeq"]
    act = Activity.objects.get(did="uploaded a context")
    assert (act.by, act.build, act.detail) == (operator, build, f"context {seq}: 2 files, {len(TAR)} bytes")


def test_an_empty_body_is_refused(send):
    assert refusal(send(b"")) == (
        400, "CCCM1004000", "dataFile", "The upload is empty; send a tar, tar.gz or zip."
    )  # fmt: skip


def test_a_form_without_the_file_is_refused(send_form):
    status, code, field, sentence = refusal(send_form(None))
    assert (status, code, field) == (400, "CCCM1004000", "dataFile")
    assert "dataFile" in sentence


def test_what_is_no_archive_is_refused_and_nothing_is_stored(send):
    status, code, field, _ = refusal(send(b"<!doctype html>" * 100))
    assert (status, code, field) == (400, "CCCM1004000", "dataFile")
    assert not UploadedContext.objects.exists()


def test_a_refused_entry_is_named(send, send_form):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../outside"))
    for answer in (send(packed.getvalue()), send_form(packed.getvalue())):
        status, code, field, sentence = refusal(answer)
        assert (status, code, field) == (400, "CCCM1004000", "dataFile")
        assert "../outside" in sentence
    assert not ContextChunk.objects.exists()


@pytest.mark.parametrize("way", ["send", "send_form"])
def test_over_the_limit_is_413_with_the_name_of_the_limit(request, settings, way):
    settings.CONTEXT_LIMIT_BYTES = 2 * 1024**2
    answer = request.getfixturevalue(way)()
    status, code, field, sentence = refusal(answer)
    assert (status, code, field) == (413, "CKSY1400000", "dataFile")
    assert "2 MiB (BUILDHUB_CONTEXT_LIMIT_MB)" in sentence
    assert not UploadedContext.objects.exists()


def test_who_may_not_edit_the_build_is_refused(as_, build, viewer, stranger, operator):
    address = f"/v1/build/{build.pk}/context"
    told = [
        as_(viewer).generic("POST", address, TAR).status_code,
        as_(stranger).generic("POST", address, TAR).status_code,
        as_(operator, scopes=[Scope.READ, Scope.RUN]).generic("POST", address, TAR).status_code,
        as_(operator, scopes=[Scope.WRITE]).generic("POST", address, TAR).status_code,
    ]
    assert told == [403, 404, 403, 200]
    assert as_(operator).generic("POST", "/v1/build/987654/context", TAR).status_code == 404


@pytest.mark.parametrize("way", ["send", "send_form"])
def test_a_key_stores_an_upload_once_and_refuses_another(request, way):
    post, key = request.getfixturevalue(way), {"Idempotency-Key": "upload-1"}
    first, second = post(headers=key), post(headers=key)
    assert (first.status_code, second["Idempotency-Replayed"]) == (200, "true")
    assert first.content == second.content
    assert post(OTHER, headers=key).status_code == 409
    assert UploadedContext.objects.count() == 1


def test_another_name_of_the_file_is_another_upload(send_form):
    key = {"Idempotency-Key": "upload-1"}
    assert send_form(headers=key).status_code == 200
    assert send_form(name="y.tar", headers=key).status_code == 409


def test_a_session_needs_its_token_in_the_header(build, operator):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)
    browser.cookies["csrftoken"] = word = "a" * 32
    form = {"dataFile": SimpleUploadedFile("x.tar", TAR)}
    address = f"/v1/build/{build.pk}/context"
    assert browser.post(address, {**form, "csrfmiddlewaretoken": word}).status_code == 403
    form["dataFile"].seek(0)
    assert browser.post(address, form, headers={"X-CSRFToken": word}).status_code == 200


def test_a_body_that_is_packed_once_more_is_415(send):
    assert send(headers={"Content-Encoding": "gzip"}).status_code == 415
