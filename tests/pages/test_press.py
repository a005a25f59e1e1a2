"""Build with parameters, push again, export and import: what the pages add to a press."""

import io
import json
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from builds.credentials import decrypt_fields
from builds.models import Build, BuildRun
from builds.services.builds.edit import BuildDraft, StepDraft, create_build
from tests.pages import making
from tests.pages.reading import read
from tests.pages.test_actions import banner
from tests.pages.test_safety import EVIL

CODE = {"repository_type": "GIT", "repository_url": "git.example/team/app.git", "protocol_type": "https",
        "common_type": "PRIVATE", "user_id": "robot", "password": "the-one-canary", "branch_name": "main"}  # fmt: skip
IMAGE = {"docker_file_type": "CONTENTS", "docker_file": making.DOCKERFILE,
         "build_args": [{"key": "VERSION", "value": "1.0"}, {"key": "MODE", "value": "fast"}]}  # fmt: skip


@pytest.fixture
def parametrised(operator) -> Build:
    """A build with code, a shell step out of use, and two build arguments."""
    steps = (
        StepDraft("CODE_DOWN", order=1, config=CODE),
        StepDraft("SHELL", order=2, use=False, config={"shell_type": "COMMAND", "command": "make test"}),
        StepDraft("CREATE_IMAGE", order=3, config=IMAGE),
    )
    draft = BuildDraft(image_name="app", auto_tag=True, auto_tag_prefix="v", auto_tag_sequence="SEQUENCE", steps=steps)
    return create_build(caller=operator, draft=draft)


@pytest.fixture
def arguments(operator) -> Build:
    """A build with build arguments that this version executes."""
    return create_build(
        caller=operator,
        draft=BuildDraft(image_name="args", tag_name="1", steps=(StepDraft("CREATE_IMAGE", config=IMAGE),)),
    )


def values(page) -> dict[str, str]:
    """Return what a browser would send of a page's fields."""
    sent: dict[str, str] = {}
    for element in page.with_("name"):
        kind, name = element.attributes.get("type", element.name), element.attributes["name"]
        if kind in ("radio", "checkbox") and "checked" not in element.attributes:
            continue
        if kind == "textarea":
            sent[name] = "".join(element.texts).removeprefix("\n")
        elif kind == "select":
            chosen = [e for e in page.with_("selected") if element in e.parents]
            sent[name] = chosen[0].attributes["value"]
        elif kind not in ("meta", "file"):
            sent[name] = element.attributes.get("value", "")
    return sent


def test_the_form_offers_what_the_build_allows_and_one_build_button_carries_the_action(page, operator, parametrised):
    found = page(f"/builds/{parametrised.pk}", operator)
    fields = values(found)
    assert (fields["buildArg:VERSION"], fields["buildArg:MODE"]) == ("1.0", "fast")
    assert {"branchName", "description", "callbackUrl"} <= fields.keys()
    assert len(found.with_("data-action", "BUILD")) == 1
    assert "open" not in found.one("data-press").attributes


def test_a_build_without_code_offers_no_branch_and_a_viewer_no_form(page, operator, viewer, build):
    assert "branchName" not in values(page(f"/builds/{build.pk}", operator))
    assert not page(f"/builds/{build.pk}", viewer).with_("data-press")


def test_parameters_reach_the_run_and_its_page_and_the_build_stays(as_, page, operator, arguments):
    sent = {"description": "hot fix", "noCache": "true", "buildArg:VERSION": "2.0", "buildArg:MODE": "fast"}
    answer = as_(operator).post(f"/builds/{arguments.pk}/run", sent)
    run = BuildRun.objects.get()
    assert answer["Location"] == f"/runs/{run.pk}"
    assert run.definition.to_json()["parameters"] == {
        "no_cache": True,
        "build_args": [{"key": "VERSION", "value": "2.0"}],
    }
    said = [e.text.replace(" ", "") for e in page(f"/runs/{run.pk}", operator).with_("data-parameter")]
    assert said == ["Cachenotused", "ArgumentVERSION2.0"]
    assert "hot fix" in page(f"/runs/{run.pk}", operator).main_text
    assert arguments.steps.get().config["build_args"][0]["value"] == "1.0"


@pytest.mark.parametrize(
    ("field", "value"),
    [("callbackUrl", "ftp://receiver.example/"), ("branchName", "a..b"), ("description", "x" * 1001)],
)
def test_a_refused_parameter_stands_beside_its_field_in_the_open_form(as_, operator, parametrised, field, value):
    page = read(as_(operator).post(f"/builds/{parametrised.pk}/run", {field: value, "noCache": "true"}), 400)
    assert "open" in page.one("data-press").attributes
    assert page.one("id", f"{field}-error").text
    assert page.one("id", field).attributes["value"] == value
    assert "checked" in page.one("name", "noCache").attributes
    assert not BuildRun.objects.exists()


def test_a_done_run_is_pushed_again_by_a_plain_form_that_is_no_action(as_, page, operator, build):
    run = making.done_run(build, operator)
    (button,) = [e for e in page(f"/runs/{run.pk}", operator).elements if e.name == "button" and "Push again" in e.text]
    assert "data-action" not in button.attributes
    answer = as_(operator).post(f"/runs/{run.pk}/push")
    again = BuildRun.objects.latest("pk")
    assert answer["Location"] == f"/runs/{again.pk}"
    found = page(f"/runs/{again.pk}", operator)
    assert "run #1 again" in found.main_text
    assert f"/runs/{run.pk}" in {e.attributes.get("href") for e in found.elements}


def test_push_again_is_offered_just_where_a_press_of_it_is_accepted(as_, page, operator, build):
    done = making.done_run(build, operator)
    active = making.running_run(build, operator)
    for taken in (True, False):
        if not taken:
            BuildRun.objects.filter(pk=active.pk).delete()
        offered = "Push again" in page(f"/runs/{done.pk}", operator).main_text
        answer = as_(operator).post(f"/runs/{done.pk}/push")
        assert (offered, answer.status_code) == ((False, 409) if taken else (True, 302))


def test_push_again_is_not_offered_where_it_is_refused(as_, page, operator, viewer, stranger, build):
    failed, done = making.failed_run(build, operator), making.done_run(build, operator)
    assert "Push again" not in page(f"/runs/{failed.pk}", operator).main_text
    assert "Push again" not in page(f"/runs/{done.pk}", viewer).main_text
    assert "press Build instead" in banner(read(as_(operator).post(f"/runs/{failed.pk}/push"), 409))
    assert as_(viewer).post(f"/runs/{done.pk}/push").status_code == 403
    assert as_(stranger).post(f"/runs/{done.pk}/push").status_code == 404
    assert build.runs.count() == 2


def test_a_password_in_a_callback_address_is_not_shown_again(as_, operator, build):
    sent = {"callbackUrl": "https://a.example/|https://robot:the-one-canary@b.example/"}
    refused = read(as_(operator).post(f"/builds/{build.pk}/run", sent), 400)
    assert "the-one-canary" not in refused.html
    assert refused.one("id", "callbackUrl").attributes["value"] == "https://a.example/|https://b.example/"


def exported(client, run) -> bytes:
    """Return the zip of a run."""
    answer = client.get(f"/runs/{run.pk}/export")
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    return answer.content


def filled(client, content: bytes, status: int = 200):
    """Upload a file; return the page that follows."""
    return read(client.post("/builds/import", {"dataFile": SimpleUploadedFile("a.zip", content)}), status)


def test_an_exported_run_fills_the_form_and_creates_an_equal_build_without_secrets(as_, operator, parametrised):
    client = as_(operator)
    client.post(f"/builds/{parametrised.pk}/run")
    content = exported(client, parametrised.runs.get())
    assert b"the-one-canary" not in zipfile.ZipFile(io.BytesIO(content)).read("build.json")
    page = filled(client, content)
    assert [e.attributes["data-step-kind"] for e in page.with_("data-step-kind")] == ["Code download", "Shell"]
    fields = values(page)
    assert (fields["imageName"], fields["autotagPrefix"]) == ("app", "v")
    assert Build.objects.count() == 1
    refused = read(client.post("/builds/new", fields | {"imageName": "copy", "autotagUseYn": "Y"}), 400)
    assert "password" in refused.main_text  # the export holds no secrets, and a private source needs one
    assert values(refused)["imported"] == fields["imported"]


def test_an_import_keeps_the_steps_and_arguments_that_the_form_has_no_field_for(as_, operator, parametrised):
    client = as_(operator)
    step = parametrised.steps.get(step_type="CODE_DOWN")
    step.config |= {"common_type": "COMMON"}
    step.secrets_encrypted = ""
    step.save()
    client.post(f"/builds/{parametrised.pk}/run")
    fields = values(filled(client, exported(client, parametrised.runs.get())))
    sent = fields | {"imageName": "copy", "autotagUseYn": "Y", "dockerFileType": "CONTENTS", "dockerFile": "FROM other"}
    assert client.post("/builds/new", sent).status_code == 302
    copy = Build.objects.get(image_name="copy")
    assert [s.step_type for s in copy.steps.order_by("order")] == ["CODE_DOWN", "SHELL", "CREATE_IMAGE"]
    image = copy.steps.get(step_type="CREATE_IMAGE").config
    assert (image["docker_file"], image["build_args"]) == ("FROM other", IMAGE["build_args"])
    assert copy.steps.get(step_type="CODE_DOWN").config["repository_url"] == step.config["repository_url"]


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_export_is_refused_with_its_sentence(as_, operator, content):
    assert banner(filled(as_(operator), content, 400))


def test_an_address_in_a_file_with_its_scheme_is_shown_as_it_was_written(as_, operator):
    code = {"repositoryUrl": "https://git.example/a.git"}
    image = {"dockerFileType": "FILE_PATH", "dockerFilePath": "a/Dockerfile"}
    steps = [
        {"stepType": "CODE_DOWN", "buildStepConfig": code},
        {"stepType": "CREATE_IMAGE", "buildStepConfig": image},
    ]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        definition = {"format": "buildhub-build", "version": 1, "build": {"buildSteps": steps}}
        archive.writestr("build.json", json.dumps(definition))
    assert values(filled(as_(operator), packed.getvalue()))["repositoryUrl"] == "https://git.example/a.git"


def test_a_viewer_imports_nothing(as_, viewer):
    assert as_(viewer).post("/builds/import").status_code == 403


NO_CARRIED = [
    *("{", "[]", '{"buildSteps": 1}', '{"buildSteps": [1, {"stepType": "DELETE"}]}', "[" * 5000),
    json.dumps({"buildSteps": [{"stepType": "SHELL"}], "buildServerHost": 5}),
    json.dumps({"buildSteps": [{"stepType": []}, {"stepType": {}}]}),
    json.dumps({"buildSteps": [{"stepType": "SHELL", "buildStepConfig": {"command": "\ud800"}}]}),
    '{"buildSteps": [{"stepType": "SHELL", "useFlag": false, "buildStepConfig": {"command": 1e999}}]}',
]


@pytest.mark.parametrize("carried", NO_CARRIED)
def test_a_broken_carried_part_breaks_nothing(as_, operator, carried):
    sent = {"imageName": "x", "dockerFile": "FROM scratch", "autotagUseYn": "N", "tagName": "1", "imported": carried}
    assert as_(operator).post("/builds/new", sent).status_code in (302, 400)


def kept_steps(build: Build) -> dict[int, tuple[object, object, bool]]:
    """Return what is stored of the steps that the form does not edit."""
    steps = build.steps.exclude(step_type="CREATE_IMAGE").order_by("order")
    return {step.pk: (step.config, decrypt_fields(step.secrets_encrypted), step.use) for step in steps}


def test_editing_shows_the_other_steps_and_keeps_them_with_their_secrets(as_, page, operator, parametrised):
    before = kept_steps(parametrised)
    found = page(f"/builds/{parametrised.pk}/edit", operator)
    assert [e.attributes["data-step-kind"] for e in found.with_("data-step-kind")] == ["Code download", "Shell"]
    assert "the-one-canary" not in found.html
    assert found.with_("href", f"/builds/{parametrised.pk}/steps")
    sent = values(found) | {"autotagUseYn": "Y", "dockerFileType": "CONTENTS", "dockerFile": "FROM changed"}
    assert as_(operator).post(f"/builds/{parametrised.pk}/edit", sent).status_code == 302
    assert kept_steps(parametrised) == before
    assert [secrets for _, secrets, _ in before.values()] == [{"password": "the-one-canary"}, {}]
    assert parametrised.steps.get(step_type="CREATE_IMAGE").config["docker_file"] == "FROM changed"


def test_a_dockerfile_from_a_file_stays_one_when_the_form_is_saved(as_, page, operator, parametrised):
    step = parametrised.steps.get(step_type="CREATE_IMAGE")
    step.config |= {"docker_file_type": "FILE_PATH", "docker_file_path": "app/Dockerfile", "docker_file": None}
    step.save()
    found = page(f"/builds/{parametrised.pk}/edit", operator)
    assert found.one("id", "dockerFilePath").attributes["value"] == "app/Dockerfile"
    sent = values(found) | {"autotagUseYn": "Y", "dockerFileType": "FILE_PATH", "dockerFilePath": "other/Dockerfile"}
    assert as_(operator).post(f"/builds/{parametrised.pk}/edit", sent).status_code == 302
    step.refresh_from_db()
    assert (step.config["docker_file_type"], step.config["docker_file_path"]) == ("FILE_PATH", "other/Dockerfile")


def test_values_of_parameters_become_no_markup(as_, page, operator, arguments):
    as_(operator).post(f"/builds/{arguments.pk}/run", {"description": EVIL, "buildArg:VERSION": EVIL})
    html = page(f"/runs/{BuildRun.objects.get().pk}", operator).html
    assert "<script>alert" not in html
    assert "<img src=x" not in html
