"""The card Files of a build's page: what was uploaded, the form that takes more, and the choice of a press."""

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from builds.models import Activity, Build, BuildRun, UploadedContext
from builds.services.builds.contexts import store_context
from builds.services.builds.edit import BuildDraft, StepDraft, create_build
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import start_run
from tests.pages.reading import Page, read
from tests.support.archives import tar_of

ARCHIVE = tar_of(Dockerfile=b"FROM busybox\nCOPY . /\n", note__txt=b"the note\n")
ESCAPING = tar_of(**{"../evil": b"x"})


@pytest.fixture
def send(as_, build):
    """Send the form of the card, as a browser without scripts does."""

    def post(caller, content: bytes | None = ARCHIVE, name: str = "files.tar", **headers: str):
        fields = {} if content is None else {"dataFile": SimpleUploadedFile(name, content)}
        return as_(caller).post(f"/builds/{build.pk}/context", fields, headers=headers)

    return post


@pytest.fixture
def stored(operator, build):
    """Store an archive through the service."""

    def store(content: bytes = ARCHIVE) -> UploadedContext:
        return store_context(build_id=build.pk, caller=operator, file=BytesIO(content))

    return store


def now(page: Page) -> str:
    return page.one("data-files-now").text


def offered(page: Page) -> list[str]:
    """Return the values of the choice of a press."""
    select = page.one("name", "contextSeq")
    return [e.attributes["value"] for e in page.elements if e.name == "option" and select in e.parents]


def test_an_archive_is_stored_and_told_on_the_page_and_in_activity(send, page, operator, build):
    assert "runs build from the Dockerfile alone" in now(page(f"/builds/{build.pk}", operator))
    answer = send(operator)
    assert (answer.status_code, answer["Location"]) == (302, f"/builds/{build.pk}")
    context = UploadedContext.objects.get()
    found = page(f"/builds/{build.pk}", operator)
    assert f"Uploaded by operator just now: 2 files, 10.0 KiB, sha256 {context.sha256[:12]}" in now(found)
    assert found.one("data-context", str(context.pk))
    assert Activity.objects.filter(build=build, detail__startswith=f"context {context.pk}:").count() == 1


def test_after_an_upload_a_message_is_shown_once(as_, operator, build):
    client = as_(operator)
    sent = {"dataFile": SimpleUploadedFile("files.tar", ARCHIVE)}
    assert "is stored" in read(client.post(f"/builds/{build.pk}/context", sent, follow=True)).main_text
    assert "is stored" not in read(client.get(f"/builds/{build.pk}")).main_text


@pytest.mark.parametrize(
    ("content", "words"), [(ESCAPING, "evil"), (b"no archive", "tar.gz"), (b"", "empty"), (None, "empty")]
)
def test_what_is_refused_is_told_beside_the_field_and_nothing_is_stored(send, operator, content, words):
    refused = read(send(operator, content), 400)
    assert words in refused.one("id", "dataFile-error").text
    assert "dataFile-error" in refused.one("name", "dataFile").attributes["aria-describedby"]
    assert not UploadedContext.objects.exists()


def test_more_than_the_limit_is_413_beside_the_field(send, operator, settings):
    settings.CONTEXT_LIMIT_BYTES = len(ARCHIVE) - 1
    refused = read(send(operator), 413)
    assert "BUILDHUB_CONTEXT_LIMIT_MB" in refused.one("id", "dataFile-error").text
    assert refused.one("data-upload").attributes["data-too-large"] in refused.one("id", "dataFile-error").text
    assert not UploadedContext.objects.exists()


def test_the_script_gets_the_sentence_alone(send, operator):
    own = {"X-Requested-With": "buildhub"}
    answer = send(operator, ESCAPING, **own)
    assert (answer.status_code, answer["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert "evil" in answer.content.decode()
    assert (send(operator, **own).status_code, UploadedContext.objects.count()) == (204, 1)


def test_a_full_store_is_told_as_such(send, operator, settings):
    settings.CONTEXT_STORE_BYTES = 100
    assert "BUILDHUB_CONTEXT_STORE_MB" in read(send(operator), 409).main_text


def test_a_viewer_sees_what_was_uploaded_and_no_form_and_may_not_send(send, page, viewer, build, stored):
    assert "hidden" in page(f"/builds/{build.pk}", viewer).one("data-files").attributes
    assert send(viewer).status_code == 403
    assert not UploadedContext.objects.exists()
    stored()
    found = page(f"/builds/{build.pk}", viewer)
    assert "hidden" not in found.one("data-files").attributes
    assert "2 files" in now(found)
    assert not found.with_("data-upload")


def test_a_stranger_is_told_of_nothing(send, stranger):
    assert send(stranger).status_code == 404


def test_without_the_forms_token_nothing_is_taken(operator, build):
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator.user)
    sent = {"dataFile": SimpleUploadedFile("files.tar", ARCHIVE)}
    assert client.post(f"/builds/{build.pk}/context", sent).status_code == 403
    assert not UploadedContext.objects.exists()


def test_the_part_of_the_card_is_answered_for_the_script(page, operator, build, stored):
    context = stored()
    part = page(f"/builds/{build.pk}?part=files", operator, **{"X-Requested-With": "buildhub"})
    assert part.one("data-context", str(context.pk))
    assert offered(part) == ["", str(context.pk)]


def test_a_press_offers_the_last_five_uploads_and_none_where_there_are_none(page, operator, build, stored):
    assert not page(f"/builds/{build.pk}", operator).with_("name", "contextSeq")
    contexts = [stored().pk for _ in range(6)]
    assert offered(page(f"/builds/{build.pk}", operator)) == ["", *(str(pk) for pk in reversed(contexts[1:]))]


@pytest.mark.parametrize("chosen", [None, 0, 1])
def test_a_press_takes_the_newest_upload_or_the_one_that_was_chosen(as_, operator, build, stored, chosen):
    uploads = [stored(), stored()]
    sent = {"contextSeq": "" if chosen is None else str(uploads[chosen].pk)}
    assert as_(operator).post(f"/builds/{build.pk}/run", sent).status_code == 302
    assert BuildRun.objects.get().context == uploads[-1 if chosen is None else chosen]


@pytest.mark.parametrize("chosen", ["x", "999999"])
def test_an_upload_that_is_not_there_is_refused_beside_the_choice(as_, operator, build, stored, chosen):
    stored()
    refused = read(as_(operator).post(f"/builds/{build.pk}/run", {"contextSeq": chosen}), 400)
    assert refused.one("id", "contextSeq-error").text
    assert not BuildRun.objects.exists()


def test_the_page_of_a_run_tells_its_upload_while_it_is_there(page, operator, build, stored):
    context = stored()
    run = start_run(build_id=build.pk, caller=operator, ask=RunAsk())
    assert f"upload {context.pk}, 2 files, by operator" in page(f"/runs/{run.pk}", operator).one("data-context").text
    BuildRun.objects.update(context=None)
    assert not page(f"/runs/{run.pk}", operator).with_("data-context")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"docker_file_type": "FILE_PATH", "docker_file_path": "Dockerfile"}, "runs need the Dockerfile and its files"),
        ({"docker_file": "FROM busybox"}, "runs build from the Dockerfile alone"),
    ],
)
def test_without_an_upload_it_is_told_what_runs_are_built_from(page, operator, config, words):
    draft = BuildDraft(image_name="x", tag_name="1", steps=(StepDraft("CREATE_IMAGE", config=config),))
    build: Build = create_build(caller=operator, draft=draft)
    assert words in now(page(f"/builds/{build.pk}", operator))


@pytest.mark.parametrize(
    ("use", "words"), [(True, "from what their other steps bring"), (False, "the Dockerfile and its")]
)
def test_with_steps_that_work_in_the_workspace_runs_are_built_from_what_these_bring(page, operator, use, words):
    config = {"docker_file_type": "FILE_PATH", "docker_file_path": "Dockerfile"}
    shell = StepDraft("SHELL", order=1, use=use, config={"shell_type": "COMMAND", "command": "true"})
    steps = (shell, StepDraft("CREATE_IMAGE", order=2, config=config))
    build: Build = create_build(caller=operator, draft=BuildDraft(image_name="x", tag_name="1", steps=steps))
    assert words in now(page(f"/builds/{build.pk}", operator))
