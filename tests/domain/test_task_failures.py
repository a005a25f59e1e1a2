"""Why the program of a step failed, by its own end and in the words of engines and registries (20.10, 28.5)."""

import pytest

from builds.domain.failures import KINDS
from builds.domain.states import EndReason, StepType
from builds.domain.steps.user_task import Opened, mounted_by, opens_server
from builds.domain.task_failures import task_ended, task_image_failed, task_refused, task_unstarted

TASK, SHELL = StepType.USER_TASK, StepType.SHELL


@pytest.mark.parametrize(
    ("failure", "kind", "reason", "sentence"),
    [
        (task_ended(TASK, "Pack", 3), "task.exited", EndReason.USER_TASK_FAILED, "Pack ended with exit code 3."),
        (task_ended(SHELL, "Pack", 139), "shell.exited", EndReason.STEP_FAILED, "SIGSEGV"),
        (
            task_ended(SHELL, "Pack", 127, command="mvn -B package", tail="sh: mvn: not found"),
            *("shell.command_missing", EndReason.STEP_FAILED, "mvn is not in the image of Pack"),
        ),
        (
            task_ended(SHELL, "Pack", 127, command="./run", tail="./run: line 2: other: not found"),
            *("shell.exited", EndReason.STEP_FAILED, "command not found"),
        ),
        (
            task_ended(TASK, "Pack", 137, out_of_memory=True),
            *("task.out_of_memory", EndReason.USER_TASK_FAILED, "it had used up its memory"),
        ),
        (
            task_unstarted(TASK, "Pack", 127, 'exec: "nosuch": executable file not found in $PATH: unknown'),
            *("task.command_missing", EndReason.USER_TASK_FAILED, 'exec: "nosuch"'),
        ),
    ],
)
def test_an_end_has_its_kind_its_word_and_its_sentence(failure, kind, reason, sentence):
    assert (failure.kind.id, failure.kind.end_reason) == (kind, reason)
    assert sentence in failure.sentence
    assert KINDS[kind] is failure.kind


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("manifest for 127.0.0.1:5000/no/such:1 not found: manifest unknown: manifest unknown", "image_missing"),
        ("pull access denied for tool, repository does not exist or may require 'docker login'", "image_missing"),
        ("Head https://registry.example/v2/tool/manifests/1: unauthorized: 401 Unauthorized", "image_denied"),
        ('Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused', "image_unreachable"),
        ("toomanyrequests: You have reached your pull rate limit", "image_refused"),
    ],
)
def test_a_pull_that_failed_says_why(words, kind):
    failure = task_image_failed(SHELL, "registry.example/tool:1", words)
    assert failure.kind.id == f"shell.{kind}"
    assert "registry.example/tool:1" in failure.sentence


def test_a_folder_that_is_not_on_the_server_is_its_administrators_matter():
    failure = task_refused(TASK, "default server", "invalid mount config: bind source path does not exist: /srv/x")
    assert (failure.kind.id, failure.kind.whose) == ("task.mount_missing", "server")
    assert "/srv/x" in failure.sentence


def test_a_host_path_is_mounted_by_the_highest_path_that_is_open():
    allowed = ["/srv/cache/npm", "/srv/cache", "/srv/other/"]
    assert mounted_by("/srv/cache/npm", allowed) == Opened("/srv/cache", "npm")
    assert mounted_by("/srv/cache", allowed) == Opened("/srv/cache", "")
    assert mounted_by("/srv/other//deep/", allowed) == Opened("/srv/other", "deep")
    assert mounted_by("/srv/cachet", allowed) is None
    assert mounted_by("/var/run/docker.sock", ["/var/run"]) is None
    assert mounted_by("/data/cache", ["/data"], "unix:///data/docker.sock") is None  # all of /data would be in it


@pytest.mark.parametrize(
    "path", ["/", "//", "/var", "/run", "/var/run/docker.sock", "/proc/1/root", "/dev/sda", "/data"]
)
def test_what_is_the_whole_server_is_never_opened(path):
    assert opens_server(path, "unix:///data/engine/docker.sock")


def test_a_folder_beside_the_engine_may_be_opened():
    assert not opens_server("/srv/cache", "unix:///data/engine/docker.sock")
    assert not opens_server("/data", "tcp://10.0.0.1:2376")
