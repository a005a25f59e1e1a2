"""The kinds of steps beside the image step: what each takes, and the path of each field that is wrong."""

import pytest

from builds.domain.definition import Step
from builds.domain.states import StepType
from builds.domain.steps.kinds import KINDS, tidy_config, validate_steps

IMAGE = Step(StepType.CREATE_IMAGE, 9, config={"docker_file": "FROM a\n"})
CODE = {"repository_url": "git.example/team/app.git"}
TASK = {"image_name": "registry.example/team/tool", "image_tag": "1.2"}
FTP = {"url": "ftp://files.example", "ftp_exec_type": "FTP_UPLOAD", "source_files": "dist/*.gz"}
HTTP = {"url": "https://hook.example/done"}
SHELL = {"command": "make"}
BASE = {
    StepType.CODE_DOWN: CODE,
    StepType.USER_TASK: TASK,
    StepType.FTP: FTP,
    StepType.HTTP: HTTP,
    StepType.SHELL: SHELL,
}
FULL = {
    StepType.CODE_DOWN: {
        **CODE, "repository_type": "GIT", "common_type": "PRIVATE", "protocol_type": "https", "user_id": "robot",
        "password": "word", "branch_name": "release/1.2", "code_save_dir": "src", "http_ssl_verify_skip": False,
        "known_hosts": "git.example ssh-ed25519 AAAA", "submodules": True, "lfs": False,
    },
    StepType.USER_TASK: {
        **TASK, "cmd": ["sh", "-c", "make\ntest"], "working_dir": "/src", "envs": [{"key": "A_1", "value": "x"}],
        "docker_volume_mount_vo_list": [{"container_path": "/cache", "host_path": "/srv/cache/one"}],
    },
    StepType.FTP: {**FTP, "ftp_type": "FTP", "username": "u", "password": "p", "remote_directory": "/in/../out"},
    StepType.HTTP: {
        **HTTP, "http_mode": "POST", "custom_headers": [{"name": "X-A", "value": "b"}], "ignore_ssl_errors": True,
        "username": "u", "password": "p", "timeout": 30, "valid_response_codes": "200:299,404",
        "valid_response_content": "ok", "output_file": "out/a.json", "console_log_response_body": True,
        "request_body": '{"a": 1}',
    },
    StepType.SHELL: {"shell_type": "SCRIPT", "command": "set -x\nmake\n", "step_title": "Compile"},
}  # fmt: skip


def fields(kind: StepType, kept: frozenset[str] | None = frozenset(), **changes: object) -> list[str]:
    config = tidy_config(kind, {**BASE[kind], **changes})
    errors = validate_steps([Step(kind, 1, True, config, kept), IMAGE], host_paths=["/srv/cache"])
    return [error.field.removeprefix("buildSteps[0].buildStepConfig.") for error in errors]


def test_every_kind_beside_the_image_step_has_its_examples():
    assert set(BASE) == set(FULL) == set(KINDS) - {StepType.CREATE_IMAGE}


@pytest.mark.parametrize("kind", FULL, ids=str)
def test_every_field_of_a_kind_may_be_given(kind):
    assert fields(kind, **FULL[kind]) == []


@pytest.mark.parametrize("kind", BASE, ids=str)
def test_a_kind_needs_little(kind):
    assert fields(kind) == []


@pytest.mark.parametrize("kind", FULL, ids=str)
def test_null_is_the_same_as_absent(kind):
    assert fields(kind, **{key: None for key in FULL[kind] if key not in BASE[kind]}) == []


@pytest.mark.parametrize(
    ("changes", "tail"),
    [
        ({"repository_url": ""}, "repositoryUrl"),
        ({"repository_url": 5}, "repositoryUrl"),
        ({"repository_url": "https://user:word@git.example/a.git"}, "repositoryUrl"),
        ({"repository_type": "SVN"}, "repositoryType"),
        ({"common_type": "Y"}, "commonType"),
        ({"repository_url": "https://git.example/a\nb"}, "repositoryUrl"),
        ({"repository_url": "https://git.example/a\0b"}, "repositoryUrl"),
        ({"protocol_type": "ftp"}, "protocolType"),
        ({"protocol_type": {}}, "protocolType"),
        ({"repository_url": "https://git.example/a.git", "protocol_type": "ftp"}, "protocolType"),
        ({"repository_url": "https://git.example/a.git", "protocol_type": False}, "protocolType"),
        ({"branch_name": "--output=/x"}, "branchName"),
        ({"code_save_dir": "../up"}, "codeSaveDir"),
        ({"code_save_dir": "/abs"}, "codeSaveDir"),
        ({"code_save_dir": {}}, "codeSaveDir"),
        ({"http_ssl_verify_skip": "Y"}, "httpSslVerifySkip"),
        ({"submodules": "true"}, "submodules"),
        ({"lfs": 1}, "lfs"),
        ({"private_key": "KEY"}, "privateKey"),
        ({"known_hosts": 1}, "knownHosts"),
    ],
)
def test_a_wrong_field_of_a_download_is_named(changes, tail):
    assert fields(StepType.CODE_DOWN, **changes) == [tail]


def test_a_private_repository_needs_user_and_password():
    assert fields(StepType.CODE_DOWN, common_type="PRIVATE") == ["userId", "password"]
    assert fields(StepType.CODE_DOWN, common_type="PRIVATE", user_id="a", password="b") == []
    assert fields(StepType.CODE_DOWN, frozenset({"password"}), common_type="PRIVATE", user_id="a") == []


def test_a_private_repository_by_ssh_takes_a_key_instead():
    ssh = {"common_type": "PRIVATE", "repository_url": "git@git.example:team/app.git"}
    assert fields(StepType.CODE_DOWN, **ssh) == ["userId", "password"]
    assert fields(StepType.CODE_DOWN, **ssh, private_key="KEY") == []
    assert fields(StepType.CODE_DOWN, frozenset({"private_key"}), **ssh) == []


@pytest.mark.parametrize(
    ("url", "stored"),
    [
        ("https://git.example/team/app.git", ("git.example/team/app.git", "https", "app")),
        ("HTTP://git.example:8080/app/", ("git.example:8080/app/", "http", "app")),
        ("git.example/team/app", ("git.example/team/app", "https", "app")),
        ("git@git.example:team/app.git", ("git@git.example:team/app.git", "ssh", "app")),
        ("ssh://git@git.example:22/team/app.git", ("git@git.example:22/team/app.git", "ssh", "app")),
    ],
)
def test_an_address_is_stored_without_scheme_and_fills_protocol_and_folder(url, stored):
    config = tidy_config(StepType.CODE_DOWN, {"repository_url": url})
    assert (config["repository_url"], config["protocol_type"], config["code_save_dir"]) == stored


def test_the_scheme_of_an_address_wins_over_the_protocol_and_tidying_twice_changes_nothing():
    once = tidy_config(StepType.CODE_DOWN, {"repository_url": "http://a.example/b", "protocol_type": "https"})
    assert once["protocol_type"] == "http"
    assert tidy_config(StepType.CODE_DOWN, once) == once


@pytest.mark.parametrize(
    ("changes", "tail"),
    [
        ({"image_name": ""}, "imageName"),
        ({"image_name": "Upper"}, "imageName"),
        ({"image_name": "user:word@registry.example/a"}, "imageName"),
        ({"image_tag": "a" * 129}, "imageTag"),
        ({"image_tag": "a b"}, "imageTag"),
        ({"cmd": "make"}, "cmd"),
        ({"cmd": ["make", 5]}, "cmd[1]"),
        ({"working_dir": "a/../../b"}, "workingDir"),
        ({"envs": [{"key": "1A", "value": ""}]}, "envs[0].key"),
        ({"envs": {"A": "1"}}, "envs"),
        ({"docker_volume_mount_vo_list": ["/a"]}, "dockerVolumeMountVOList[0]"),
        ({"docker_volume_mount_vo_list": [{"container_path": "/a"}]}, "dockerVolumeMountVOList[0].hostPath"),
    ],
)
def test_a_wrong_field_of_a_task_is_named(changes, tail):
    assert fields(StepType.USER_TASK, **changes) == [tail]


@pytest.mark.parametrize(
    "path", ["/", "/srv", "/srv/cachet", "/var/run/docker.sock", "/srv/cache/../..", "srv/cache", "/srv/cache:ro"]
)
def test_a_host_path_that_the_server_does_not_open_is_refused(path):
    mount = {"container_path": "/cache", "host_path": path}
    wrong = fields(StepType.USER_TASK, docker_volume_mount_vo_list=[mount])
    assert wrong == ["dockerVolumeMountVOList[0].hostPath"]


@pytest.mark.parametrize("path", ["/", "/workspace", "/workspace/", "cache", "/a/../b"])
def test_a_mount_stands_beside_the_workspace(path):
    mount = {"container_path": path, "host_path": "/srv/cache"}
    wrong = fields(StepType.USER_TASK, docker_volume_mount_vo_list=[mount])
    assert wrong == ["dockerVolumeMountVOList[0].containerPath"]


@pytest.mark.parametrize(
    ("changes", "tail"),
    [
        ({"url": ""}, "url"),
        ({"url": "http://files.example"}, "url"),
        ({"url": "ftp://u:p@files.example"}, "url"),
        ({"url": "sftp://files.example", "ftp_type": "FTP"}, "url"),
        ({"ftp_type": "FTPS"}, "ftpType"),
        ({"ftp_exec_type": "UPLOAD"}, "ftpExecType"),
        ({"ftp_exec_type": ""}, "ftpExecType"),
        ({"source_files": "a,../b"}, "sourceFiles"),
        ({"source_files": ""}, "sourceFiles"),
        ({"remote_directory": "a\r\nDELE b"}, "remoteDirectory"),
        ({"password": "a\nb"}, "password"),
    ],
)
def test_a_wrong_field_of_a_transfer_is_named(changes, tail):
    assert fields(StepType.FTP, **changes) == [tail]


@pytest.mark.parametrize(
    ("changes", "tail"),
    [
        ({"url": ""}, "url"),
        ({"url": "ftp://a.example"}, "url"),
        ({"url": "https://u:p@a.example/"}, "url"),
        ({"url": "https:///path"}, "url"),
        ({"url": "https://a.example:99999/"}, "url"),
        ({"url": "https://a.example\\@b/"}, "url"),
        ({"http_mode": "get"}, "httpMode"),
        ({"custom_headers": [{"name": "A B", "value": ""}]}, "customHeaders[0].name"),
        ({"custom_headers": [{"name": "A", "value": "b\r\nC: d"}]}, "customHeaders[0].value"),
        ({"custom_headers": [{"key": "A", "value": "b"}]}, "customHeaders[0]"),
        ({"custom_headers": [{"name": "A", "value": "b"}, {"name": "a", "value": "b"}]}, "customHeaders[1].name"),
        ({"ignore_ssl_errors": "N"}, "ignoreSslErrors"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": 3601}, "timeout"),
        ({"timeout": "30"}, "timeout"),
        ({"valid_response_codes": "200-299"}, "validResponseCodes"),
        ({"valid_response_codes": "299:200"}, "validResponseCodes"),
        ({"valid_response_codes": "99"}, "validResponseCodes"),
        ({"output_file": "/etc/passwd"}, "outputFile"),
        ({"output_file": "a/"}, "outputFile"),
        ({"console_log_response_body": 0}, "consoleLogResponseBody"),
        ({"request_body": {"a": 1}}, "requestBody"),
    ],
)
def test_a_wrong_field_of_a_request_is_named(changes, tail):
    assert fields(StepType.HTTP, **changes) == [tail]


@pytest.mark.parametrize(
    ("changes", "tail"),
    [({"command": " \n"}, "command"), ({"command": ["make"]}, "command"), ({"shell_type": "BASH"}, "shellType")],
)
def test_a_wrong_field_of_a_script_is_named(changes, tail):
    assert fields(StepType.SHELL, **changes) == [tail]


def test_a_step_with_several_faults_tells_them_all():
    assert fields(StepType.HTTP, url="x", timeout=0, http_mode=1) == ["url", "httpMode", "timeout"]
