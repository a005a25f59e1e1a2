"""`manage.py worker_host` says what it lacks, and what it serves."""

import pytest
from cryptography.fernet import Fernet

from builds import credentials
from builds.models import WorkerHost
from tests.support.people import make_world
from tests.support.worker_hosts import Host, hosts_of_topics, until_announced

NOWHERE = "unix:///nowhere.sock"


@pytest.fixture
def world(transactional_db):
    return make_world()


def refused(name: str, **extra: str) -> str:
    """Start a host that cannot start; return its last line."""
    code, said = Host(name, topics="arm", engine=NOWHERE, **extra).run_to_its_end()
    assert code != 0, said
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"BUILDHUB_TOPICS": ""}, "BUILDHUB_TOPICS: it names no topic"),
        ({"DATABASE_URL": ""}, "DATABASE_URL: it is not set"),
        ({"BUILDHUB_CREDENTIAL_KEYS": Fernet.generate_key().decode()}, "BUILDHUB_CREDENTIAL_KEYS: these are not the"),
        ({"BUILDHUB_WORKER_HOST": "beside-web"}, "BUILDHUB_WORKER_HOST='beside-web': the workers beside the web"),
    ],
    ids=["topic", "database", "keys", "name"],
)
def test_what_is_missing_or_wrong_is_named_with_the_remedy(world, given, said):
    world.webhook_secret_encrypted = credentials.encrypt("whsec_x")
    world.save()
    WorkerHost.objects.create(name="beside-web", workers=1)
    assert said in refused("wanting", **given)


def test_it_announces_its_topics_and_ends_when_it_is_asked(world):
    host = Host("lonely", topics="arm,gpu", engine=NOWHERE)
    with hosts_of_topics(host):
        until_announced(host)
        row = WorkerHost.objects.get()
        assert (row.name, row.topics, row.topics_only, row.workers) == ("lonely", ["arm", "gpu"], True, 1)
    said = host.said.read_text()
    assert "Worker host lonely serves arm, gpu with 1 worker." in said
    assert f"No Docker Engine answers at DOCKER_HOST={NOWHERE}" in said
