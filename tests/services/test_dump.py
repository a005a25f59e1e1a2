"""A dump of the database holds no password and no key in clear: of registries, servers, builds and their runs."""

import subprocess

import pytest

from builds.domain.access import Role
from builds.models import WorkerHost
from builds.services.accounts.access import caller_for
from builds.services.connections.registries import RegistryDraft, create_registry
from builds.services.connections.servers import ServerDraft, create_server
from supervisor import postgres
from tests.engine.certificates import Authority
from tests.support.people import make_build, make_person, make_world
from tests.support.runs import press
from tests.support.workers import database_url

FAR = "tcp://192.0.2.7:2376"


def dump() -> str:
    """Return all tables as pg_dump writes them."""
    program = postgres.programs() / "pg_dump"
    said = subprocess.run([program, "--data-only", database_url()], capture_output=True, text=True, check=True)
    return said.stdout


@pytest.mark.django_db(transaction=True)
def test_no_secret_stands_in_a_dump():
    account = make_world()
    root, boss = (
        caller_for(make_person(n, r, a))
        for n, r, a in (("root", Role.INSTANCE_ADMIN, None), ("boss", Role.ADMIN, account))
    )
    WorkerHost.objects.create(name="here", workers=4)
    authority = Authority()
    stored, own = authority.issue("stored"), authority.issue("own")
    tls = {"tls_verify": True, "ca_cert": authority.ca, "client_cert": stored.certificate, "client_key": stored.key}
    create_server(caller=root, draft=ServerDraft(name="far", url=FAR, account_ids=[account.pk], **tls))
    create_registry(
        caller=root,
        draft=RegistryDraft(name="dev", host="registry.example", username="robot", password="word-of-the-registry"),
    )
    fields = {"server_ca_cert": authority.ca, "server_client_cert": own.certificate, "server_client_key": own.key}
    build = make_build(boss, "FROM scratch\n", server_host=FAR, server_tls_verify=True, **fields)
    press(build, boss)
    text = dump()
    assert "registry.example" in text
    assert authority.ca.splitlines()[1] in text  # the CA is no secret, and shows that PEM texts would be found
    secrets = ["word-of-the-registry", *stored.key.splitlines()[1:-1], *own.key.splitlines()[1:-1]]
    assert [secret for secret in secrets if secret in text] == []
