"""Named people and things that tests of every floor share."""

from functools import cache

from django.contrib.auth.hashers import get_hasher, make_password
from django.contrib.auth.models import User

from builds.domain.access import Role
from builds.models import Account, Build, BuildServer, Caller, Installation, Membership, Registry
from builds.queries.installation import installation_id
from builds.services.accounts.access import caller_for
from builds.services.builds.edit import BuildDraft, StepDraft, create_build


def make_world(*, registry: str = "127.0.0.1:1", engine: str = "unix:///nowhere.sock", capacity: int = 2) -> Account:
    """Make what a first start makes: installation, account, default server and registry."""
    Installation.objects.get_or_create(only=True, defaults={"name": "test"})
    installation_id.cache_clear()  # a test before, without this row, may have made a name of its own
    BuildServer.objects.create(name="default server", url=engine, capacity=capacity, is_default=True)
    Registry.objects.create(name="default registry", host=registry, is_default=True)
    return Account.objects.create(name="default")


hash_once = cache(make_password)  # Argon2 takes a fifth of a second on purpose, and nearly every test makes people


def make_person(name: str, role: Role | None, account: Account | None) -> User:
    """Make a user; `role` None: somebody without membership."""
    is_superuser = role is Role.INSTANCE_ADMIN
    password = hash_once(f"{name}-password", hasher=get_hasher().algorithm)  # a test may have set another one
    user = User.objects.create(username=name, password=password, is_superuser=is_superuser)
    if account is not None and role is not None:
        member = Role.ADMIN if role is Role.INSTANCE_ADMIN else role
        Membership.objects.create(account=account, user=user, role=member)
    return user


def make_build(caller: Caller, dockerfile: str, *, name: str = "hello", **fields: object) -> Build:
    """Create a build of an inline Dockerfile through the service, as people do."""
    fields.setdefault("tag_name", "1")
    step = StepDraft("CREATE_IMAGE", config={"docker_file_type": "CONTENTS", "docker_file": dockerfile})
    return create_build(caller=caller, draft=BuildDraft(image_name=name, steps=(step,), **fields))  # type: ignore[arg-type]


def operator_of(account: Account, name: str = "operator") -> Caller:
    """Make an operator and return the caller."""
    return caller_for(make_person(name, Role.OPERATOR, account))
