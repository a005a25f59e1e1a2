"""What makes steps valid, and the path of each field that is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.domain.definition import Step
from builds.domain.errors import FieldError
from builds.domain.states import StepType
from builds.domain.steps.kinds import (
    KINDS,
    api_name,
    default_title,
    tidy_config,
    validate_steps,
    without_password,
)

FROM = "# syntax=docker/dockerfile:1\nFROM busybox\n"


def image_step(*, use=True, order=1, **config) -> Step:
    return Step(StepType.CREATE_IMAGE, order, use, {"docker_file": FROM, **config})


def fields(*steps: Step) -> list[str]:
    return [error.field for error in validate_steps(steps)]


def test_one_inline_dockerfile_is_valid():
    assert validate_steps([Step(StepType.INIT, 0), image_step()]) == []


def test_all_fields_of_an_image_step_may_be_given():
    step = image_step(
        docker_file_type="CONTENTS",
        step_title="Build & Push",
        step_desc="two\nlines",
        build_args=[{"key": "VERSION", "value": "1"}, {"key": "EMPTY", "value": None}],
        labels=[{"key": "org.example.team", "value": "ops"}],
        target="runtime",
        platform="linux/arm64/v8",
        latest_apply=True,
        no_cache=False,
        pull=None,
        registry_id=7,
        context_path="src/app",
        secrets=[{"id": "npm", "credential": "npm-token"}],
        severity="HIGH",
        exit_code=0,
        login_id="robot",
        password="word",
    )
    assert validate_steps([step]) == []


def test_a_build_without_steps_is_refused():
    assert fields() == ["buildSteps"]


def test_a_build_has_at_most_64_steps():
    assert validate_steps([image_step(use=index == 0) for index in range(64)]) == []
    (error,) = validate_steps([image_step(use=index == 0) for index in range(65)])
    assert (error.field, "64" in error.message) == ("buildSteps", True)


@pytest.mark.parametrize("used", [0, 2])
def test_exactly_one_image_step_has_an_error_code_of_its_own(used):
    (error,) = validate_steps([image_step(use=index < used) for index in range(3)])
    assert (error.field, error.code) == ("buildSteps", "CCBD1011000")


def test_the_image_step_rule_is_looked_at_only_when_no_field_is_wrong():
    errors = validate_steps([image_step(), image_step(pull="yes")])
    assert [(error.field, error.code) for error in errors] == [("buildSteps[1].buildStepConfig.pull", "CCCM1004000")]


@pytest.mark.parametrize("step_type", [StepType.CANCEL, StepType.DELETE])
def test_steps_that_buildhub_adds_itself_are_refused(step_type):
    assert fields(Step(step_type, 1), image_step()) == ["buildSteps[0].stepType"]


@pytest.mark.parametrize("dockerfile", ["", "  \n", None])
def test_an_inline_dockerfile_is_not_empty(dockerfile):
    assert fields(image_step(docker_file=dockerfile)) == ["buildSteps[0].buildStepConfig.dockerFile"]


@pytest.mark.parametrize("path", [None, "", " ", "app/"])
def test_a_dockerfile_by_path_is_named(path):
    step = image_step(docker_file_type="FILE_PATH", docker_file_path=path)
    assert fields(step) == ["buildSteps[0].buildStepConfig.dockerFilePath"]


def test_a_dockerfile_by_path_is_valid_and_seen_where_no_kind_is_said():
    named = image_step(docker_file_type="FILE_PATH", docker_file_path="app/Dockerfile", docker_file=None)
    unsaid = image_step(docker_file_path="Dockerfile", docker_file="")
    assert [fields(step) for step in (named, unsaid)] == [[], []]
    assert tidy_config(StepType.CREATE_IMAGE, unsaid.config)["docker_file_type"] == "FILE_PATH"


@pytest.mark.parametrize(
    ("config", "tail"),
    [
        ({"docker_file": 7}, "dockerFile"),
        ({"docker_file": "FROM a\x01"}, "dockerFile"),
        ({"docker_file": "FROM a\n" + "#" * 512 * 1024}, "dockerFile"),
        ({"docker_file_type": "URL"}, "dockerFileType"),
        ({"docker_file_type": ["CONTENTS"]}, "dockerFileType"),
        ({"step_title": "a\nb"}, "stepTitle"),
        ({"step_title": {}}, "stepTitle"),
        ({"latest_apply": "true"}, "latestApply"),
        ({"no_cache": 1}, "noCache"),
        ({"target": "a b"}, "target"),
        ({"target": 1}, "target"),
        ({"platform": "linux/amd64,linux/arm64"}, "platform"),
        ({"context_path": "../src"}, "contextPath"),
        ({"docker_file_path": "/etc/shadow"}, "dockerFilePath"),
        ({"docker_file_path": "a\\Dockerfile"}, "dockerFilePath"),
        ({"secrets": ["a"]}, "secrets[0]"),
        ({"secrets": [{"id": "a b", "value": "b"}]}, "secrets[0].id"),
        ({"secrets": [{"id": "a", "value": 5}]}, "secrets[0].value"),
        ({"secrets": [{"id": "a", "value": "b"}, {"id": "a", "value": "c"}]}, "secrets[1].id"),
        ({"ssh_key": "ssh-ed25519 AAAA"}, "sshKey"),
        ({"cache_from": "h/x:1"}, "cacheFrom"),
        ({"cache_from": ["h/X:1"]}, "cacheFrom[0]"),
        ({"cache_from": [""]}, "cacheFrom[0]"),
        ({"extra_tags": ["stable", "Not A Tag"]}, "extraTags[1]"),
        ({"extra_tags": ["stable", ""]}, "extraTags[1]"),
        ({"extra_tags": [1]}, "extraTags[0]"),
        ({"registry_id": -1}, "registryId"),
        ({"exit_code": "1"}, "exitCode"),
        ({"login_id": ["a"]}, "loginId"),
        ({"password": 5}, "password"),
        ({"build_args": {"A": "1"}}, "buildArgs"),
        ({"build_args": ["A=1"]}, "buildArgs[0]"),
        ({"build_args": [{"key": "1A", "value": ""}]}, "buildArgs[0].key"),
        ({"build_args": [{"key": "A", "value": 1}]}, "buildArgs[0].value"),
        ({"build_args": [{"key": "A", "value": "x" * 40_000}]}, "buildArgs[0].value"),
        ({"build_args": [{"key": "A", "value": ""}, {"key": "A", "value": ""}]}, "buildArgs[1].key"),
        ({"build_args": [{"key": f"A{index}", "value": ""} for index in range(101)]}, "buildArgs"),
        ({"labels": [{"key": "", "value": "x"}]}, "labels[0].key"),
        ({"labels": [{"key": "a b", "value": "x"}]}, "labels[0].key"),
    ],
)
def test_a_wrong_field_is_named_by_its_path(config, tail):
    assert fields(image_step(**config)) == [f"buildSteps[0].buildStepConfig.{tail}"]


@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "no_proxy", "ALL_PROXY", "FTP_PROXY"])
def test_the_proxies_that_the_engine_predefines_are_build_arguments(name):
    assert validate_steps([image_step(build_args=[{"key": name, "value": "http://proxy.example:3128"}])]) == []


DOCKERFILES = [
    ("RUN true\n", "Line 1: RUN stands before the first FROM"),
    ("ARG A=1\n\nCOPY a b\nFROM x\n", "Line 3: COPY stands before the first FROM"),
    ("# only a comment\n", "has no FROM"),
    ("ARG A=1\n", "has no FROM"),
    ("FROM x\nRUNN true\n", "Line 2: RUNN is no instruction of a Dockerfile; did you mean RUN?"),
    ("FROM x\nRUN a && \\\n  b\n\nhello world\n", "Line 5: hello is no instruction"),
    ("FROM x\nRUN <<EOF\necho\nEOF\nEOF\n", "Line 5: EOF is no instruction"),
    ("# syntax=docker/dockerfile:1.7\nFROM x\nRUNN\n", "Line 3: RUNN"),
]


@pytest.mark.parametrize(("dockerfile", "words"), DOCKERFILES)
def test_what_no_engine_could_read_is_refused_on_its_line(dockerfile, words):
    (error,) = validate_steps([image_step(docker_file=dockerfile)])
    assert error.field == "buildSteps[0].buildStepConfig.dockerFile"
    assert words in error.message


@pytest.mark.parametrize(
    "dockerfile",
    [
        "from x\nrun true\n",
        "\ufeffARG A\nFROM $A\n",
        "# escape=`\nFROM x\nRUN a `\n  b\nONBUILD RUN c\nMAINTAINER me\n",
        "FROM x\nRUN <<EOF\nfrom here on: python\nEOF\nCOPY <<-A <<B /\n\tnothing\n\tA\nelse\nB\n",
        "# syntax=h.example/own/frontend\nINCLUDE base\n",
        'FROM x\r\nHEALTHCHECK NONE\r\nSHELL ["/bin/sh"]\r\nSTOPSIGNAL 9\r\nVOLUME /x\r\nUSER 1\r\n',
    ],
)
def test_a_dockerfile_that_an_engine_could_read_is_taken(dockerfile):
    assert validate_steps([image_step(docker_file=dockerfile)]) == []


@pytest.mark.parametrize("name", ["BUILDKIT_SYNTAX", "PATH", "LD_PRELOAD", "DOCKER_HOST"])
def test_reserved_build_arguments_are_refused(name):
    (error,) = validate_steps([image_step(build_args=[{"key": name, "value": "x"}])])
    assert f"{name} is reserved" in error.message


def test_all_errors_come_at_once():
    bad = image_step(docker_file="", target="-", build_args=[{"key": "A-B"}, {"key": "PATH"}])
    assert len(fields(bad)) == 4


@pytest.mark.parametrize("use", [True, False])
@pytest.mark.parametrize(
    ("config", "tail"),
    [
        ({"docker_file": "FROM a\0"}, ".dockerFile"),
        ({"labels": [{"key": "a", "value": "\ud800"}]}, ".labels[0].value"),
        ({"anything": [["\0"]]}, ".anything[0][0]"),
        ({"a\0": 1}, ""),
    ],
)
def test_what_the_database_cannot_hold_is_refused_in_unused_steps_too(use, config, tail):
    assert fields(image_step(use=use, **config)) == [f"buildSteps[0].buildStepConfig{tail}"]


def test_unused_steps_may_be_unfinished():
    assert validate_steps([image_step(), image_step(use=False, docker_file="")]) == []


@pytest.mark.parametrize("key", ["password", "login_id", "private_certificate"])
def test_a_secret_is_text_in_unused_steps_too(key):
    (path,) = fields(image_step(), image_step(use=False, **{key: {"a": 1}}))
    assert path == f"buildSteps[1].buildStepConfig.{api_name(key)}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
CONFIGS = st.sampled_from(list(KINDS)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.dictionaries(st.sampled_from([*KINDS[kind].checks, "step_title"]), JSON))
)


@given(kind_and_config=CONFIGS, use=st.booleans())
def test_any_json_gives_errors_and_never_a_crash(kind_and_config, use):
    kind, config = kind_and_config
    step = Step(kind, 1, use, tidy_config(kind, config), frozenset())
    errors = validate_steps([step], host_paths=())
    assert all(isinstance(error, FieldError) and error.message.endswith(".") for error in errors)
    assert [error for error in errors if "_" in error.field] == []


def test_deeply_nested_json_is_walked_without_recursion():
    deep: object = "\0"
    for _ in range(10_000):
        deep = [deep]
    assert len(fields(image_step(labels=deep))) == 1


@pytest.mark.parametrize(
    ("name", "camel"),
    [
        ("docker_file_type", "dockerFileType"),
        ("pull", "pull"),
        ("http_ssl_verify_skip", "httpSslVerifySkip"),
        ("docker_volume_mount_vo_list", "dockerVolumeMountVOList"),
    ],
)
def test_config_keys_have_their_name_in_the_api(name, camel):
    assert api_name(name) == camel


def test_steps_without_a_title_get_one():
    assert default_title(StepType.INIT) == "init"
    assert default_title(StepType.CREATE_IMAGE) == "Build & Push"
    assert default_title(StepType.CODE_DOWN) == "Code download"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ada:pw@host/x", "https://host/x"),
        ("https://ada:p@w@host/x", "https://host/x"),
        ("ada:pw@host/x", "host/x"),
        ("git@host:team/x.git", "git@host:team/x.git"),
        ("ssh://git@host:22/x", "ssh://git@host:22/x"),
        ("https://host/a:b@c", "https://host/a:b@c"),
    ],
)
def test_a_password_in_an_address_is_taken_out_of_it(url, shown):
    assert without_password(url) == shown
