"""The form's choice of the source: a Dockerfile that is typed, a git repository, or both."""

import pytest

from builds.credentials import decrypt_fields
from builds.models import Build, BuildStep
from builds.services.builds.edit import BuildDraft, StepDraft, create_build
from tests.pages.reading import Page, read
from tests.pages.test_forms import FIELDS
from tests.pages.test_press import exported, filled, values

CANARY = "the-one-canary"
REPOSITORY = FIELDS | {
    "source": "REPOSITORY",
    "repositoryUrl": "https://git.example/team/app.git",
    "branchName": "release/1",
    "commonType": "COMMON",
    "dockerFilePath": "docker/Dockerfile",
    "contextPath": ".",
    "dockerFile": "",
}
PRIVATE = REPOSITORY | {"commonType": "PRIVATE", "userId": "robot", "password": CANARY}
CODE = {"repository_url": "https://git.example/team/app.git", "common_type": "COMMON"}
BY_PATH = {"docker_file_type": "FILE_PATH", "docker_file_path": "app/Dockerfile"}


@pytest.fixture
def save(as_, operator):
    """Send the form of a new build, or of one that is there."""

    def send(fields: dict[str, str], build: Build | None = None) -> Build:
        path = f"/builds/{build.pk}/edit" if build else "/builds/new"
        answer = as_(operator).post(path, fields)
        assert answer.status_code == 302, answer.content.decode()
        return Build.objects.get(pk=answer["Location"].rpartition("/")[2])

    return send


@pytest.fixture
def made(operator):
    """Create a build of these steps through the services."""

    def create(*steps: StepDraft) -> Build:
        return create_build(caller=operator, draft=BuildDraft(image_name="made", tag_name="1", steps=steps))

    return create


def code_of(build: Build) -> BuildStep:
    return build.steps.get(step_type="CODE_DOWN")


def image_of(build: Build) -> BuildStep:
    return build.steps.get(step_type="CREATE_IMAGE")


def chosen(page: Page) -> str:
    return values(page)["source"]


def test_a_repository_becomes_a_code_download_and_an_image_by_path(save):
    build = save(REPOSITORY)
    code, image = code_of(build), image_of(build)
    assert (code.order, image.order, code.use) == (1, 2, True)
    assert (code.config["protocol_type"], code.config["repository_url"]) == ("https", "git.example/team/app.git")
    assert (code.config["branch_name"], code.config["code_save_dir"]) == ("release/1", "app")
    assert (image.config["docker_file_type"], image.config["docker_file_path"]) == (
        "FILE_PATH",
        "app/docker/Dockerfile",
    )
    assert image.config["context_path"] == "app"


def test_the_form_shows_what_was_typed_and_paths_within_the_repository(save, page, operator):
    build = save(REPOSITORY)
    shown = values(page(f"/builds/{build.pk}/edit", operator))
    names = ("source", "repositoryUrl", "branchName", "commonType", "dockerFilePath", "contextPath")
    assert {name: shown[name] for name in names} == {name: REPOSITORY[name] for name in names}


@pytest.mark.parametrize(
    ("typed", "protocol", "stored"),
    [
        ("git@git.example:team/app.git", "ssh", "git@git.example:team/app.git"),
        ("ssh://git@git.example:2222/team/app.git", "ssh", "git@git.example:2222/team/app.git"),
        ("http://git.example/team/app", "http", "git.example/team/app"),
    ],
)
def test_every_way_to_write_an_address_comes_back_as_it_was_typed(save, page, operator, typed, protocol, stored):
    build = save(REPOSITORY | {"repositoryUrl": f" {typed} "})
    config = code_of(build).config
    assert (config["protocol_type"], config["repository_url"], config["code_save_dir"]) == (protocol, stored, "app")
    assert page(f"/builds/{build.pk}/edit", operator).one("id", "repositoryUrl").attributes["value"] == typed


def test_an_address_without_a_scheme_is_reached_by_https(save):
    assert code_of(save(REPOSITORY | {"repositoryUrl": "git.example/app"})).config["protocol_type"] == "https"


@pytest.mark.parametrize(
    ("path", "context", "stored"),
    [
        ("", "", ("app/Dockerfile", None)),
        ("/Dockerfile", "./", ("app/Dockerfile", "app")),
        ("./a/Dockerfile", "a", ("app/a/Dockerfile", "app/a")),
    ],
)
def test_paths_are_within_the_repository(save, path, context, stored):
    config = image_of(save(REPOSITORY | {"dockerFilePath": path, "contextPath": context})).config
    assert (config["docker_file_path"], config.get("context_path")) == stored


def test_another_repository_brings_its_own_folder_and_a_chosen_one_stays(save):
    build = save(REPOSITORY)
    other = REPOSITORY | {"repositoryUrl": "https://git.example/team/other.git"}
    save(other, build)
    assert code_of(build).config["code_save_dir"] == "other"
    assert image_of(build).config["docker_file_path"] == "other/docker/Dockerfile"
    step, image = code_of(build), image_of(build)
    step.config |= {"code_save_dir": "src/it"}
    step.save()
    image.config |= {"docker_file_path": "src/it/Dockerfile", "context_path": None}
    image.save()
    save(REPOSITORY, build)
    assert code_of(build).config["code_save_dir"] == "src/it"
    assert image_of(build).config["docker_file_path"] == "src/it/docker/Dockerfile"


def test_a_typed_dockerfile_may_take_its_files_from_a_repository(save, page, operator):
    build = save(REPOSITORY | {"source": "BOTH", "dockerFile": "FROM busybox\nCOPY . /\n", "contextPath": ""})
    assert (image_of(build).config["docker_file_type"], code_of(build).use) == ("CONTENTS", True)
    found = page(f"/builds/{build.pk}/edit", operator)
    assert chosen(found) == "BOTH"
    assert found.one("name", "dockerFile").text.startswith("FROM busybox")


def test_back_to_a_typed_dockerfile_the_repository_is_out_of_use_and_not_lost(save, page, operator):
    build = save(PRIVATE)
    save(FIELDS | {"source": "HERE"}, build)
    code = code_of(build)
    assert (code.use, code.config["repository_url"]) == (False, "git.example/team/app.git")
    assert decrypt_fields(code.secrets_encrypted) == {"password": CANARY}
    image = image_of(build).config
    assert (image["docker_file_type"], "context_path" in image) == ("CONTENTS", False)
    shown = values(page(f"/builds/{build.pk}/edit", operator))
    assert (shown["source"], shown["repositoryUrl"]) == ("HERE", PRIVATE["repositoryUrl"])
    assert shown["dockerFilePath"] == PRIVATE["dockerFilePath"]
    save(shown | REPOSITORY | {"commonType": "PRIVATE", "userId": "robot", "password": ""}, build)
    assert code_of(build).use is True
    assert image_of(build).config["docker_file_path"] == "app/docker/Dockerfile"


def test_a_stored_secret_is_kept_while_empty_never_shown_and_forgotten_with_the_address(save, as_, page, operator):
    build = save(PRIVATE)
    found = page(f"/builds/{build.pk}/edit", operator)
    assert CANARY not in found.html
    assert "One is kept" in found.one("id", "password-hint").text
    save(PRIVATE | {"password": "", "branchName": "next"}, build)
    assert decrypt_fields(code_of(build).secrets_encrypted) == {"password": CANARY}
    moved = PRIVATE | {"password": "", "repositoryUrl": "https://evil.example/team/app.git"}
    refused = read(as_(operator).post(f"/builds/{build.pk}/edit", moved), 400)
    assert refused.one("id", "password-error").text
    assert decrypt_fields(code_of(build).secrets_encrypted) == {"password": CANARY}


def test_a_typed_secret_is_not_sent_back_with_a_refused_form(as_, operator):
    typed = PRIVATE | {"imageName": "Not OK", "privateKey": f"-----BEGIN {CANARY}"}
    refused = read(as_(operator).post("/builds/new", typed), 400)
    assert CANARY not in refused.html
    assert "type it once more" in refused.one("id", "password-hint").text
    assert "type it once more" in refused.one("id", "privateKey-hint").text
    assert refused.one("id", "userId").attributes["value"] == "robot"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"repositoryUrl": ""}, "repositoryUrl"),
        ({"repositoryUrl": "ftp://git.example/app"}, "repositoryUrl"),
        ({"repositoryUrl": "https://user:secret@git.example/app"}, "repositoryUrl"),
        ({"repositoryUrl": "https://git.example"}, "repositoryUrl"),
        ({"branchName": "a b"}, "branchName"),
        ({"dockerFilePath": "../Dockerfile"}, "dockerFilePath"),
        ({"dockerFilePath": "docker/"}, "dockerFilePath"),
        ({"contextPath": "a/../.."}, "contextPath"),
        ({"commonType": "x"}, "commonType"),
        ({"userId": ""}, "userId"),
        ({"password": ""}, "password"),
        ({"privateKey": "-----BEGIN"}, "privateKey"),
        ({"knownHosts": "\x07"}, "knownHosts"),
    ],
)
def test_what_is_refused_of_a_repository_stands_beside_its_field(as_, operator, changes, field):
    refused = read(as_(operator).post("/builds/new", PRIVATE | changes), 400)
    assert refused.one("id", f"{field}-error").text
    assert [e.attributes["href"] for e in refused.with_("href", f"#{field}")] == [f"#{field}"]
    assert not Build.objects.exists()


def test_what_signs_in_is_not_asked_of_a_public_repository(save):
    build = save(PRIVATE | {"commonType": "COMMON", "privateKey": "-----BEGIN"})
    assert code_of(build).secrets_encrypted == ""


@pytest.mark.parametrize(
    "steps",
    [
        (StepDraft("CODE_DOWN", config=CODE), StepDraft("SHELL", config={"command": "true"})),
        (StepDraft("CODE_DOWN", config=CODE), StepDraft("CODE_DOWN", config=CODE | {"code_save_dir": "more"})),
        (StepDraft("CODE_DOWN", config=CODE | {"code_save_dir": "elsewhere"}),),
    ],
)
def test_steps_that_the_form_cannot_show_are_kept_and_told_in_words(save, made, page, operator, steps):
    build = made(*steps, StepDraft("CREATE_IMAGE", config=BY_PATH))
    before = list(build.steps.order_by("order").values())
    found = page(f"/builds/{build.pk}/edit", operator)
    assert len(found.with_("data-step-kind")) == len(steps)
    assert not found.with_("name", "source")
    assert found.one("id", "dockerFilePath").attributes["value"] == "app/Dockerfile"
    save(values(found), build)
    assert list(build.steps.order_by("order").values()) == before


def test_what_the_form_has_no_field_for_stays_in_its_steps(save, made, page, operator):
    code = StepDraft("CODE_DOWN", config=CODE | {"step_title": "Get it"})
    build = made(code, StepDraft("CREATE_IMAGE", config=BY_PATH | {"target": "run"}))
    save(values(page(f"/builds/{build.pk}/edit", operator)), build)
    assert (code_of(build).config["step_title"], image_of(build).config["target"]) == ("Get it", "run")


def test_an_exported_build_with_a_repository_fills_the_form(save, as_, operator):
    build = save(REPOSITORY | {"submodules": "Y"})
    client = as_(operator)
    client.post(f"/builds/{build.pk}/run")
    fields = values(filled(client, exported(client, build.runs.get())))
    copy = save(fields | {"imageName": "copy"})
    assert code_of(copy).config == code_of(build).config
    assert image_of(copy).config == image_of(build).config | {"step_title": "Build & Push"}


def test_a_password_in_the_address_is_refused_and_not_shown_again(as_, operator):
    fields = REPOSITORY | {"repositoryUrl": f"https://ada:{CANARY}@git.example/team/app.git"}
    answer = as_(operator).post("/builds/new", fields)
    page = read(answer, 400)
    assert CANARY not in answer.content.decode()
    assert values(page)["repositoryUrl"] == "https://git.example/team/app.git"
    assert "Leave user and password out of the repository" in page.main_text


UPLOADED = FIELDS | {"source": "UPLOAD", "dockerFile": "", "dockerFilePath": "", "contextPath": ""}


@pytest.mark.parametrize(
    ("path", "context", "stored"),
    [("", "", ("Dockerfile", None)), ("app/Dockerfile", "app", ("app/Dockerfile", "app"))],
)
def test_uploaded_files_are_an_image_by_path_and_no_code_download(save, page, operator, path, context, stored):
    build = save(UPLOADED | {"dockerFilePath": path, "contextPath": context})
    (image,) = build.steps.exclude(step_type="INIT")
    assert (image.step_type, image.config["docker_file_type"]) == ("CREATE_IMAGE", "FILE_PATH")
    assert (image.config["docker_file_path"], image.config.get("context_path")) == stored
    shown = values(page(f"/builds/{build.pk}/edit", operator))
    assert (shown["source"], shown["dockerFilePath"], shown["contextPath"]) == ("UPLOAD", stored[0], context)


def test_from_a_repository_to_uploaded_files_the_repository_is_out_of_use_and_not_lost(save, page, operator):
    build = save(PRIVATE)
    save(UPLOADED, build)
    assert (code_of(build).use, image_of(build).config["docker_file_path"]) == (False, "Dockerfile")
    assert decrypt_fields(code_of(build).secrets_encrypted) == {"password": CANARY}
    assert chosen(page(f"/builds/{build.pk}/edit", operator)) == "UPLOAD"
    assert PRIVATE["repositoryUrl"] not in page(f"/builds/{build.pk}", operator).one("id", "source").text


def test_a_path_that_leaves_the_uploaded_files_is_refused_beside_its_field(as_, operator):
    refused = read(as_(operator).post("/builds/new", UPLOADED | {"dockerFilePath": "../Dockerfile"}), 400)
    assert refused.one("id", "dockerFilePath-error").text
