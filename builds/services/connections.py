"""Build servers and registries as the outside world: engines, registry clients, and their secrets at rest.

Secrets are encrypted with rotating keys that are not the web's (security.md, "Secrets").
"""

from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings

from builds.engine.base_image import busybox_files
from builds.engine.docker import Engine
from builds.engine.errors import EngineError
from builds.engine.registry import RegistryClient
from builds.engine.types import Endpoint, RegistryLogin
from builds.models import BuildRun, BuildServer, Registry

__all__ = [
    "EngineError",
    "encrypt",
    "engine_of",
    "ensure_base_image",
    "registry_client",
    "registry_login",
    "registry_of_run",
]


def encrypt(secret: str) -> str:
    """Return `secret` as it is stored; empty stays empty."""
    return _keys().encrypt(secret.encode()).decode() if secret else ""


def registry_login(registry: Registry) -> RegistryLogin | None:
    """Return the login of a registry, decrypted at the moment of use; None where it needs none."""
    if not registry.username:
        return None
    stored = registry.password_encrypted
    return RegistryLogin(registry.username, _keys().decrypt(stored.encode()).decode() if stored else "")


@lru_cache(maxsize=1)
def _keys() -> MultiFernet:
    """Return the keys, newest first: BUILDHUB_CREDENTIAL_KEYS separates them by commas."""
    return MultiFernet([Fernet(key.strip()) for key in settings.CREDENTIAL_KEYS.split(",")])


def engine_of(server: BuildServer) -> Engine:
    """Return the engine of a build server; a topic's engine is the one beside the worker."""
    url = settings.DEFAULT_ENGINE if server.url.startswith("topic:") else server.url
    return Engine(Endpoint(url))


def registry_client(registry: Registry) -> RegistryClient:
    """Return a client for the distribution API of a registry, with its login."""
    return RegistryClient(registry.host, plain_http=registry.plain_http, login=registry_login(registry))


def registry_of_run(run: BuildRun) -> Registry:
    """Return the registry that a run's image goes to, at the address that the run was accepted with."""
    registry = run.registry or Registry.objects.filter(is_default=True, host=run.registry_host).first()
    # The default registry may have moved since: what an old run pushed is still where its own reference says.
    return registry or Registry(name=run.registry_host, host=run.registry_host, prefix=run.registry_prefix)


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
