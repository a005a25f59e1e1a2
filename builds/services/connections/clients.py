"""Build servers and registries as the outside world: engines and registry clients, with their logins."""

import threading
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import F

from builds.credentials import decrypt, decrypt_fields, encrypt
from builds.domain.engine_versions import version_warnings
from builds.domain.registry_addresses import pulled_host
from builds.domain.states import StepType
from builds.domain.steps.create_image import LOGIN_HOST
from builds.engine.base_image import busybox_files
from builds.engine.docker import Engine
from builds.engine.errors import (
    EngineError,
    EngineUnreachable,
    EngineUnsupported,
    PushFailed,
    RegistryUnreachable,
)
from builds.engine.outbound import Ask, OutboundFailed, OutboundRefused, checked_addresses
from builds.engine.registry import RegistryClient
from builds.engine.registry_session import is_local
from builds.engine.types import Endpoint, RegistryLogin
from builds.models import BuildRun, BuildServer, Registry, RunStep
from builds.services.connections.registry_rules import PRIVATE, is_private

__all__ = [
    "BaseLogins",
    "EngineError",
    "EngineProbe",
    "EngineUnreachable",
    "EngineUnsupported",
    "RunAccess",
    "client_of",
    "engine_of",
    "engine_of_run",
    "ensure_base_image",
    "in_time",
    "is_local",
    "private_problem",
    "probe_engine",
    "registry_client",
    "registry_login",
    "registry_of_run",
]

T = TypeVar("T")
PROBE_SECONDS: Final = 9.0  # for a whole test: who presses it waits for the answer
LOOK_UP_SECONDS: Final = 10.0  # for each question of a run
ANSWER_SECONDS: Final = 4.0  # for each question of a test
PLAIN_TCP: Final = (
    "The connection is neither encrypted nor signed in: whoever reaches this port commands the machine. Use TLS."
)


@dataclass(frozen=True, slots=True)
class EngineProbe:
    """What a test of a build server found; `ok` False: `message` says why."""

    ok: bool
    message: str
    version: str | None = None
    api_version: str | None = None
    storage_driver: str | None = None
    warnings: tuple[str, ...] = ()
    disk_free: int | None = None  # bytes


def registry_login(registry: Registry) -> RegistryLogin | None:
    """Return the login for an engine's push or pull, decrypted at the moment of use; None where it needs none.

    Raises `PushFailed` where the registry's address is private and must not be: the engine would go there.
    """
    if sentence := private_problem(registry):
        raise PushFailed(sentence, retried=True)
    return _login(registry)


def private_problem(registry: Registry) -> str | None:
    """Say that a registry leads to a private address now although nobody has allowed that, or None.

    Its name is looked up; one that is not known is left to who connects, whose words for it are better.
    """
    return None if registry.may_be_private else _private_host(registry.host)


def _private_host(host: str) -> str | None:
    """Say that `host` (with or without port) is private, as it is written or as its name leads, or None."""
    if is_private(host):
        return PRIVATE
    try:
        checked_addresses(Ask(method="GET", url=f"https://{host}/", allowed=settings.OUTBOUND_ALLOW))
    except OutboundRefused as refused:
        return refused.answered
    except OutboundFailed:
        return None
    return None


class BaseLogins:
    """The logins for what a build pulls, by host: of the registry that its image goes to, else of one of the account's.

    Those that all accounts share come last: whoever stores a login for the account means that one.

    Asked on a thread of the build's session, for a host when the engine needs it; `without` are the hosts for which
    there was none. A registry whose address is private and must not be counts as one without a login.
    """

    def __init__(self, own: Registry, account_id: int) -> None:
        usable = Registry.objects.of_account(account_id).filter(enabled=True).exclude(username="")
        others = usable.order_by(F("account").asc(nulls_first=True), "-pk")
        candidates = (*others, *([own] if own.username else []))  # the last one of a host counts
        self._by_host = {pulled_host(registry.host): registry for registry in candidates}
        self.without: set[str] = set()

    @property
    def passwords(self) -> list[str]:
        """The passwords as they are stored, encrypted."""
        return [registry.password_encrypted for registry in self._by_host.values()]

    def __call__(self, host: str) -> RegistryLogin | None:
        """Return the login for a host, None without one."""
        registry = self._by_host.get(host)
        login = _login(registry) if registry and not private_problem(registry) else None
        if login is None:
            self.without.add(host)
        return login


def engine_of(server: BuildServer, *, timeout: float = 10) -> Engine:
    """Return the engine of a build server; a topic's engine is the one beside the worker."""
    return Engine(_endpoint(server), timeout=timeout)


def engine_of_run(run: BuildRun) -> Engine:
    """Return the engine that builds a run: its server's, reached with the TLS fields that the build brings, if any.

    Raises `EngineUnreachable` where the build's own address is private and must not be.
    """
    server, definition = run.server, run.definition
    if server is None:
        raise RuntimeError(f"BUILD run {run.pk} has no build server.")
    if server.given_by_builds and (sentence := _private_host(urlsplit(server.url).netloc)):
        raise EngineUnreachable("reach the build server", sentence)
    endpoint = _endpoint(server)
    if not (definition.server_tls_verify and endpoint.url.startswith("tcp://")):
        return Engine(endpoint)
    key = decrypt_fields(run.secrets_encrypted).get("server_client_key", "")
    certificate = definition.server_client_cert
    return Engine(Endpoint(endpoint.url, ca=definition.server_ca_cert, certificate=certificate, key=key, tls=True))


def probe_engine(server: BuildServer) -> EngineProbe:
    """Connect to a server's engine as a build would, within `PROBE_SECONDS`."""
    engine = Engine(_endpoint(server), timeout=ANSWER_SECONDS)
    plain = (PLAIN_TCP,) if server.url.startswith("tcp://") and not server.tls_verify else ()

    def ask() -> EngineProbe:
        try:
            info = engine.info()
        except EngineError as error:
            return EngineProbe(ok=False, message=f"{server.name} cannot be used: {error.answered}", warnings=plain)
        finally:
            engine.close()
        return EngineProbe(
            ok=True,
            message=f"{server.name} answers: Docker Engine {info.version} on {info.operating_system or 'its machine'}.",
            version=info.version or None,
            api_version=info.api_version or None,
            storage_driver=info.storage_driver or None,
            warnings=(*plain, *version_warnings(info.version), *info.warnings),
            disk_free=engine.disk_free(info.root_dir),
        )

    late = f"{server.name} did not answer within {PROBE_SECONDS:.0f} seconds."
    return in_time(ask, EngineProbe(ok=False, message=late, warnings=plain))


def _endpoint(server: BuildServer) -> Endpoint:
    """Return where a server's engine listens; its key is decrypted here, at the moment of use."""
    if server.topic is not None:
        return Endpoint(settings.DEFAULT_ENGINE)
    if not server.tls_verify:
        return Endpoint(server.url)
    key = decrypt(server.client_key_encrypted)
    return Endpoint(server.url, ca=server.ca_cert, certificate=server.client_cert, key=key, tls=True)


def registry_client(registry: Registry) -> RegistryClient:
    """Return a client for the distribution API of a registry, with its login and its CA.

    Raises `RegistryUnreachable` where the address is private and must not be.
    """
    if sentence := private_problem(registry):
        raise RegistryUnreachable("reach the registry", sentence)
    return client_of(registry, timeout=LOOK_UP_SECONDS)


def _login(registry: Registry) -> RegistryLogin | None:
    if not registry.username:
        return None
    return RegistryLogin(registry.username, decrypt(registry.password_encrypted))


def client_of(registry: Registry, *, timeout: float) -> RegistryClient:
    """Return a client for a registry whose address has been looked at (`private_problem`)."""
    return RegistryClient(
        registry.host,
        plain_http=registry.plain_http,
        login=_login(registry),
        ca=registry.ca_certificate,
        timeout=timeout,
        may_lead_to=lambda host: registry.may_be_private or _private_host(host) is None,
    )


def registry_of_run(run: BuildRun) -> Registry:
    """Return the registry that a run's image goes to, at the address that the run was accepted with.

    Where its image step has a login or a CA of its own for this host, it is told with these; nothing of that is stored.
    """
    registry = run.registry or Registry.objects.filter(is_default=True, host=run.registry_host).first()
    # The default registry may have moved since: what an old run pushed is still where its own reference says.
    registry = registry or Registry(name=run.registry_host, host=run.registry_host, prefix=run.registry_prefix)
    steps = RunStep.objects.filter(run=run, step_type=StepType.CREATE_IMAGE, use=True).exclude(secrets_encrypted="")
    secrets = decrypt_fields(steps.values_list("secrets_encrypted", flat=True).first() or "")
    if secrets.get(LOGIN_HOST) != run.registry_host or registry.host != run.registry_host:
        return registry
    changes = {
        "username": secrets.get("login_id"),
        "password_encrypted": encrypt(secrets["password"]) if "password" in secrets else None,
        "ca_certificate": secrets.get("private_certificate"),
    }
    told = copy(registry)
    for name, value in changes.items():
        if value:
            setattr(told, name, value)
    return told


class RunAccess:
    """What one run may use of registries; each is looked up once, when it is first asked for."""

    def __init__(self, run: BuildRun) -> None:
        self.run = run

    @cached_property
    def registry(self) -> Registry:
        """Where the run's image goes."""
        return registry_of_run(self.run)

    @cached_property
    def logins(self) -> BaseLogins:
        """With what its build pulls."""
        return BaseLogins(self.registry, self.run.account_id)


def ensure_base_image(server: BuildServer, reference: str) -> None:
    """Make a small base image on a server's engine unless it is there.

    Raises `EngineError`, and `OSError` where there is no static busybox.
    """
    engine = engine_of(server)
    try:
        if not engine.image_exists(reference):
            engine.load_base_image(reference, busybox_files())
    finally:
        engine.close()


def in_time(ask: Callable[[], T], late: T) -> T:
    """Return what `ask` finds, or `late`: names are looked up and TLS is agreed without a limit of their own."""
    found: list[T] = []
    thread = threading.Thread(target=lambda: found.append(ask()), name="probe", daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return found[0] if found else late
