"""Certificates for TLS tests: an authority of our own and what it signs."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM texts."""

    certificate: str
    key: str


class Authority:
    """Signs certificates; `ca` is its own."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(f"Test authority {uuid.uuid4()}")
        self.ca = self._sign(self._name, self._key.public_key(), x509.BasicConstraints(ca=True, path_length=None))

    def issue(self, common_name: str, *, host: str = "127.0.0.1", ends_in: timedelta = timedelta(days=1)) -> Pair:
        """Return a certificate for `common_name` that is good for the address `host`."""
        key = ec.generate_private_key(ec.SECP256R1())
        address = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
        certificate = self._sign(_name(common_name), key.public_key(), address, ends_in)
        return Pair(certificate, _pem(key))

    def _sign(self, subject, public_key, extension, ends_in: timedelta = timedelta(days=1)) -> str:
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + ends_in)
            .add_extension(extension, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
