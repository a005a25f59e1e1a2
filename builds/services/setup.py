"""What a first start makes, and every start brings up to date (docs/contract.md, "Commands")."""

import secrets

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from builds.credentials import encrypt
from builds.domain.access import Role
from builds.domain.states import StepType
from builds.domain.tags import AutoTagSeqType
from builds.models import Account, Build, BuildServer, Membership, Registry, WorkerHost
from builds.services.accounts.access import caller_for
from builds.services.builds.edit import BuildDraft, StepDraft, create_build

SAMPLE_BASE = "buildhub-base:1"
SAMPLE_DOCKERFILE = f"""\
# The sample: a tiny image on a base that make run made on this machine.
FROM {SAMPLE_BASE}
RUN echo "Hello from BuildHub" > /hello.txt
RUN for n in 1 2 3 4 5; do echo "line $n of 5"; sleep 0.3; done
CMD ["cat", "/hello.txt"]
"""


def ensure_account() -> Account:
    """Return the first account; a first start makes it, `default`, and the database numbers it 1."""
    first = Account.objects.order_by("pk").first()
    return first or Account.objects.get_or_create(name="default", defaults={"time_zone": "UTC"})[0]


def ensure_administrator(account: Account, *, username: str, password: str) -> str | None:
    """Make the first administrator where there is none; return the password if it had to be made up."""
    if User.objects.filter(is_superuser=True).exists():
        return None
    made_up = "" if password else secrets.token_urlsafe(12)
    with transaction.atomic():
        user = User.objects.create_superuser(username, password=password or made_up)
        Membership.objects.create(account=account, user=user, role=Role.ADMIN)
    return made_up or None


def ensure_default_server(*, capacity: int) -> BuildServer:
    """Bring the default build server up to date: DOCKER_HOST, BUILDHUB_WORKERS.

    Capacity follows `capacity` for as long as nobody has given it a number of its own: it then still is how many
    workers the last start announced. What else admins set stays, but a client key is bound to its address.
    """
    server = BuildServer.objects.default()
    if server is None:
        values = {"url": settings.DEFAULT_ENGINE, "capacity": capacity}
        return BuildServer.objects.create(is_default=True, name="default server", **values)
    beside_web = WorkerHost.objects.filter(topics_only=False).order_by("-beat_at")
    if server.capacity == beside_web.values_list("workers", flat=True).first():
        server.capacity = capacity
    if server.url != settings.DEFAULT_ENGINE:
        server.url, server.client_key_encrypted = settings.DEFAULT_ENGINE, ""
    server.save()
    return server


def ensure_default_registry(address: str, *, username: str = "", password: str = "") -> Registry:
    """Bring the default registry up to date; `address` is host[:port][/prefix].

    A login that admins have stored stays for as long as none is given here and the host is the same.
    """
    host, _, prefix = address.partition("/")
    registry = Registry.objects.default() or Registry(is_default=True, name="default registry")
    if username or registry.host != host:
        registry.username, registry.password_encrypted = username, encrypt(password)
    registry.host, registry.prefix = host, prefix
    registry.save()
    return registry


def ensure_sample(account: Account) -> None:
    """Make the sample build with the first start, once: who removes it does not get it back."""
    owner = User.objects.filter(is_superuser=True).order_by("pk").first()
    if owner is None or Build.objects.exists():
        return
    draft = BuildDraft(
        account_id=account.pk,
        name="hello-buildhub",
        description="The sample: press Build and watch it.",
        image_name="hello-buildhub",
        auto_tag=True,
        auto_tag_prefix="v",
        auto_tag_sequence=AutoTagSeqType.SEQUENCE,
        steps=(
            StepDraft(
                step_type=StepType.CREATE_IMAGE,
                config={"docker_file_type": "CONTENTS", "docker_file": SAMPLE_DOCKERFILE},
            ),
        ),
    )
    create_build(caller=caller_for(owner), draft=draft)
