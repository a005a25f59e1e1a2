"""Secrets at rest: encrypted with rotating keys that are not the web's (docs/security.md, "Secrets")."""

import json
from collections.abc import Mapping
from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


def encrypt(secret: str) -> str:
    """Return `secret` as it is stored; empty stays empty."""
    return _keys().encrypt(secret.encode()).decode() if secret else ""


def decrypt(stored: str) -> str:
    """Return what `encrypt` was given; decrypt only at the moment of use."""
    return _keys().decrypt(stored.encode()).decode() if stored else ""


def encrypt_fields(fields: Mapping[str, str]) -> str:
    """Return named secrets as they are stored together; none is empty."""
    return encrypt(json.dumps(dict(fields))) if fields else ""


def decrypt_fields(stored: str) -> dict[str, str]:
    """Return what `encrypt_fields` was given."""
    return dict(json.loads(decrypt(stored))) if stored else {}


@lru_cache(maxsize=1)
def _keys() -> MultiFernet:
    """Return the keys, newest first: BUILDHUB_CREDENTIAL_KEYS separates them by commas."""
    return MultiFernet([Fernet(key.strip()) for key in settings.CREDENTIAL_KEYS.split(",")])
