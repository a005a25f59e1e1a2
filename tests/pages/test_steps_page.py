"""The page on which all steps of a build are edited: kinds, errors at their lines, secrets, order."""

import json

import pytest

from builds.contract.configs import CONFIGS, StepConfig
from builds.domain.states import StepType
from builds.domain.steps.kinds import KINDS, MOST_STEPS
from builds.models import Activity, BuildServer, Did
from builds.pages.step_kinds_form import FIELDS
from builds.services.builds.edit import StepDraft
from tests.pages.reading import read
from tests.pages.steps_page import (
    CANARY,
    HTTP,
    IMAGE,
    SHELL,
    added,
    address,
    made,
    made_of,
    said,
    saved,
    secrets,
    sent,
    stored,
)
from tests.pages.test_forms import API_WORDS
from tests.pages.test_press import values

TYPED = {
    "USER_TASK": {
        "imageName": "registry.example/team/maven",
        "imageTag": "3.9",
        "cmd": "mvn\r\n\r\n -B\r\npackage\r\n",
        "workingDir": "app",
        "envs": "MODE=fast=1\r\nEMPTY=",
        "dockerVolumeMountVOList": "/srv/cache:/cache",
    },
    "SHELL": {"shellType": "SCRIPT", "command": "set -x\r\nmake dist\r\n"},
    "HTTP": {
        "httpMode": "POST",
        "url": "https://example.com/hook?a=1",
        "customHeaders": "X-Token: a b\r\nAccept: */*",
        "requestBody": "{}",
        "username": "robot",
        "password": CANARY,
        "timeout": "30",
        "validResponseCodes": "200:299,404",
        "validResponseContent": "ok",
        "outputFile": "out/answer.json",
        "ignoreSslErrors": "Y",
        "consoleLogResponseBody": "Y",
    },
    "FTP": {
        "ftpExecType": "FTP_UPLOAD",
        "ftpType": "SFTP",
        "url": "sftp://files.example.com",
        "remoteDirectory": "/incoming",
        "sourceFiles": "target/*.jar, dist/*",
        "username": "robot",
        "password": CANARY,
    },
}
STORED = {
    "USER_TASK": {
        "image_name": "registry.example/team/maven",
        "image_tag": "3.9",
        "cmd": ["mvn", " -B", "package"],
        "working_dir": "app",
        "envs": [{"key": "MODE", "value": "fast=1"}, {"key": "EMPTY", "value": ""}],
        "docker_volume_mount_vo_list": [{"host_path": "/srv/cache", "container_path": "/cache"}],
    },
    "SHELL": {"shell_type": "SCRIPT", "command": "set -x\nmake dist\n"},
    "HTTP": {
        "http_mode": "POST",
        "url": "https://example.com/hook?a=1",
        "custom_headers": [{"name": "X-Token", "value": "a b"}, {"name": "Accept", "value": "*/*"}],
        "request_body": "{}",
        "username": "robot",
        "timeout": 30,
        "valid_response_codes": "200:299,404",
        "valid_response_content": "ok",
        "output_file": "out/answer.json",
        "ignore_ssl_errors": True,
        "console_log_response_body": True,
    },
    "FTP": {
        "ftp_exec_type": "FTP_UPLOAD",
        "ftp_type": "SFTP",
        "url": "sftp://files.example.com",
        "remote_directory": "/incoming",
        "source_files": "target/*.jar, dist/*",
        "username": "robot",
    },
}


@pytest.fixture
def client(as_, operator):
    BuildServer.objects.update(allowed_host_paths=["/srv"])
    return as_(operator)


def test_the_page_has_every_field_of_every_kind_that_is_edited_here():
    assert FIELDS.keys() == KINDS.keys() - {StepType.CREATE_IMAGE}
    by_the_address = {"protocolType", "repositoryType"}
    for kind, form in FIELDS.items():
        known = CONFIGS[kind]().fields.keys() - StepConfig().fields.keys()
        assert form.base_fields.keys() == known - by_the_address, kind


@pytest.mark.parametrize("kind", TYPED)
def test_a_step_of_each_kind_is_made_shown_again_and_kept_by_a_save_that_changes_nothing(client, build, kind):
    fields = sent(added(client, build, kind))
    assert build.steps.count() == 1
    typed = {f"steps-1-{name}": value for name, value in TYPED[kind].items()}
    answer = client.post(address(build), fields | typed | {"steps-1-stepTitle": "Mine", "steps-1-stepDesc": "why"})
    assert (answer.status_code, answer["Location"]) == (302, f"/builds/{build.pk}")
    step, image = stored(build)
    assert (step.step_type, step.order, image.order) == (kind, 1, 2)
    assert step.config == STORED[kind] | {"step_title": "Mine", "step_desc": "why"}
    assert secrets(step) == ({"password": CANARY} if "password" in TYPED[kind] else {})
    page = read(client.get(address(build)))
    assert CANARY not in page.html
    shown = {name: values(page).get(f"steps-0-{name}") for name in TYPED[kind] if name != "password"}
    assert shown == {name: tidied(TYPED[kind][name]) for name in shown}
    saved(client, build)
    assert [(one.config, secrets(one)) for one in stored(build)] == [
        (step.config, secrets(step)),
        (image.config, secrets(image)),
    ]


def tidied(typed: str) -> str:
    """Return what a field shows of what was typed: without empty lines where it is a list, with the API's line ends."""
    text = typed.replace("\r\n", "\n")
    return text.replace("\n\n", "\n").rstrip("\n") if typed.startswith("mvn") else text


def test_what_is_changed_is_stored_and_what_is_emptied_is_none(client, operator):
    build = made(operator, ("HTTP", HTTP | {"timeout": 30, "custom_headers": [{"name": "A", "value": "1"}]}))
    saved(client, build, steps_0_timeout="", steps_0_customHeaders="", steps_0_httpMode="PUT", steps_0_stepTitle="Tell")
    step = stored(build)[0]
    assert step.config == {
        "http_mode": "PUT",
        "url": HTTP["url"],
        "username": "robot",
        "step_title": "Tell",
    }
    assert secrets(step) == {"password": CANARY}
    assert Activity.objects.filter(did=Did.EDIT_BUILD, build=build).exists()


def test_errors_stand_all_at_once_beside_their_fields_with_what_was_typed_and_no_secret(client, operator):
    build = made(operator, ("HTTP", HTTP), ("USER_TASK", STORED["USER_TASK"]), ("SHELL", SHELL))
    wrong = {
        "steps-0-url": f"https://me:{CANARY}@example.com/",
        "steps-0-password": f"{CANARY}-new",
        "steps-0-timeout": "soon",
        "steps-0-customHeaders": "A: 1\n\nB C: 2",
        "steps-1-envs": "\nGOOD=1\n1BAD=2",
        "steps-1-dockerVolumeMountVOList": "/srv/a:/a\n/etc:/b",
        "steps-2-command": " ",
        "steps-3-stepOrder": "x",
    }
    page = read(client.post(address(build), sent(read(client.get(address(build)))) | wrong), 400)
    assert said(page, "steps-0-url").startswith("Leave user and password out")
    assert said(page, "steps-0-timeout") == "“Time limit of the request” has to be a whole number from 1 to 3,600."
    assert said(page, "steps-0-customHeaders").startswith("Line 3: A header's name")
    assert said(page, "steps-1-envs").startswith("Line 3: A variable's name")
    assert said(page, "steps-1-dockerVolumeMountVOList").startswith("Line 2: The build server does not open")
    assert said(page, "steps-2-command").startswith("The command is empty")
    assert said(page, "steps-3-stepOrder").startswith("“Order” has to be a whole number")
    assert "7 fields need a change" in page.one("data-problems").text
    assert "Step 1, HTTP, Address: Leave user" in page.one("data-problems").text
    shown = values(page)
    assert {name: shown[name] for name in wrong if name not in ("steps-0-url", "steps-0-password")} == {
        name: value for name, value in wrong.items() if name not in ("steps-0-url", "steps-0-password")
    }
    assert shown["steps-0-url"] == "https://example.com/"
    assert CANARY not in page.html
    assert "type it once more" in page.one("id", "steps-0-password-hint").text
    assert not API_WORDS.search(page.main_text), API_WORDS.search(page.main_text)
    assert [step.config for step in stored(build)][2] == SHELL


def test_steps_are_executed_in_the_order_that_is_typed_and_taken_out_of_use_by_a_tick(client, operator):
    build = made(operator, ("SHELL", SHELL), ("HTTP", HTTP))
    shell, http, _ = (step.pk for step in stored(build))
    fields = sent(read(client.get(address(build)))) | {"steps-0-stepOrder": "9", "steps-1-stepOrder": "1"}
    del fields["steps-0-useFlag"]
    assert client.post(address(build), fields).status_code == 302
    found = [(step.pk, step.use) for step in stored(build)]
    assert (found[0], found[-1]) == ((http, True), (shell, False))
    titles = [e.text for e in read(client.get(address(build))).elements if e.name == "h2"]
    assert titles[:3] == ["Step 1, HTTP", "Step 2, Build & Push", "Step 3, Shell"]


def test_add_stores_nothing_keeps_what_was_typed_and_leads_into_the_new_step(client, operator):
    build = made(operator, ("SHELL", SHELL))
    typed = sent(read(client.get(address(build)))) | {"steps-0-command": "make test", "steps-0-stepOrder": "1"}
    page = added(client, build, "HTTP", typed)
    assert [(step.step_type, step.config.get("command")) for step in stored(build)] == [
        ("SHELL", "make"),
        ("CREATE_IMAGE", None),
    ]
    assert [e.attributes["data-step-kind"] for e in page.with_("data-step-kind")] == ["SHELL", "HTTP", "CREATE_IMAGE"]
    assert [e.attributes["name"] for e in page.with_("autofocus")] == ["steps-2-stepTitle"]
    assert not page.with_("aria-invalid")
    shown = values(page)
    assert [shown[f"steps-{row}-stepOrder"] for row in (0, 2, 1)] == ["1", "2", "3"]
    assert (shown["steps-0-command"], shown["steps-2-httpMode"], shown["steps-2-useFlag"]) == ("make test", "GET", "Y")
    again = added(client, build, "FTP", sent(page) | {"steps-2-url": f"https://me:{CANARY}@a.example/"})
    assert CANARY not in again.html
    assert [e.attributes["data-step-kind"] for e in again.with_("data-step-kind")] == [
        *("SHELL", "HTTP", "FTP", "CREATE_IMAGE")
    ]


def test_one_image_step_in_use_is_needed(client, operator):
    build = made(operator, ("SHELL", SHELL))
    fields = sent(read(client.get(address(build))))
    del fields["steps-1-useFlag"]
    page = read(client.post(address(build), fields), 400)
    assert "Steps: A build needs exactly one" in page.one("data-problems").text
    assert stored(build)[1].use


def test_an_error_of_what_the_page_has_no_field_for_says_of_which_step_it_is(client, operator):
    unused = StepDraft("CODE_DOWN", use=False, config={"branch_name": "main"})
    build = made_of(operator, unused, IMAGE)
    page = read(client.post(address(build), sent(read(client.get(address(build)))) | {"steps-0-useFlag": "Y"}), 400)
    assert "Steps 1, Repository address: " in page.one("data-problems").text


@pytest.mark.parametrize(
    "typed", [{"addType": "INIT", "add": "Y"}, {"add": "Y"}, {"steps-0-buildStepSeq": "", "steps-0-stepType": "x"}]
)
def test_a_kind_that_the_page_does_not_offer_is_none(client, build, typed):
    fields = {name: value for name, value in sent(read(client.get(address(build)))).items() if name != "addType"}
    assert client.post(address(build), fields | typed).status_code == 400


def test_those_who_may_not_edit_neither_open_nor_save_it_nor_are_led_there(as_, viewer, operator, stranger, build):
    assert address(build) in as_(operator).get(f"/builds/{build.pk}").content.decode()
    reader = as_(viewer)
    assert address(build) not in reader.get(f"/builds/{build.pk}").content.decode()
    fields = sent(read(as_(operator).get(address(build)))) | {"steps-0-stepTitle": "theirs"}
    assert (reader.get(address(build)).status_code, reader.post(address(build), fields).status_code) == (403, 403)
    assert (as_(stranger).get(address(build)).status_code, as_(stranger).post(address(build), fields).status_code) == (
        404,
        404,
    )
    assert "step_title" not in stored(build)[0].config


def test_as_many_steps_as_a_build_may_have_are_shown_in_few_statements_and_saved(
    client, operator, django_assert_max_num_queries
):
    build = made(operator, *[("HTTP", HTTP)] * (MOST_STEPS - 1))
    with django_assert_max_num_queries(12):
        client.get(address(build))
    saved(client, build, steps_62_stepTitle="Last")
    assert json.dumps([step.config.get("step_title") for step in stored(build)]).count("Last") == 1
