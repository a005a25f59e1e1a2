"""TLS from PEM texts: no lasting files, no public authorities beside the one that was given."""

import os
import shutil
import ssl
import tempfile
from pathlib import Path

from builds.engine.errors import EndpointInvalid


def tls_context(*, ca: str = "", certificate: str = "", key: str = "") -> ssl.SSLContext:
    """Return a client context that trusts `ca` alone (none: the system's) and shows `certificate`.

    Raises `EndpointInvalid` naming the text that does not hold; needs no network, so forms check with it.
    """
    if bool(certificate) != bool(key):
        missing = "key" if certificate else "certificate"
        raise EndpointInvalid(missing, "Certificate and key belong together: give both or none.")
    try:
        context = ssl.create_default_context(cadata=ca or None)
    except (ssl.SSLError, ValueError) as error:
        raise EndpointInvalid("ca", f"This is no PEM certificate: {_words(error)}") from None
    if certificate:
        _load_pair(context, certificate, key)
    return context


def _load_pair(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Load the pair through files that live as long as this call: Python's ssl reads them from paths only."""
    folder = Path(tempfile.mkdtemp(prefix="buildhub-tls-"))  # mode 0700
    try:
        certificate_path = _write(folder / "certificate.pem", certificate)
        context.load_cert_chain(certificate_path, _write(folder / "key.pem", key), password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        field = "key" if "KEY_VALUES_MISMATCH" in str(error) else "certificate"
        raise EndpointInvalid(field, f"Certificate and key cannot be used: {_words(error)}") from None
    finally:
        shutil.rmtree(folder)


def _write(path: Path, text: str) -> Path:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return path


def _no_password() -> str:
    raise ValueError("the key is protected by a pass phrase; store it without one")  # else OpenSSL asks the terminal


def _words(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error)
