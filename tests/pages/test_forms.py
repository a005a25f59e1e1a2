"""Creating and editing a build with an inline Dockerfile."""

import re

import pytest

from builds.models import Build
from builds.pages.labels import for_people, place_words
from tests.pages import making
from tests.pages.reading import read

FIELDS = {
    "buildName": "My app",
    "buildDesc": "what it is",
    "registryName": "ops",
    "imageName": "my-app",
    "autotagUseYn": "Y",
    "autotagPrefix": "v",
    "autotagSeqType": "SEQUENCE",
    "tagName": "",
    "whenRunning": "QUEUE",
    "timeLimitSec": "600",
    "queueLimitSec": "3600",
    "maxAttempts": "2",
    "dockerFile": "FROM busybox\r\nRUN true\r\n",
}


def test_a_build_is_created_from_the_form(as_, operator):
    answer = as_(operator).post("/builds/new", FIELDS)
    build = Build.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/builds/{build.pk}")
    assert (build.name, build.project, build.image_name, build.when_running) == ("My app", "ops", "my-app", "QUEUE")
    assert (build.time_limit_seconds, build.queue_limit_seconds, build.max_attempts) == (600, 3600, 2)
    assert build.steps.get().config["docker_file"] == "FROM busybox\nRUN true\n"


def test_all_errors_stand_beside_their_fields_and_what_was_typed_is_kept(as_, operator):
    wrong = FIELDS | {"imageName": "Not OK", "autotagPrefix": "-", "timeLimitSec": "soon", "dockerFile": ""}
    page = read(as_(operator).post("/builds/new", wrong), 400)
    fields = {name: page.one("id", name) for name in ("imageName", "autotagPrefix", "timeLimitSec", "dockerFile")}
    for name, field in fields.items():
        assert field.attributes["aria-invalid"] == "true", name
        assert page.one("id", f"{name}-error").text, name
    assert [fields[name].attributes["value"] for name in list(fields)[:3]] == ["Not OK", "-", "soon"]
    assert page.one("id", "buildName").attributes["value"] == "My app"
    assert "4 fields need a change" in page.main_text
    assert not Build.objects.exists()


@pytest.mark.parametrize(
    ("path", "typed", "said"),
    [
        (
            "/builds/new",
            FIELDS | {"imageName": "?", "timeLimitSec": "soon", "maxAttempts": ""},
            {
                "timeLimitSec": "“Time limit” has to be a whole number from 60 to 86,400.",
                "maxAttempts": "“Attempts” has to be a whole number from 1 to 10.",
            },
        ),
        (
            "/account/tokens",
            {"name": "", "days": "1.5", "requestsPerMinute": "z"},
            {
                "days": "Give a whole number of days from 1 to 36500, or none for no expiry.",
                "requestsPerMinute": "Give a whole number of requests from 1 to 1000000, or 0 for no limit.",
            },
        ),
    ],
)
def test_what_is_no_number_is_refused_as_a_wrong_number_with_all_else(as_, operator, path, typed, said):
    page = read(as_(operator).post(path, typed), 400)
    assert {name: page.one("id", f"{name}-error").text for name in said} == said
    assert {name: page.one("id", name).attributes.get("value", "") for name in said} == {
        name: typed[name] for name in said
    }
    assert len([e for e in page.with_("id") if e.attributes["id"].endswith("-error")]) > len(said)


def test_an_error_beside_its_field_is_escaped_once(as_, operator):
    typed = FIELDS | {"source": "REPOSITORY", "repositoryUrl": "https://robot:word@git.example/a.git"}
    page = read(as_(operator).post("/builds/new", typed), 400)
    assert "the repository's address" in page.one("id", "repositoryUrl-error").text


def test_a_field_that_is_not_sent_has_its_first_value(as_, operator):
    sent = {"imageName": "short", "dockerFile": "FROM scratch"}
    assert as_(operator).post("/builds/new", sent).status_code == 302
    build = Build.objects.get()
    assert (build.auto_tag, build.auto_tag_prefix, build.when_running) == (True, "v", "REFUSE")
    assert (build.time_limit_seconds, build.queue_limit_seconds, build.max_attempts) == (3600, 86400, 3)


def test_a_taken_image_name_is_refused_with_its_sentence(as_, operator, build):
    page = read(as_(operator).post("/builds/new", FIELDS | {"imageName": build.image_name}), 409)
    assert "Another build of this account makes the image hello" in page.main_text
    assert page.one("id", "imageName").attributes["value"] == "hello"


def test_the_edit_form_shows_what_is_stored_and_changes_it(as_, operator, build):
    client = as_(operator)
    page = read(client.get(f"/builds/{build.pk}/edit"))
    assert page.one("id", "autotagPrefix").attributes["value"] == "v"
    assert page.one("name", "dockerFile").text.startswith("FROM busybox")
    assert client.post(f"/builds/{build.pk}/edit", FIELDS | {"dockerFile": "FROM scratch"}).status_code == 302
    build.refresh_from_db()
    assert build.name == "My app"
    assert build.steps.get().config["docker_file"] == "FROM scratch"


@pytest.mark.parametrize("path", ["/builds/new", "/builds/{}/edit"])
def test_a_viewer_can_neither_open_nor_send_the_forms(as_, viewer, build, path):
    client = as_(viewer)
    path = path.format(build.pk)
    assert client.get(path).status_code == 403
    assert client.post(path, FIELDS).status_code == 403
    assert Build.objects.get().name == "hello"
    assert "/builds/new" not in client.get("/").content.decode()


def test_the_build_page_shows_the_next_tag_and_the_last_good_image(page, build, operator):
    making.done_run(build, operator)
    making.failed_run(build, operator)
    found = page(f"/builds/{build.pk}", operator)
    assert found.one("data-next-tag").text == "v-00003"
    assert "docker pull registry.example:5000/hello:v-00001" in found.main_text
    assert [e.attributes["data-run-state"] for e in found.with_("data-run")] == ["ERROR", "DONE"]


def test_the_history_is_filtered_and_paged(page, build, operator):
    for _ in range(22):
        making.done_run(build, operator)
    failed = making.failed_run(build, operator)
    found = page(f"/builds/{build.pk}", operator)
    assert len(found.with_("data-run")) == 20
    older = page(f"/builds/{build.pk}{found.one('rel', 'next').attributes['href']}", operator)
    assert len(older.with_("data-run")) == 3
    assert [e.attributes["data-run"] for e in page(f"/builds/{build.pk}?state=failed", operator).with_("data-run")] == [
        str(failed.pk)
    ]


API_WORDS = re.compile(
    r"\b(?:autotag\w+|accountSeq|build(?:Seq|RunSeq|Name|Desc|Args?|Steps?)|imageName|tagName|registryName|whenRunning"
    r"|timeLimitSec|queueLimitSec|maxAttempts|dockerFile\w*|stepType|branchName|callbackUrl|noCache|useYn|userName"
    r"|timeZone|loginId|sshKey|cacheFrom|extraTags|latestApply|privateCertificate|allowedRanges|blockedRanges|requestsPerMinute|externalRegistrySeq)\b"
)


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("/builds/new", dict.fromkeys(FIELDS, "")),
        ("/builds/new", FIELDS | {"autotagUseYn": "N", "dockerFileType": "FILE_PATH"}),
        ("/builds/new", FIELDS | {"whenRunning": "x", "autotagSeqType": "x", "imageName": "?" * 300}),
        ("/builds/{build}/run", {"tagName": "?", "branchName": "main", "callbackUrl": "nowhere", "buildArg:x": "1"}),
        ("/account", {"name": "", "timeZone": "Nowhere"}),
        ("/account/members", {"userName": "nobody", "role": "x"}),
        ("/account/tokens", {"days": "soon"}),
        ("/account/tokens", {"allowedRanges": "x", "blockedRanges": "y", "requestsPerMinute": "z", "builds": ["0"]}),
    ],
)
def test_refused_forms_speak_the_words_of_people(as_, admin, build, path, typed):
    page = read(as_(admin).post(path.format(build=build.pk), typed), 400)
    problems = page.with_("data-problems") or page.with_("data-banner")
    assert problems[0].text
    assert "autofocus" in problems[0].attributes  # so that a reader who sees nothing hears what is wrong
    assert not API_WORDS.search(page.main_text), API_WORDS.search(page.main_text)


PAGES = ("/builds/new", "/builds/{build}/edit", "/builds/{build}", "/account", "/account/members", "/account/tokens",
         "/runs/{run}", "/runs/{run}/callbacks")  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_pages_speak_the_words_of_people(page, admin, build, operator, path):
    run = making.failed_run(build, operator)
    found = page(path.format(build=build.pk, run=run.pk), admin)
    assert not API_WORDS.search(found.main_text), API_WORDS.search(found.main_text)


def test_a_banner_of_the_services_speaks_the_words_of_people():
    sentence = "Give tagName, or switch the automatic tag on (autotagUseYn Y)."
    assert for_people(sentence) == "Give “Tag”, or switch the automatic tag on."
    assert for_people("The image ops/imageName:1 is there.") == "The image ops/imageName:1 is there."
    assert place_words("buildSteps[1].buildStepConfig.exitCode") == "Steps 2, exit code"
