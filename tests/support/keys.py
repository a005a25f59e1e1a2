"""Private keys as people paste them, made anew each time."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)


def ssh_key() -> str:
    """Return a key in OpenSSH's own form."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def protected_key() -> str:
    """Return a key that a passphrase protects, in PEM."""
    hidden = BestAvailableEncryption(b"hush")
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden).decode()
