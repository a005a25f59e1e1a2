"""The card "Image options" of a build's form: stored and shown again, errors in their rows, no secret told."""

import io
import json
import zipfile

import pytest

from builds.credentials import decrypt_fields
from builds.models import Build, BuildStep
from builds.services.builds.edit import BuildDraft, StepDraft, create_build
from tests.engine.certificates import Authority
from tests.pages import making
from tests.pages.reading import Page, read
from tests.pages.test_forms import API_WORDS, FIELDS
from tests.pages.test_press import exported, filled, values
from tests.support.keys import ssh_key

CANARY, OTHER = "canary-word-7", "canary-word-8"
KEY = ssh_key()
OPTIONS = {
    "target": "run",
    "platform": "linux/amd64",
    "cacheFrom": "registry.example/team/app:latest\r\n\r\n registry.example/team/base:1 \r\n",
    "latestApply": "Y",
    "extraTags": "stable\nedge",
    "noCache": "Y",
    "pull": "Y",
}
STORED = {
    "target": "run",
    "platform": "linux/amd64",
    "cache_from": ["registry.example/team/app:latest", "registry.example/team/base:1"],
    "latest_apply": True,
    "extra_tags": ["stable", "edge"],
    "no_cache": True,
    "pull": True,
}
IMAGE = {"docker_file": making.DOCKERFILE}
MOUNTED = {"secrets": [{"id": "npm", "value": CANARY}, {"id": "pip", "value": OTHER}]}
LOGIN = {"login_id": f"robot-{CANARY}", "password": CANARY, "private_certificate": Authority().ca.strip()}


def rows(name: str, *entries: dict[str, str], initial: int = 0) -> dict[str, str]:
    """Return what a browser sends of the rows of a list."""
    sent = {f"{name}-{n}-{key}": value for n, entry in enumerate(entries) for key, value in entry.items()}
    return {f"{name}-TOTAL_FORMS": str(len(entries)), f"{name}-INITIAL_FORMS": str(initial), **sent}


def pairs(name: str, *entries: tuple[str, str]) -> dict[str, str]:
    return rows(name, *({"key": key, "value": value} for key, value in entries))


def secrets(*entries: tuple[str, str]) -> dict[str, str]:
    return rows("secrets", *({"id": name, "value": value} for name, value in entries))


@pytest.fixture
def client(as_, operator):
    return as_(operator)


@pytest.fixture
def made(operator):
    """Create a build whose image step has this config."""

    def create(**config) -> Build:
        steps = (StepDraft("CREATE_IMAGE", config=IMAGE | config),)
        return create_build(caller=operator, draft=BuildDraft(image_name="made", tag_name="1", steps=steps))

    return create


def created(client, fields: dict[str, str]) -> BuildStep:
    answer = client.post("/builds/new", FIELDS | fields)
    assert answer.status_code == 302, answer.content.decode()
    return image_of(Build.objects.get(pk=answer["Location"].rpartition("/")[2]))


def image_of(build: Build) -> BuildStep:
    step = build.steps.get(step_type="CREATE_IMAGE")
    assert CANARY not in json.dumps(step.config)
    return step


def edit(client, build: Build, **changes: str) -> BuildStep:
    """Open the form of a build, change these fields of what it shows, and save it."""
    answer = client.post(path(build), values(read(client.get(path(build)))) | changes)
    assert answer.status_code == 302, answer.content.decode()
    return image_of(build)


def refused(client, fields: dict[str, str]) -> Page:
    page = read(client.post("/builds/new", FIELDS | fields), 400)
    assert not Build.objects.exists()
    assert "open" in page.one("data-image-options").attributes
    return page


def path(build: Build) -> str:
    return f"/builds/{build.pk}/edit"


def kept(step: BuildStep) -> dict[str, str]:
    return {name: value for name, value in decrypt_fields(step.secrets_encrypted).items() if name != "login_host"}


def test_every_option_is_stored_and_shown_again(client):
    arguments = pairs("buildArgs", ("VERSION", " 1.0 "), ("NOTE", "one\r\n two"), ("", ""))
    step = created(client, OPTIONS | arguments | pairs("labels", ("org.team", "ops")))
    listed = {
        "build_args": [{"key": "VERSION", "value": " 1.0 "}, {"key": "NOTE", "value": "one\n two"}],
        "labels": [{"key": "org.team", "value": "ops"}],
    }
    assert STORED | listed == {key: step.config.get(key) for key in STORED | listed}
    page = read(client.get(path(step.build)))
    assert "open" in page.one("data-image-options").attributes
    shown = values(page)
    assert shown["cacheFrom"].split("\n") == STORED["cache_from"]
    assert (shown["buildArgs-1-key"], shown["buildArgs-1-value"]) == ("NOTE", "one\n two")
    assert edit(client, step.build).config == step.config


def test_what_is_cleared_is_gone_and_what_was_never_set_is_not_stored(client, made):
    build = made(**STORED, build_args=[{"key": "A", "value": "1"}, {"key": "B", "value": "2"}], labels=[])
    cleared = {"target": "", "platform": "", "cacheFrom": " \n", "extraTags": "", "buildArgs-0-key": ""}
    step = edit(client, build, **cleared)
    assert step.config["build_args"] == [{"key": "B", "value": "2"}]
    assert not {"target", "platform", "cache_from", "extra_tags"} & step.config.keys()
    assert step.config["labels"] == []
    assert created(client, {}).config == {"docker_file_type": "CONTENTS", "docker_file": "FROM busybox\nRUN true\n"}


def test_a_form_without_the_lists_and_one_with_a_broken_count_leave_them_as_they_are(client, made):
    build = made(build_args=[{"key": "A", "value": "1"}], target="run", **MOUNTED)
    broken = {"buildArgs-TOTAL_FORMS": "many", "buildArgs-INITIAL_FORMS": "1"}
    assert client.post(path(build), FIELDS | broken).status_code == 302
    step = image_of(build)
    assert (step.config["build_args"], step.config["target"]) == ([{"key": "A", "value": "1"}], "run")
    assert kept(step) == {"secret:npm": CANARY, "secret:pip": OTHER}


def test_the_card_is_folded_where_nothing_is_set(client, build):
    for address in ("/builds/new", path(build)):
        assert "open" not in read(client.get(address)).one("data-image-options").attributes


def test_a_list_offers_what_is_stored_and_two_empty_rows_that_work_without_scripts(client, made):
    build = made(labels=[{"key": "a", "value": "1"}])
    found = read(client.get(path(build)))
    assert found.one("name", "labels-TOTAL_FORMS").attributes["value"] == "3"
    assert values(found)["labels-2-key"] == ""
    assert "hidden" in found.with_("data-add-row")[0].attributes
    step = edit(client, build, **{"labels-2-key": "b", "labels-2-value": "2"})
    assert step.config["labels"] == [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]


def test_secrets_are_stored_encrypted_and_never_in_a_page(client, page, operator):
    step = created(client, secrets(("npm", CANARY), ("", ""), ("pip", f"{OTHER}\r\nline")) | {"sshKey": KEY})
    assert step.config["secrets"] == [{"id": "npm"}, {"id": "pip"}]
    assert kept(step) == {"secret:npm": CANARY, "secret:pip": f"{OTHER}\nline", "ssh_key": KEY}
    found = read(client.get(path(step.build)))
    shown = page(f"/builds/{step.build_id}", operator)
    assert CANARY not in found.html + shown.html
    assert OTHER not in found.html + shown.html
    assert "leave this empty to keep it" in found.one("id", "secrets-0-value-hint").text
    assert "leave this empty to keep it" in found.one("id", "sshKey-hint").text
    assert not found.with_("id", "secrets-2-value-hint")


def test_a_blank_value_keeps_what_is_stored_and_a_typed_one_replaces_it(client, made):
    build = made(**MOUNTED, **LOGIN, ssh_key=KEY)
    everything = kept(image_of(build))
    assert kept(edit(client, build)) == everything
    step = edit(client, build, **{"secrets-1-value": "changed", "imagePassword": "other"})
    assert kept(step) == everything | {"secret:pip": "changed", "password": "other"}


def test_a_secret_is_removed_by_its_checkbox_and_by_an_empty_id(client, made):
    build = made(**MOUNTED)
    assert kept(edit(client, build, **{"secrets-0-DELETE": "on"})) == {"secret:pip": OTHER}
    assert kept(edit(client, build, **{"secrets-0-id": ""})) == {}
    assert image_of(build).config.get("secrets") is None


@pytest.mark.parametrize(
    ("box", "gone"),
    [
        ("forgetSshKey", {"ssh_key"}),
        ("forgetLogin", {"login_id", "password"}),
        ("forgetCertificate", {"private_certificate"}),
    ],
)
def test_what_is_kept_is_removed_by_its_checkbox_which_stands_only_there(client, made, box, gone):
    build = made(**MOUNTED, **LOGIN, ssh_key=KEY)
    everything = kept(image_of(build))
    assert kept(edit(client, build, **{box: "Y"})) == {name: everything[name] for name in everything.keys() - gone}
    boxes = [e.attributes["name"] for e in read(client.get(path(build))).with_("type", "checkbox")]
    assert box not in boxes
    assert len([name for name in boxes if name.startswith("forget")]) == 2


def test_a_key_that_is_typed_replaces_the_one_that_is_removed(client, made):
    other = ssh_key()
    assert kept(edit(client, made(ssh_key=KEY), forgetSshKey="Y", sshKey=other)) == {"ssh_key": other}


def test_only_a_stored_secret_has_a_checkbox(client, made):
    found = read(client.get(path(made(**MOUNTED))))
    boxes = [e.attributes["name"] for e in found.with_("type", "checkbox") if "DELETE" in e.attributes["name"]]
    assert boxes == ["secrets-0-DELETE", "secrets-1-DELETE"]


def test_an_own_login_is_stored_and_neither_shown_nor_sent_back(client, made):
    typed = {
        "imageLoginId": f"robot-{CANARY}",
        "imagePassword": CANARY,
        "imagePrivateCertificate": LOGIN["private_certificate"],
    }
    assert kept(created(client, typed)) == LOGIN
    found = read(client.get(path(Build.objects.get())))
    assert CANARY not in found.html
    for name in typed:
        assert "Another registry forgets it" in found.one("id", f"{name}-hint").text


def test_what_was_typed_as_a_secret_is_not_sent_back_with_a_refused_form(client):
    typed = {"sshKey": KEY, "imageLoginId": CANARY, "imagePassword": CANARY, "imagePrivateCertificate": CANARY}
    page = refused(client, typed | secrets(("npm", CANARY)) | {"platform": "no platform"})
    assert CANARY not in page.html
    for name in (*typed, "secrets-0-value"):
        assert "type it once more" in page.one("id", f"{name}-hint").text, name
    assert page.one("id", "secrets-0-id").attributes["value"] == "npm"


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        (pairs("buildArgs", ("", "lost"), ("A", "1"), ("", ""), ("1st", "2")), "buildArgs-3-key"),
        (pairs("buildArgs", ("A", "1"), ("A", "2")), "buildArgs-1-key"),
        (pairs("buildArgs", ("A", "\x07")), "buildArgs-0-value"),
        (pairs("buildArgs", ("A", "\x00")), "buildArgs-0-value"),
        (pairs("labels", ("", ""), ("a b", "1")), "labels-1-key"),
        (secrets(("npm", CANARY), ("", ""), ("pip", "")), "secrets-2-value"),
        (secrets(("npm", CANARY), ("", CANARY), ("a b", CANARY)), "secrets-2-id"),
        (pairs("labels", *((f"a{n}", "1") for n in range(101))), "labels"),
        ({"target": "a b"}, "target"),
        ({"platform": "linux"}, "platform"),
        ({"sshKey": "-----BEGIN"}, "sshKey"),
        ({"cacheFrom": "registry.example/app\n\nNot OK"}, "cacheFrom"),
        ({"extraTags": "-"}, "extraTags"),
        ({"imageLoginId": "robot"}, "imagePassword"),
        ({"imagePassword": "word"}, "imageLoginId"),
        ({"imageLoginId": "robot", "imagePassword": "w", "imagePrivateCertificate": "\x07"}, "imagePrivateCertificate"),
    ],
)
@pytest.mark.parametrize("source", ["HERE", "REPOSITORY"])
def test_what_is_refused_stands_beside_its_row_and_field(client, fields, place, source):
    code = {"source": source, "repositoryUrl": "https://git.example/team/app.git"}
    page = refused(client, code | fields)
    assert page.one("id", f"{place}-error").text
    assert [e.attributes["id"] for e in page.with_("id") if e.attributes["id"].endswith("-error")] == [f"{place}-error"]
    (summary,) = page.with_("data-problems")
    assert "1 field needs a change" in summary.text
    (link,) = [e for e in page.with_("href", f"#{place}") if summary in e.parents]
    assert page.one("id", place)
    assert not API_WORDS.search(link.text)
    assert page.one("data-keep").attributes["data-keep"] == "changed"


def test_every_wrong_row_is_told_in_its_row(client):
    typed = secrets(("a b", "1"), ("", ""), ("npm", ""), ("c d", "2"))
    found = [e.attributes["id"] for e in refused(client, typed).with_("id") if e.attributes["id"].endswith("-error")]
    assert found == ["secrets-0-id-error", "secrets-3-id-error"]


def test_a_secret_that_gets_another_id_needs_its_value(client, made):
    build = made(**MOUNTED)
    shown = values(read(client.get(path(build)))) | {"secrets-0-id": "yarn", "secrets-1-DELETE": "on"}
    page = read(client.post(path(build), shown), 400)
    assert "The secret yarn has no value yet" in page.one("id", "secrets-0-value-error").text
    assert "checked" in page.one("id", "secrets-1-DELETE").attributes
    assert kept(image_of(build)) == {"secret:npm": CANARY, "secret:pip": OTHER}


def test_a_step_that_the_form_does_not_edit_keeps_its_errors_out_of_the_fields_of_the_image(client, operator):
    ftp = StepDraft("FTP", use=False, config={"url": "ftp://files.example", "password": CANARY})
    steps = (ftp, StepDraft("CREATE_IMAGE", config=IMAGE))
    build = create_build(caller=operator, draft=BuildDraft(image_name="made", tag_name="1", steps=steps))
    shown = values(read(client.get(path(build)))) | {"imageLoginId": "robot", "target": "a b"}
    page = read(client.post(path(build), shown), 400)
    assert page.one("id", "imagePassword-error").text
    assert page.one("id", "target-error").text
    assert kept(build.steps.get(step_type="FTP")) == {"password": CANARY}


def test_an_imported_build_fills_the_rows_and_asks_for_the_values(client, made):
    build = made(**MOUNTED, **STORED, build_args=[{"key": "A", "value": "1"}], ssh_key=KEY)
    client.post(f"/builds/{build.pk}/run")
    page = filled(client, exported(client, build.runs.get()))
    shown = values(page) | {"imageName": "copy"}
    assert CANARY not in page.html
    assert (shown["secrets-0-id"], shown["secrets-1-id"], shown["buildArgs-0-key"]) == ("npm", "pip", "A")
    again = read(client.post("/builds/new", shown), 400)
    assert "The secret npm has no value yet" in again.one("id", "secrets-0-value-error").text
    copy = created(client, shown | {"secrets-0-value": "1", "secrets-1-value": "2"})
    assert kept(copy) == {"secret:npm": "1", "secret:pip": "2"}
    assert STORED.items() <= copy.config.items()


def test_a_wrong_entry_of_a_list_is_counted(client):
    page = refused(client, {"extraTags": "stable\n\n-", "cacheFrom": "registry.example/app\nNot OK"})
    assert page.one("id", "extraTags-error").text.strip().startswith("Entry 2: The tag")
    assert page.one("id", "cacheFrom-error").text.strip().startswith("Entry 2: The image reference")


def test_a_file_that_somebody_wrote_brings_no_value_and_no_nonsense_into_the_page(client):
    config = {
        "dockerFile": "FROM scratch",
        "secrets": [CANARY, {"id": "npm", "value": CANARY}, {"id": 5, "value": CANARY}],
        "buildArgs": "nonsense",
        "labels": [5, {"key": "a"}],
        "target": 5,
        "cacheFrom": {"a": 1},
        "latestApply": "yes",
    }
    step = {"stepType": "CREATE_IMAGE", "buildStepConfig": config}
    document = {"format": "buildhub-build", "version": 1, "build": {"imageName": "app", "buildSteps": [step]}}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("build.json", json.dumps(document))
    page = filled(client, packed.getvalue())
    shown = values(page)
    assert CANARY not in page.html
    assert (shown["secrets-0-id"], shown["secrets-1-id"], shown["labels-0-key"]) == ("npm", "", "a")
    assert shown["buildArgs-0-key"] == ""
    copy = created(client, shown | {"secrets-0-value": "1", "cacheFrom": "", "target": ""})
    assert not {"build_args", "target", "cache_from"} & copy.config.keys()


def test_check_keeps_what_was_typed_of_the_options(client):
    typed = FIELDS | {"source": "REPOSITORY", "repositoryUrl": "nowhere"} | secrets(("npm", CANARY)) | {"target": "run"}
    page = Page(client.post("/builds/source/check", typed).content.decode())
    assert (values(page)["secrets-0-id"], values(page)["target"]) == ("npm", "run")
    assert CANARY not in page.html


def test_the_pages_of_build_and_run_tell_the_options_in_words(client, page, made, operator):
    listed = {"build_args": [{"key": "VERSION", "value": "1.0"}], "labels": [{"key": "org.team", "value": "<ops>"}]}
    build = made(**STORED, **listed, **MOUNTED, **LOGIN, ssh_key=KEY)
    run = making.pressed(build, operator)
    making.begun(run)
    for address in (f"/builds/{build.pk}", f"/runs/{run.pk}"):
        found = page(address, operator)
        assert [e.text for e in found.with_("data-option")] == [
            "Build arguments VERSION=1.0",
            "Target stage run",
            "Platform linux/amd64",
            "Labels org.team=<ops>",
            "Secrets npm, pip",
            "SSH key one is kept",
            "Cache from registry.example/team/app:latest, registry.example/team/base:1",
            "Move the tag latest yes",
            "Extra tags stable, edge",
            "Without cache yes",
            "Pull base images yes",
            "User for the push one is kept",
            "Password for the push one is kept",
            "CA certificate of the registry one is kept",
        ]
        assert CANARY not in found.html


def test_the_pages_tell_nothing_of_options_where_none_is_set(page, build, operator):
    run = making.done_run(build, operator)
    for address in (f"/builds/{build.pk}", f"/runs/{run.pk}"):
        assert not page(address, operator).with_("id", "image-options")
