"""USER_TASK and SHELL: programs in containers of the build server, from press to end."""

import os
import signal

import pytest
from docker import APIClient

from builds.engine.docker import Engine
from builds.execution.context import labels
from builds.models import BuildRun, BuildServer
from builds.services.builds.edit import BuildDraft, create_build
from builds.services.builds.steps import StepDraft
from builds.services.runs.cancel_and_remove import request_cancel
from builds.services.runs.start import push_again
from tests.support.runs import ended, executed_here, press, texts, until_printed
from tests.support.waiting import wait_until

IMAGE = {"docker_file": "FROM {base}\nCOPY . /x\nRUN find /x -type f | sort && cat /x/made 2>/dev/null; true\n"}


@pytest.fixture
def with_steps(caller, base_image):
    """Make a build of steps and an image of the workspace; `{base}` in texts is the tests' base image."""

    def make(*steps, image=None, **fields):
        config = {key: value.replace("{base}", base_image) for key, value in (image or IMAGE).items()}
        drafts = [StepDraft(kind, order=at, config=config) for at, (kind, config) in enumerate(steps, 1)]
        last = StepDraft("CREATE_IMAGE", order=len(drafts) + 1, config={**config, "no_cache": True})
        named = {"name": "tasks", "image_name": "tasks", "tag_name": "1", **fields}
        return create_build(caller=caller, draft=BuildDraft(**named, steps=(*drafts, last)))

    return make


@pytest.fixture
def left_of(engine_endpoint):
    """Say what the engine has of a run."""
    engine = Engine(engine_endpoint)
    yield lambda run: [left.kind for left in engine.leftovers(labels(run.pk))]
    engine.close()


@pytest.fixture
def client(engine_socket):
    """Give the Docker SDK's client of the engine, at whose side tests look."""
    client = APIClient(f"unix://{engine_socket}", version="auto")
    yield client
    client.close()


def shell(command, **config):
    return ("SHELL", {"shell_type": "COMMAND", "command": command, **config})


def task(base_image, *cmd, **config):
    name, _, tag = base_image.rpartition(":")
    return ("USER_TASK", {"image_name": name, "image_tag": tag, "cmd": list(cmd), **config})


def states(run: BuildRun) -> list[tuple[str, str]]:
    return list(run.steps.filter(attempt=run.attempt).order_by("order").values_list("step_type", "step_state"))


def test_what_programs_make_is_in_the_image_and_nothing_of_them_is_left(
    workers, caller, with_steps, base_image, left_of, client
):
    containers = {each["Id"] for each in client.containers(all=True)}
    volumes = {each["Name"] for each in client.volumes()["Volumes"] or []}
    build = with_steps(
        shell("echo one > made; echo said; echo warned >&2"),
        task(
            base_image,
            *("sh", "-c", "cat ../../made; echo $WORD >> ../../made; pwd; touch new"),
            working_dir="deep/folder",
            envs=[{"key": "WORD", "value": "two words"}],
        ),
        ("SHELL", {"shell_type": "SCRIPT", "command": "set -u\nfor n in 1 2; do\n  echo line $n >> made\ndone\n"}),
    )
    build.steps.create(step_type="SHELL", order=9, config={"shell_type": "COMMAND", "command": "echo behind it"})
    run = ended(press(build, caller))
    assert (run.end_reason, run.end_message) == ("DONE", "")
    said = texts(run)
    for line in (
        "said",
        "warned",
        "one",
        "/workspace/deep/folder",
        "/x/deep/folder/new",
        "two words",
        "line 2",
        "behind it",
    ):
        assert line in said, line
    assert [kind for kind, _ in states(run)][-2:] == ["CREATE_IMAGE", "SHELL"]
    assert {state for _, state in states(run)} == {"DONE"}
    assert left_of(run) == []
    assert {each["Id"] for each in client.containers(all=True)} <= containers
    assert {each["Name"] for each in client.volumes()["Volumes"] or []} <= volumes


def test_a_last_line_without_an_end_stands_before_what_is_said_of_the_end(workers, caller, with_steps):
    run = ended(press(with_steps(shell("printf 'no such file'; exit 3")), caller))
    assert texts(run)[-2:] == ["no such file", run.end_message]


FAILING = (
    (shell("echo before; exit 3"), "shell.exited", 3, "Shell ended with exit code 3."),
    (shell("nosuchtool --now"), "shell.command_missing", 127, "nosuchtool is not in the image of Shell"),
    (shell("false; echo not reached", step_title="Pack"), "shell.exited", 1, "Pack ended with exit code 1."),
    (("SHELL", {"shell_type": "SCRIPT", "command": "true\nexit 4\n"}), "shell.exited", 4, "exit code 4"),
)


def test_a_program_that_fails_ends_the_run_with_its_code(workers, caller, with_steps, left_of):
    names = [f"failing-{at}" for at in range(len(FAILING))]
    builds = [with_steps(step, name=name, image_name=name) for name, (step, *_) in zip(names, FAILING, strict=True)]
    runs = [press(build, caller) for build in builds]
    for run, (_, kind, code, sentence) in zip(map(ended, runs), FAILING, strict=True):
        assert (run.run_state, run.end_reason, run.failure["id"]) == ("ERROR", "STEP_FAILED", kind)
        assert (run.failure["exit_code"], run.failure["whose"]) == (code, "definition")
        assert sentence in run.end_message
        assert states(run)[1:] == [("SHELL", "ERROR"), ("CREATE_IMAGE", "WAIT")]
        assert left_of(run) == []


def test_a_task_fails_by_its_own_word(workers, caller, with_steps, base_image, left_of):
    run = ended(press(with_steps(task(base_image, "sh", "-c", "exit 9")), caller))
    assert (run.end_reason, run.failure["id"], run.failure["exit_code"]) == ("USER_TASK_FAILED", "task.exited", 9)
    run = ended(press(with_steps(task(base_image, "nosuch"), name="b", image_name="b"), caller))
    assert (run.end_reason, run.failure["id"]) == ("USER_TASK_FAILED", "task.command_missing")
    assert "nosuch" in run.end_message
    assert left_of(run) == []


def test_an_image_that_is_nowhere_is_named(workers, caller, with_steps, registry_host):
    run = ended(press(with_steps(task(f"{registry_host}/no/such:1", "true")), caller))
    assert (run.end_reason, run.failure["id"]) == ("USER_TASK_FAILED", "task.image_missing")
    assert f"{registry_host}/no/such:1" in run.end_message


def test_an_image_is_pulled_where_the_server_does_not_have_it(
    workers, caller, with_steps, build_of, registry_host, engine_endpoint
):
    made = ended(press(build_of("RUN echo pulled > /fact", name="team/tool"), caller))
    engine = Engine(engine_endpoint)
    image = f"{registry_host}/team/tool"
    for at, reference in enumerate((f"{image}:1", f"{image}@{made.image_digest}")):
        assert not engine.image_exists(reference)
        step = ("USER_TASK", {"image_name": reference, "cmd": ["cat", "/fact"]})
        run = ended(press(with_steps(step, name=f"pull-{at}", image_name=f"pull-{at}"), caller))
        assert (run.end_reason, run.end_message) == ("DONE", "")
        assert "pulled" in texts(run)
        engine.remove_image(reference)
    engine.close()


def test_a_cancel_kills_the_program_and_leaves_nothing(workers, caller, with_steps, left_of):
    run = press(with_steps(shell("echo ready; sleep 300; echo over")), caller)
    until_printed(run, "ready")
    there = sorted(left_of(run))
    run.refresh_from_db()
    assert (run.run_state, run.attempt, run.end_message) == ("RUNNING", 1, "")
    assert there == ["container", "container", "volume"]
    request_cancel(run_id=run.pk, caller=caller)
    run = ended(run)
    assert run.end_reason == "CANCELLED"
    assert left_of(run) == []


def test_a_host_path_is_mounted_as_it_is_open_when_the_run_begins(workers, caller, with_steps, base_image, host_folder):
    (host_folder / "cache").mkdir()
    (host_folder / "cache" / "fact").write_text("from the host\n")
    BuildServer.objects.update(allowed_host_paths=[str(host_folder)])
    mounts = [{"host_path": str(host_folder / "cache"), "container_path": "/cache"}]
    build = with_steps(task(base_image, "cat", "/cache/fact", docker_volume_mount_vo_list=mounts))
    run = ended(press(build, caller))
    assert "from the host" in texts(run)
    (host_folder / "cache").rename(host_folder / "other")
    (host_folder / "cache").symlink_to("/")
    run = ended(press(build, caller))
    assert (run.end_reason, run.failure["exit_code"]) == ("USER_TASK_FAILED", 1)
    BuildServer.objects.update(allowed_host_paths=[str(host_folder / "nowhere"), str(host_folder)])
    mounts[0]["host_path"] = str(host_folder / "nowhere")
    gone = with_steps(task(base_image, "true", docker_volume_mount_vo_list=mounts), name="gone", image_name="gone")
    BuildServer.objects.update(allowed_host_paths=[str(host_folder / "nowhere")])
    run = ended(press(gone, caller))
    assert (run.failure["id"], run.failure["whose"]) == ("task.mount_missing", "server")


def test_a_program_sees_neither_the_servers_files_nor_its_engine(workers, caller, with_steps, tmp_path):
    secret = tmp_path / "of-the-server"
    secret.write_text("x")
    tried = (
        f"ls {secret}",
        "ls /var/run/docker.sock",
        "mount -t proc proc /mnt",
        "mknod /tmp/disk b 8 0",
        "nc -w 2 169.254.169.254 80",
        "ip route del prohibit 169.254.0.0/16",
    )
    script = "\n".join(f"if {line} </dev/null 2>/dev/null; then echo 'REACHED {line}'; fi" for line in tried)
    run = ended(press(with_steps(("SHELL", {"shell_type": "SCRIPT", "command": f"{script}\necho tried\n"})), caller))
    assert "tried" in texts(run)
    assert [line for line in texts(run) if line.startswith("REACHED")] == []


def test_a_part_of_an_opened_folder_takes_the_place_of_nothing_in_the_workspace(
    workers, caller, with_steps, base_image, tmp_path
):
    (tmp_path / "cache").mkdir()
    BuildServer.objects.update(allowed_host_paths=[str(tmp_path)])
    mounts = [{"host_path": str(tmp_path / "cache"), "container_path": "/workspace/code"}]
    build = with_steps(shell("mkdir code"), task(base_image, "true", docker_volume_mount_vo_list=mounts))
    run = ended(press(build, caller))
    assert (run.end_reason, run.failure["whose"]) == ("DEFINITION_INVALID", "definition")
    assert f"/workspace/code: Of {tmp_path}, which the build server opens, only the whole" in run.end_message


def test_a_part_of_an_opened_folder_takes_the_place_of_no_volume_of_the_image(
    workers, caller, with_steps, base_image, host_folder, client
):
    (host_folder / "part").mkdir()
    (host_folder / "part" / "fact").write_text("from the host\n")
    BuildServer.objects.update(allowed_host_paths=[str(host_folder)])
    container = client.create_container(base_image, "true")["Id"]
    client.commit(container, "with-volume", "1", changes="VOLUME /cache")
    client.remove_container(container)
    mounts = [{"host_path": str(host_folder / "part"), "container_path": "/cache"}]
    steps = task("with-volume:1", "cat", "/cache/fact", docker_volume_mount_vo_list=mounts)
    run = ended(press(with_steps(steps), caller))
    assert (run.failure["id"], run.failure["whose"]) == ("task.mount_blocked", "definition")
    BuildServer.objects.update(allowed_host_paths=[str(host_folder / "part")])
    run = ended(press(run.build, caller))
    assert run.end_reason == "DONE"
    assert "from the host" in texts(run)
    client.remove_image("with-volume:1")


@pytest.mark.parametrize(
    ("line", "image", "kind"),
    [
        ("ln -s Dockerfile Dockerfile", {"docker_file_path": "Dockerfile"}, "source.dockerfile_missing"),
        ("touch a; ln -s a d", {"docker_file_path": "d/Dockerfile"}, "source.dockerfile_missing"),
        ("touch d", {**IMAGE, "context_path": "d"}, "source.context_missing"),
    ],
)
def test_what_is_in_the_way_of_a_path_is_no_fault_of_the_engine(workers, caller, with_steps, line, image, kind):
    run = ended(press(with_steps(shell(line), image=image), caller))
    assert (run.failure["id"], run.failure["whose"]) == (kind, "definition")


def test_a_push_again_runs_no_program(workers, caller, with_steps):

    run = ended(press(with_steps(shell("echo once")), caller))
    again = ended(push_again(run_id=run.pk, caller=caller))
    assert again.end_reason == "DONE"
    assert "once" not in texts(again)
    assert "Nothing is done here: the image of an earlier run is pushed again" in texts(again)


@pytest.mark.faults
def test_what_a_killed_worker_has_left_is_gone_before_the_next_attempt(workers, caller, with_steps, left_of):
    run = press(with_steps(shell("echo ready; sleep 5; echo over")), caller)
    until_printed(run, "ready")
    run.refresh_from_db()
    os.kill(int(run.lease_owner.rpartition("/")[2]), signal.SIGKILL)
    assert sorted(left_of(run)) == ["container", "container", "volume"]  # a program outlives its worker's connection
    wait_until(lambda: BuildRun.objects.get(pk=run.pk).attempt == 2, timeout=45)
    run = ended(run, timeout=90)
    assert (run.end_reason, run.attempt) == ("DONE", 2)
    assert texts(run).count("over") == 1
    assert left_of(run) == []


def test_what_the_operator_allows_a_program_is_all_that_it_has(
    nobody_serves, workers, caller, with_steps, settings, left_of, engine_url
):
    settings.TASK_NETWORK, settings.TASK_MEMORY_BYTES = "none", 24 << 20
    script = "ls /sys/class/net\ndd if=/dev/zero of=/dev/shm/x bs=1M count=60\necho unharmed"
    build = with_steps(("SHELL", {"shell_type": "SCRIPT", "command": script}), server_host="topic:gone")
    run = executed_here(press(build, caller), engine_url)
    said = texts(run)
    assert "lo" in said
    assert "eth0" not in said
    assert (run.end_reason, run.failure["id"]) == ("STEP_FAILED", "shell.out_of_memory")
    assert "BUILDHUB_TASK_MEMORY_MB" in run.end_message
    assert left_of(run) == []


def test_who_removes_containers_of_a_run_is_told_from_its_definition(workers, caller, with_steps, left_of, client):
    def lost(at: int, *steps, **fields) -> BuildRun:
        """Remove the container of a step (0), or what holds the workspace (1), once the step is ready."""
        run = press(with_steps(*steps, **fields), caller)
        until_printed(run, "ready")
        found = client.containers(filters={"label": [f"buildhub.run={run.pk}"]})
        client.remove_container(found[at]["Id"], force=True)
        return ended(run)

    waiting = shell("echo ready; sleep 2; echo text > file")
    for run in (
        lost(0, waiting),
        lost(1, waiting, shell("true"), name="b", image_name="b"),
        lost(1, waiting, name="c", image_name="c"),  # it could be read as an empty folder
    ):
        assert (run.end_reason, run.failure["id"], run.failure["whose"]) == (
            "SERVER_FAILED",
            "engine.container_lost",
            "server",
        )
        assert left_of(run) == []


def test_tools_that_were_removed_are_brought_again(workers, caller, with_steps, client):
    run = press(with_steps(shell("echo ready; sleep 2"), shell("echo second")), caller)
    until_printed(run, "ready")
    for image in client.images(name="buildhub-tools"):
        client.remove_image(image["RepoTags"][0], force=True)
    assert "second" in texts(ended(run))
