"""PEM texts of build servers, registries and image steps: parsed when given, so that no build finds out first."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

LONGEST: Final = 64 * 1024  # characters: a bundle of a few dozen authorities; the system's has its own place
BEGIN_CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----"
OPENSSH: Final = b"BEGIN OPENSSH PRIVATE KEY"
NAMES: Final = {"ca": "The CA", "certificate": "The client certificate", "key": "The client key"}
NO_CERTIFICATE: Final = "{what} is no certificate in PEM; paste the whole text, from BEGIN CERTIFICATE to its END line."
NO_KEY: Final = "The client key is no private key in PEM; paste the whole text, from BEGIN PRIVATE KEY to its END line."
PROTECTED: Final = (
    "The client key is protected by a passphrase; store it without one (openssl pkey -in key.pem -out plain.pem):"
    " BuildHub encrypts what it stores."
)
NOT_A_PAIR: Final = "The client key does not belong to the client certificate; give the two that were issued together."


def check_tls(*, ca: str, certificate: str, key: str) -> list[tuple[str, str]]:
    """Return (which of ca, certificate, key; what is wrong with it and the remedy); empty when all of it holds.

    An empty text is not looked at, but certificate and key are given together or not at all. A stored key is handed
    over decrypted, so that it is held against a new certificate.
    """
    found = [*_check_certificates("ca", ca), *_check_certificates("certificate", certificate), *_check_key(key)]
    return found or _check_pair(certificate, key)


def check_ssh_key(text: str) -> str | None:
    """Say what is wrong with a private key for ssh, in OpenSSH's own form or in PEM, or None."""
    key = f"{text.strip()}\n".replace("\r\n", "\n").encode(errors="replace")
    try:
        (load_ssh_private_key if OPENSSH in key else load_pem_private_key)(key, password=None)
    except TypeError:  # cryptography: a password is needed and none was given
        return "The private key is protected by a passphrase; give a key of its own without one."
    except ValueError:
        return "This is no private key that can be read; paste the whole file, from BEGIN to END."
    except UnsupportedAlgorithm:
        return None  # OpenSSH may know it all the same
    return None


def _check_certificates(which: str, pem: str) -> list[tuple[str, str]]:
    """Look at each certificate of a text: a CA may be several, and a client's may bring its chain."""
    if not pem:
        return []
    chain = _certificates(pem)
    if not chain:
        return [(which, NO_CERTIFICATE.format(what=NAMES[which]))]
    now = datetime.now(UTC)
    if over := next((one for one in chain if one.not_valid_after_utc < now), None):
        return [(which, f"{_subject(which, over)} expired on {over.not_valid_after_utc:%Y-%m-%d}; give a valid one.")]
    if early := next((one for one in chain if one.not_valid_before_utc > now), None):
        day = f"{early.not_valid_before_utc:%Y-%m-%d %H:%M}"
        return [(which, f"{_subject(which, early)} is valid from {day} UTC only; wait, or check the clock.")]
    return []


def _check_key(pem: str) -> list[tuple[str, str]]:
    if not pem:
        return []
    try:
        _key(pem)
    except TypeError:  # cryptography: a password is needed and none was given
        return [("key", PROTECTED)]
    except ValueError:
        return [("key", NO_KEY)]
    return []


def _check_pair(certificate: str, key: str) -> list[tuple[str, str]]:
    if not certificate and not key:
        return []
    if not certificate or not key:
        missing, other = ("key", "certificate") if certificate else ("certificate", "key")
        return [(missing, f"{NAMES[missing]} is missing; the client {other} needs it, so give both or none.")]
    own = _certificates(certificate)[0].public_key()  # the first is the client's own, its chain follows (RFC 8446)
    public_keys = {
        one.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for one in (own, _key(key).public_key())
    }
    return [] if len(public_keys) == 1 else [("key", NOT_A_PAIR)]


def _certificates(pem: str) -> Sequence[x509.Certificate]:
    """Return the certificates of a text; none where it cannot be read as PEM certificates."""
    if len(pem) > LONGEST or not pem.isascii():
        return []
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        return []
    return found if len(found) == pem.count(BEGIN_CERTIFICATE) else []


def _key(pem: str) -> PrivateKeyTypes:
    """Return the private key; raises `TypeError` for one with a passphrase, `ValueError` for anything else."""
    if len(pem) > LONGEST or not pem.isascii():
        raise ValueError(NO_KEY)
    try:
        return load_pem_private_key(pem.encode(), password=None)
    except (TypeError, ValueError):
        raise
    except Exception as error:  # UnsupportedAlgorithm, or what OpenSSL raises of its own for odd keys
        raise ValueError(NO_KEY) from error


def _subject(which: str, certificate: x509.Certificate) -> str:
    return f"{NAMES[which]} ({certificate.subject.rfc4514_string() or 'without a name'})"
