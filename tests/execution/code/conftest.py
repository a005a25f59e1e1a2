"""A repository with files beside its Dockerfile, and workers that may reach its server, with small limits."""

from secrets import token_hex

import pytest

from builds.services.builds.edit import BuildDraft, create_build
from builds.services.builds.steps import StepDraft
from tests.execution.code.world import AUTHORITY
from tests.support.git_servers import Origin, git_http
from tests.support.plugin import SERVICES
from tests.support.stack import worker_host


@pytest.fixture(scope="package")
def worker_processes(engine_url, django_db_setup, django_db_blocker):
    """Workers that may reach the git servers of the tests, with small limits."""
    authorities = SERVICES.home / "authorities.pem"
    authorities.write_text(AUTHORITY.ca, encoding="utf-8")
    extra = {
        "SSL_CERT_FILE": str(authorities),
        "BUILDHUB_OUTBOUND_ALLOW": "127.0.0.0/8,localhost",
        "BUILDHUB_REPOSITORY_LIMIT_MB": "8",
        "BUILDHUB_CONTEXT_LIMIT_MB": "2",
    }
    with worker_host(engine_url, django_db_blocker, **extra) as workers:
        yield workers


@pytest.fixture
def origin(tmp_path, base_image):
    origin = Origin(tmp_path / "git")
    own = f"RUN : {token_hex(4)}; cat /app/note.txt && find /app | sort"  # what another test has built says nothing
    origin.commit({"Dockerfile": f"FROM {base_image}\nCOPY . /app\n{own}\n"})
    origin.head = origin.commit({"note.txt": "the note\n", "src/a.txt": "a"}, "Add a note")
    return origin


@pytest.fixture
def served(origin):
    with git_http(origin.bare.parents[1]) as server:
        yield server


@pytest.fixture
def from_git(caller):
    """Make a build of a repository; `code` and `image` add to the two steps."""

    def make(url, *, name="team/app", code=None, image=None):
        steps = (
            StepDraft("CODE_DOWN", order=1, config={"repository_url": url, **(code or {})}),
            StepDraft("CREATE_IMAGE", order=2, config=image or {"docker_file_path": "app/Dockerfile"}),
        )
        draft = BuildDraft(name=name, image_name=name, tag_name="1", steps=steps)
        return create_build(caller=caller, draft=draft)

    return make
