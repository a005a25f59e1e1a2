"""Builds from git: a repository with files beside its Dockerfile, from press to image."""

import io

from django.db import connection
from docker import APIClient

from builds.services.builds.edit import BuildDraft, create_build
from builds.services.builds.steps import StepDraft
from builds.services.runs.parameters import RunAsk
from tests.execution.code.world import AUTHORITY, PASSWORD, private
from tests.support.git_servers import Origin, git, git_http
from tests.support.runs import ended, press, texts, workspaces
from tests.support.waiting import wait_until


def test_a_repository_builds_with_its_files_and_the_run_knows_its_commit(workers, caller, from_git, served, origin):
    run = ended(press(from_git(served.url()), caller))
    assert (run.end_reason, run.end_message) == ("DONE", "")
    assert (run.commit_id, run.commit_branch) == (origin.head, "main")
    assert (run.commit_author, run.commit_subject) == ("Ada Lovelace", "Add a note")
    said = texts(run)
    assert "the note" in said
    assert "/app/src/a.txt" in said
    assert not any(".git" in line or "dockerfile.build" in line for line in said if line.startswith("/app"))
    assert any(line.startswith("main is commit " + origin.head[:12]) for line in said)
    assert any(line.startswith("Sending the build context: 3 files") for line in said)
    wait_until(lambda: not workspaces(), message=workspaces)


def test_a_private_repository_builds_over_tls_and_its_password_is_nowhere(workers, caller, from_git, origin):
    login = f"ada:{PASSWORD}"
    with git_http(origin.bare.parents[1], login=login, pair=AUTHORITY.issue("127.0.0.1")) as server:
        run = ended(press(from_git(server.url(), code=private()), caller))
    assert (run.end_reason, run.end_message) == ("DONE", "")
    assert PASSWORD not in "\n".join(texts(run))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(t::text, ' ') FROM (SELECT b, s, r FROM builds_runstep s, builds_buildrun r,"
            " builds_buildstep b WHERE s.run_id = r.id) t"
        )
        assert PASSWORD not in cursor.fetchone()[0]


TYPED = "FROM {base}\nCOPY . /x\nRUN ls -A /x\n"
NAMES = {"Dockerfile", "svc.txt", "root.txt", "svc", "app", "link"}


# the image step, what it sees of the repository
CONTEXTS = (
    ({"docker_file_path": "app/svc/Dockerfile"}, {"Dockerfile", "svc.txt", "link"}),
    ({"docker_file_path": "app/svc/Dockerfile", "context_path": "app"}, {"root.txt", "svc"}),
    ({"docker_file_path": "app/svc/Dockerfile", "context_path": "."}, {"app"}),
    ({"docker_file": TYPED}, {"root.txt", "svc"}),
    ({"docker_file": TYPED, "context_path": "app/svc"}, {"Dockerfile", "svc.txt", "link"}),
    ({"docker_file_path": "app/svc/link"}, {"Dockerfile", "svc.txt", "link"}),
)


def test_the_context_is_the_folder_that_is_named_or_the_dockerfiles_own(
    workers, caller, from_git, tmp_path, base_image
):
    origin = Origin(tmp_path / "layout")
    dockerfile = f"FROM {base_image} AS files\nCOPY . /x\nRUN ls -A /x\nFROM files AS other\nRUN false\n"
    (origin.tree / "svc").mkdir()
    (origin.tree / "svc" / "link").symlink_to("Dockerfile")
    origin.commit({"svc/Dockerfile": dockerfile, "svc/svc.txt": "s", "root.txt": "r"})

    def pressed(image, name):
        typed = image.get("docker_file", "").format(base=base_image)
        how = {"docker_file": typed} if typed else {"target": "files"}
        return press(from_git(server.url(), name=name, image={**image, **how, "no_cache": True}), caller)

    with git_http(tmp_path / "layout") as server:
        # One after the other: builds of the same content share an instruction, and one of them gets its lines.
        found = [ended(pressed(image, f"team/layout-{number}")) for number, (image, _) in enumerate(CONTEXTS)]
    assert [(run.end_reason, run.end_message) for run in found] == [("DONE", "")] * len(CONTEXTS)
    assert [NAMES & set(texts(run)) for run in found] == [listed for _, listed in CONTEXTS]


def test_the_branch_of_the_press_is_fetched(workers, caller, from_git, served, origin):
    dev = origin.commit({"note.txt": "of dev\n"}, branch="dev")
    run = ended(press(from_git(served.url()), caller, RunAsk(branch_name="dev")))
    assert (run.end_reason, run.commit_id, run.commit_branch) == ("DONE", dev, "dev")
    assert "of dev" in texts(run)


def test_two_repositories_lie_beside_each_other_and_not_in_each_other(workers, caller, served, origin, base_image):
    origin.commit({"other.txt": "x"}, branch="dev")

    def build(second, name):
        image = f"FROM {base_image}\nCOPY . /x\nRUN ls /x\n"
        second_of = {"repository_url": served.url(), "branch_name": "dev"}
        steps = (
            StepDraft("CODE_DOWN", order=1, config={"repository_url": served.url()}),
            StepDraft("CODE_DOWN", order=2, config={**second_of, "code_save_dir": second}),
            StepDraft("CREATE_IMAGE", order=3, config={"docker_file": image}),
        )
        draft = BuildDraft(name=name, image_name=name, tag_name="1", steps=steps)
        return create_build(caller=caller, draft=draft)

    run = ended(press(build("lib", "team/both"), caller))
    assert run.end_reason == "DONE"
    assert {"app", "lib"} <= set(texts(run))
    assert (run.commit_id, run.commit_branch) == (origin.head, "main")
    taken = ended(press(build("app", "team/same"), caller))
    assert (taken.end_reason, "codeSaveDir app" in taken.end_message) == ("DEFINITION_INVALID", True)


def test_a_program_of_any_user_works_in_the_code_and_the_image_has_it_as_without(
    workers, caller, served, base_image, engine_socket
):
    text = f"FROM {base_image}\nUSER 1234\n".encode()
    client = APIClient(f"unix://{engine_socket}", version="auto")
    list(client.build(fileobj=io.BytesIO(text), tag="buildhub-test/of-a-user:1", forcerm=True))
    line = "id -u; touch made ../made ../src/made && rm made ../made ../src/made"
    config = {"image_name": "buildhub-test/of-a-user", "image_tag": "1", "cmd": ["sh", "-c", line]}
    task = StepDraft("USER_TASK", order=2, config={**config, "working_dir": "app/deep"})
    image = f"FROM {base_image}\nCOPY . /x\nRUN rm -rf /x/deep; cd /x; find . -exec stat -c '%n %a %s' {{}} + | sort\n"

    def listed(name: str, *steps: StepDraft) -> list[str]:
        code = StepDraft("CODE_DOWN", order=1, config={"repository_url": served.url()})
        last = StepDraft("CREATE_IMAGE", order=9, config={"docker_file": image, "no_cache": True})
        draft = BuildDraft(name=name, image_name=name, tag_name="1", steps=(code, *steps, last))
        run = ended(press(create_build(caller=caller, draft=draft), caller))
        assert (run.end_reason, run.end_message, "1234" in texts(run)) == ("DONE", "", bool(steps))
        return [line for line in texts(run) if line.startswith("./")]

    assert listed("with", task) == listed("without") != []


def test_a_repository_with_a_submodule_builds_with_its_files(workers, caller, from_git, tmp_path, base_image):
    root = tmp_path / "modules"
    Origin(root, "team/lib.git").commit({"lib.txt": "of the library\n"})
    outer = Origin(root)
    outer.commit({"Dockerfile": f"FROM {base_image}\nCOPY . /x\nRUN cat /x/vendor/lib.txt\n"})
    git("-c", "protocol.file.allow=always", "submodule", "add", "-q", "../lib.git", "vendor", cwd=outer.tree)
    outer.commit({}, "Add the library")
    with git_http(root) as server:
        run = ended(press(from_git(server.url(), code={"submodules": True}), caller))
    assert (run.end_reason, run.end_message) == ("DONE", "")
    assert "of the library" in texts(run)
