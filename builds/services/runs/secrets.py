"""Every stored secret that a run uses, decrypted so that its log can hide them (docs/security.md, "Secrets")."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

from cryptography.fernet import InvalidToken

from builds.credentials import decrypt, decrypt_fields
from builds.domain.steps.create_image import LOGIN_HOST
from builds.models import BuildRun, RunStep
from builds.services.accounts.webhook_secret import PREFIX
from builds.services.connections.clients import BaseLogins, registry_of_run


def secrets_of(runs: Iterable[BuildRun]) -> frozenset[str]:
    """Return the secrets of `runs`: of their registries and steps, of what they pull from, of their servers, to sign.

    The names of logins are left out: one like `deploy` would hide half of a log.
    """
    return frozenset(secret for run in runs for secret in _secrets_of(run) if secret)


def _secrets_of(run: BuildRun) -> Iterator[str]:
    registry = registry_of_run(run)
    yield from map(_readable, {registry.password_encrypted, *BaseLogins(registry, run.account_id).passwords})
    yield _readable(run.server.client_key_encrypted if run.server else "")
    webhook_secret = _readable(run.account.webhook_secret_encrypted)
    yield webhook_secret
    yield webhook_secret.removeprefix(PREFIX)  # programs print the key that it is made of
    steps = RunStep.objects.filter(run=run).values_list("secrets_encrypted", flat=True).distinct()
    for stored in (run.secrets_encrypted, *steps):
        with suppress(InvalidToken):
            yield from (
                str(value) for name, value in decrypt_fields(stored).items() if name not in ("login_id", LOGIN_HOST)
            )


def _readable(stored: str) -> str:
    """Return a stored secret; "" for one whose key is gone: nobody can print it, and who needs it will say so."""
    try:
        return decrypt(stored)
    except InvalidToken:
        return ""
