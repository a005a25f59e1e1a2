"""What the page of a build's steps leaves as it is stored: secrets, other fields, edits of others."""

import pytest

from builds.services.builds.edit import BuildDraft, StepDraft, edit_build
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
    saved,
    secrets,
    sent,
    stored,
)
from tests.pages.test_press import values
from tests.support.keys import ssh_key

KEY = ssh_key()
CODE = {
    "repository_url": "https://git.example/a.git",
    "common_type": "PRIVATE",
    "user_id": "me",
    "password": CANARY,
}


@pytest.fixture
def client(as_, operator):
    return as_(operator)


def test_a_password_is_kept_while_it_is_left_empty_and_forgotten_with_another_address(client, operator):
    build = made(operator, ("HTTP", HTTP))
    page = read(client.get(address(build)))
    assert "One is kept" in page.one("id", "steps-0-password-hint").text
    assert "value" not in page.one("id", "steps-0-password").attributes
    saved(client, build, steps_0_username="other")
    assert secrets(stored(build)[0]) == {"password": CANARY}
    saved(client, build, steps_0_password="another")
    assert secrets(stored(build)[0]) == {"password": "another"}
    saved(client, build, steps_0_url="https://elsewhere.example/hook")
    assert secrets(stored(build)[0]) == {}
    assert not read(client.get(address(build))).with_("id", "steps-0-password-hint")


def test_code_and_image_keep_what_the_page_has_no_fields_for(client, operator):
    more = {"secrets": [{"id": "npm", "value": CANARY}], "build_args": [{"key": "A", "value": "1"}]}
    steps = (StepDraft("CODE_DOWN", config=CODE), StepDraft("CREATE_IMAGE", config={**IMAGE.config, **more}))
    build = made_of(operator, *steps)
    before = [(step.config, secrets(step)) for step in stored(build)]
    page = read(client.get(address(build)))
    assert CANARY not in page.html
    assert len(page.with_("href", f"/builds/{build.pk}/edit")) == 2
    assert not page.with_("id", "steps-0-password")
    saved(client, build, steps_0_stepTitle="Get it", steps_1_stepDesc="all of it")
    after = [(step.config, secrets(step)) for step in stored(build)]
    assert after[0] == (before[0][0] | {"step_title": "Get it"}, before[0][1])
    assert after[1] == (before[1][0] | {"step_desc": "all of it"}, before[1][1])


def test_code_beside_other_steps_is_edited_here_and_more_of_it_added(client, operator):
    steps = (StepDraft("CODE_DOWN", config=CODE), StepDraft("SHELL", config=SHELL), IMAGE)
    build = made_of(operator, *steps)
    before = stored(build)[0]
    page = added(client, build, "CODE_DOWN")
    assert CANARY not in page.html
    assert values(page)["steps-0-repositoryUrl"] == "https://git.example/a.git"
    assert values(page)["steps-3-commonType"] == "COMMON"
    more = {"repositoryUrl": "git@git.example:team/b.git", "commonType": "PRIVATE", "userId": "", "privateKey": KEY}
    typed = {f"steps-3-{name}": value for name, value in more.items()} | {"steps-0-branchName": "dev"}
    answer = client.post(address(build), sent(page) | typed)
    assert answer.status_code == 302, answer.content.decode()
    first, _, second, _ = stored(build)
    assert (first.config, secrets(first)) == (before.config | {"branch_name": "dev"}, secrets(before))
    assert (second.config["repository_url"], second.config["code_save_dir"]) == ("git@git.example:team/b.git", "b")
    assert (second.config["protocol_type"], secrets(second)) == ("ssh", {"private_key": KEY})
    assert "PRIVATE KEY" not in read(client.get(address(build))).html
    saved(client, build, steps_2_repositoryUrl="git.example/team/b.git", steps_2_commonType="COMMON")
    second = stored(build)[2]
    assert (second.config["protocol_type"], secrets(second)) == ("https", {})


def test_code_whose_readers_were_never_named_is_shown_as_public_and_stays(client, operator):
    build = made(operator, ("CODE_DOWN", {"repository_url": "https://git.example/a.git"}), ("SHELL", SHELL))
    before = stored(build)[0].config
    assert values(read(client.get(address(build))))["steps-0-commonType"] == "COMMON"
    saved(client, build, steps_1_command="make all")
    assert stored(build)[0].config == before


def test_what_no_line_can_show_stays_as_it_is_stored(client, operator):
    script = {"image_name": "busybox", "cmd": ["sh", "-c", "one\ntwo"], "envs": [{"key": "A", "value": "1\n2"}]}
    build = made(operator, ("USER_TASK", script))
    saved(client, build, steps_0_imageTag="1")
    assert stored(build)[0].config == script | {"image_tag": "1"}


def test_a_step_out_of_use_may_hold_anything_and_is_shown_and_kept(client, operator):
    odd = {
        "url": 5,
        "timeout": "soon",
        "custom_headers": ["x", {"name": 1}],
        "http_mode": "BREW",
        "ignore_ssl_errors": "Y",
    }
    steps = (StepDraft("HTTP", use=False, config=odd), IMAGE)
    build = made_of(operator, *steps)
    saved(client, build, steps_0_stepTitle="Odd")
    assert stored(build)[0].config == odd | {"step_title": "Odd"}


def test_of_two_edits_the_later_one_counts_and_a_step_that_it_does_not_know_stays(client, operator):
    build = made(operator, ("SHELL", SHELL))
    fields = sent(read(client.get(address(build))))
    (shell, image) = stored(build)
    others = (
        StepDraft("SHELL", pk=shell.pk, order=1, config={"shell_type": "SCRIPT", "command": "of the other"}),
        StepDraft("HTTP", order=2, config=HTTP),
    )
    edit_build(build_id=build.pk, caller=operator, draft=BuildDraft(steps=others))
    assert client.post(address(build), fields).status_code == 302
    found = {step.step_type: step for step in stored(build)}
    assert found["SHELL"].config == SHELL
    assert (found["HTTP"].use, secrets(found["HTTP"])) == (True, {"password": CANARY})
    assert found["CREATE_IMAGE"].pk == image.pk


def test_a_step_of_another_build_is_refused(client, operator, build):
    other = made(operator, ("SHELL", SHELL))
    strange = str(stored(other)[0].pk)
    fields = sent(read(client.get(address(build)))) | {"steps-0-buildStepSeq": strange}
    page = read(client.post(address(build), fields), 400)
    assert f"This build has no step {strange}" in page.one("data-problems").text
    assert stored(other)[0].config == SHELL
