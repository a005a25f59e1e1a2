"""Every stored secret that a run uses, decrypted so that its log can hide them (docs/security.md, "Secrets")."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

from cryptography.fernet import InvalidToken

from builds.credentials import decrypt, decrypt_fields
from builds.domain.states import StepType
from builds.domain.steps.create_image import LOGIN_HOST
from builds.domain.steps.http import basic_login
from builds.models import RunStep
from builds.services.accounts.webhook_secret import PREFIX
from builds.services.connections.clients import RunAccess


def secrets_of(accesses: Iterable[RunAccess]) -> frozenset[str]:
    """Return the secrets of runs: of their registries and steps, of what they pull from, of their servers, to sign.

    The names of logins are left out: one like `deploy` would hide half of a log.
    """
    return frozenset(secret for access in accesses for secret in _secrets_of(access) if secret)


def _secrets_of(access: RunAccess) -> Iterator[str]:
    run = access.run
    with suppress(InvalidToken):  # of a login of the image step's own
        yield from map(_readable, {access.registry.password_encrypted, *access.logins.passwords})
    yield _readable(run.server.client_key_encrypted if run.server else "")
    webhook_secret = _readable(run.account.webhook_secret_encrypted)
    yield webhook_secret
    yield webhook_secret.removeprefix(PREFIX)  # programs print the key that it is made of
    steps = RunStep.objects.filter(run=run).values_list("secrets_encrypted", "step_type", "config__username").distinct()
    for stored, step_type, user in ((run.secrets_encrypted, "", ""), *steps):
        with suppress(InvalidToken):
            secrets = decrypt_fields(stored)
            yield from (str(value) for name, value in secrets.items() if name not in ("login_id", LOGIN_HOST))
            if step_type == StepType.HTTP and (password := secrets.get("password")):
                yield basic_login(user or "", password)


def _readable(stored: str) -> str:
    """Return a stored secret; "" for one whose key is gone: nobody can print it, and who needs it will say so."""
    try:
        return decrypt(stored)
    except InvalidToken:
        return ""
