"""The fields of each kind of step: the API's names and the keys that are stored.

camelCase stands here for the reason given in shapes.py.
"""

from collections.abc import Mapping
from typing import Any, Final

from builds.domain.states import StepType
from builds.domain.steps.kinds import SECRETS, api_name

TITLES: Final = ("step_title", "step_desc")
CONFIG_KEYS: Final[Mapping[StepType, tuple[str, ...]]] = {
    StepType.INIT: TITLES,
    StepType.CODE_DOWN: (
        *TITLES, "repository_type", "repository_url", "common_type", "protocol_type", "user_id", "password",
        "branch_name", "code_save_dir", "http_ssl_verify_skip", "private_key", "known_hosts", "submodules", "lfs",
    ),
    StepType.USER_TASK: (
        *TITLES, "cmd", "working_dir", "image_name", "image_tag", "docker_volume_mount_vo_list", "envs",
    ),
    StepType.FTP: (
        *TITLES, "url", "ftp_type", "username", "password", "source_files", "remote_directory", "ftp_exec_type",
    ),
    StepType.HTTP: (
        *TITLES, "url", "http_mode", "custom_headers", "ignore_ssl_errors", "username", "password", "timeout",
        "valid_response_codes", "valid_response_content", "output_file", "console_log_response_body", "request_body",
    ),
    StepType.SHELL: (*TITLES, "shell_type", "command"),
    StepType.CREATE_IMAGE: (
        *TITLES, "docker_file_type", "docker_file", "docker_file_path", "registry_id", "registry_name", "image_name",
        "image_tag", "latest_apply", "registry_url", "login_id", "password", "private_certificate", "image_url",
        "external_registry_seq", "severity", "exit_code", "context_path", "build_args", "secrets", "target",
        "platform", "labels", "no_cache", "pull",
    ),
    StepType.CANCEL: (*TITLES, "ref_build_run_seq"),
    StepType.DELETE: (*TITLES, "ref_build_run_seq"),
}  # fmt: skip

# Filled from the build and the run in answers, ignored in a body (docs/contract.md, "Step configurations").
FILLED: Final = ("registry_name", "image_name", "image_tag", "registry_url", "image_url", "external_registry_seq")
WRITE_ONLY: Final = SECRETS
TITLE_DEFAULTS: Final = {StepType.INIT: "init", StepType.CREATE_IMAGE: "Build & Push"}


def config_shape(step_type: StepType, config: Mapping[str, Any], filled: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step's config with every field of its kind; unknown ones and secrets are None.

    `filled` holds what the build or run decides for a CREATE_IMAGE step, under the stored keys.
    """
    shown = {**config, **(filled if step_type is StepType.CREATE_IMAGE else {})}
    shape = {key: None if key in WRITE_ONLY else shown.get(key) for key in CONFIG_KEYS[step_type]}
    shape["step_title"] = shape["step_title"] or TITLE_DEFAULTS.get(step_type)
    return {api_name(key): _nested(value) for key, value in shape.items()}


def _nested(value: Any) -> Any:
    """Give the entries of a list, such as {container_path, host_path}, the API's names as well."""
    if isinstance(value, list):
        return [_nested(item) for item in value]
    if isinstance(value, Mapping):
        return {api_name(key): item for key, item in value.items()}
    return value
