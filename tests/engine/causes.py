"""What each captured failure has to be read as: kind, exit code, line of the Dockerfile, whose problem, words.

The captured texts stand in `vectors/`, by the same names (`capture.py`). A list has what Docker before 23 and what
later ones are read as, which know here-documents.
"""

from typing import Final, NamedTuple

from builds.domain.failure_kind import Whose
from builds.domain.states import EndReason

DEFINITION = (Whose.DEFINITION, EndReason.BUILD_FAILED)
IMAGE_REGISTRY = (Whose.REGISTRY, EndReason.BUILD_FAILED)
SERVER = (Whose.SERVER, EndReason.SERVER_FAILED)
REGISTRY = (Whose.REGISTRY, EndReason.REGISTRY_FAILED)
TAG = (Whose.DEFINITION, EndReason.REGISTRY_FAILED)


class Cause(NamedTuple):
    """What a failed build has to be read as; several codes or lines where engines differ."""

    kind: str
    code: int | tuple[int, ...] | None
    line: int | tuple[int | None, ...] | None
    words: str
    blamed: tuple[Whose, EndReason] = DEFINITION

    @property
    def codes(self) -> tuple[int | None, ...]:
        """The exit codes that engines tell."""
        return self.code if isinstance(self.code, tuple) else (self.code,)

    @property
    def lines(self) -> tuple[int | None, ...]:
        """The lines of the Dockerfile that engines lead to."""
        return self.line if isinstance(self.line, tuple) else (self.line,)


class Refused(NamedTuple):
    """What a failed push has to be read as; `again`: the same push may pass a little later."""

    kind: str
    words: str
    again: bool = False
    blamed: tuple[Whose, EndReason] = REGISTRY


EXITED = "build.exited"
INVALID = "build.dockerfile_invalid"
BUILDS: Final[dict[str, Cause | list[Cause | None]]] = {
    "build_exit": Cause(EXITED, 7, 2, "line 2 of the Dockerfile, ended with exit code 7"),
    "build_exit_in_a_stage": Cause(EXITED, 3, 2, "ended with exit code 3"),
    "build_exit_in_an_unnamed_stage": Cause(EXITED, 3, 2, "ended with exit code 3"),
    "build_exit_with_code_in_text": Cause(EXITED, 5, 2, "ended with exit code 5"),
    "build_exit_with_code_in_command": Cause(EXITED, 42, 2, "ended with exit code 42"),
    "build_exit_after_server_words": Cause(EXITED, 1, 2, "Looks like the disk was full"),
    "build_exit_of_ten_and_more": Cause(EXITED, 6, 3, "line 3 of the Dockerfile"),
    "build_exit_of_ten_and_more_in_a_stage": Cause(EXITED, 6, 3, "line 3 of the Dockerfile"),
    "build_exit_of_lines": Cause("build.command_missing", 127, 2, "curl is not in this image (line 2)"),
    "build_not_found": Cause("build.command_missing", 127, 2, "nosuchcommand is not in this image (line 2)"),
    "build_not_executable": Cause(EXITED, 126, 2, "not executable"),
    "build_no_shell": Cause(EXITED, 1, 2, "Looks like the program is not in this image"),
    "build_exec_format": Cause(EXITED, (1, 255), 3, "Looks like the program is made for another processor"),
    "build_user_missing": Cause("build.user_missing", None, 3, "adduser"),
    "build_workdir_on_a_file": Cause("build.failed", None, 3, "WORKDIR /f/x, line 3 of the Dockerfile"),
    "build_unknown_instruction": Cause(INVALID, None, 2, "RUNN"),
    "build_copy_without_target": Cause(INVALID, None, 2, "COPY requires at least two arguments"),
    "build_unknown_flag": Cause(INVALID, None, 2, "nosuch"),
    "build_unknown_mount": Cause(INVALID, None, 2, "mount type"),
    "build_port_invalid": Cause(INVALID, None, 2, "abc"),
    "build_health_invalid": Cause(INVALID, None, 2, "NOSUCH"),
    "build_circular": Cause("build.base_unreachable", None, 1, "library/two", IMAGE_REGISTRY),
    "build_empty": Cause(INVALID, None, None, "file with no instructions"),
    "build_without_from": Cause(INVALID, None, None, "no build stage in current context"),
    "build_here_document": [Cause("build.here_document", None, 2, "This engine knows no here-documents"), None],
    "build_here_document_exit": [
        Cause("build.here_document", None, 3, "# syntax=docker/dockerfile:1"),
        Cause(EXITED, 4, 3, "line 3 of the Dockerfile"),
    ],
    "build_file_missing": Cause("build.file_missing", None, 2, "/nothing"),
    "build_file_missing_in_a_stage": Cause("build.file_missing", None, 3, "/nothing"),
    "build_file_named_like_a_fault": Cause("build.file_missing", None, 2, "/no-space-left-on-device"),
    "build_base_missing": Cause("build.base_not_found", None, 1, "no-such-image"),
    "build_base_invalid": Cause(INVALID, None, 1, "UPPER"),
    "build_base_blank": Cause(INVALID, None, 2, "should not be blank"),
    "build_base_unreachable": Cause("build.base_unreachable", None, 1, "connection refused", IMAGE_REGISTRY),
    "build_base_unknown_host": Cause("build.base_unreachable", None, 1, "no such host", IMAGE_REGISTRY),
    "build_base_of_another_stage": Cause("build.base_not_found", None, 3, "no-such-image"),
    "build_base_closed": Cause("build.base_denied", None, 1, "does not accept the login", IMAGE_REGISTRY),
    "build_copied_image_missing": Cause("build.base_not_found", None, 2, "no-such-image"),
    "build_frontend_unreachable": Cause("build.base_unreachable", None, 1, "connection refused", IMAGE_REGISTRY),
    "build_frontend_missing": Cause("build.frontend_missing", None, 1, "# syntax="),
    "build_address_refused": Cause("build.host_unreachable", None, 2, "connection refused"),
    "build_address_unknown_host": Cause("build.host_unreachable", None, 2, "no such host"),
    "build_address_missing": Cause("build.address_refused", None, 2, "404"),
    "build_secret_missing": Cause("build.session_missing", None, 2, "secret"),
    "build_ssh_missing": Cause("build.session_missing", None, 2, "ssh"),
    "build_target_missing": Cause("build.target_missing", None, None, "nowhere"),
    "build_onbuild_exit": Cause(EXITED, 3, 2, "from ONBUILD of the base image in line 2 of the Dockerfile"),
    "build_onbuild_exit_second": Cause(EXITED, 4, 2, "from ONBUILD of the base image in line 2 of the Dockerfile"),
    "build_onbuild_file_missing": Cause("build.file_missing", None, 2, "from ONBUILD of the base image in line 2"),
    "server_bridge_gone": Cause("engine.network", None, 2, "bridge and packet filter", SERVER),
    "server_disk_full_by_program": Cause(EXITED, 1, 2, "Looks like the disk was full"),
    "server_disk_full_by_copy": Cause("build.disk_full", None, (4, None), "administrator", SERVER),
    "server_disk_full_by_pull": Cause("build.disk_full", None, None, "administrator", SERVER),
    "server_disk_full_at_export": Cause("build.disk_full", None, None, "administrator", SERVER),
}

PUSHES: Final[dict[str, Refused]] = {
    "push_missing": Refused("image.taken", "does not have the image any more", blamed=SERVER),
    "push_unreachable": Refused("registry.unreachable", "does not answer the build server", again=True),
    "push_unknown_host": Refused("registry.unknown_host", "cannot resolve the name"),
    "push_without_login": Refused("registry.unauthorized", "Check the user and password"),
    "push_wrong_login": Refused("registry.unauthorized", "Check the user and password"),
    "push_immutable_as_ecr": Refused("registry.tag_fixed", "Give another tag", blamed=TAG),
    "push_immutable_as_harbor": Refused("registry.tag_fixed", "Give another tag", blamed=TAG),
    "push_immutable_as_quay": Refused("registry.tag_fixed", "Give another tag", blamed=TAG),
    "push_quota": Refused("registry.quota", "no room left"),
    "push_denied": Refused("registry.denied", "may push there"),
    "push_project_missing": Refused("registry.name", "takes no repository tests/whole"),
    "push_read_only": Refused("registry.read_only", "takes no pushes"),
    "push_name_invalid": Refused("registry.name", "takes no repository tests/whole"),
    "push_manifest_invalid": Refused("registry.refused", "would be refused again"),
    "push_too_large": Refused("registry.too_large", "limit of request bodies"),
    "push_too_many": Refused("registry.busy", "too many requests", again=True),
    "push_bad_gateway": Refused("registry.failed", "502", again=True),
    "push_internal": Refused("registry.failed", "push again needs no new build", again=True),
    "push_manifest_internal": Refused("registry.failed", "push again needs no new build", again=True),
}

# Before 28, with containerd's image store, an engine tells the registry's HTTP status and not its words.
PUSHES_BY_STATUS: Final[dict[str, Refused]] = {
    **dict.fromkeys(
        (
            "push_immutable_as_ecr",
            "push_immutable_as_harbor",
            "push_immutable_as_quay",
            "push_name_invalid",
            "push_project_missing",
        ),
        Refused("registry.refused", "would be refused again"),
    ),
    "push_quota": Refused("registry.denied", "may push there"),
}
