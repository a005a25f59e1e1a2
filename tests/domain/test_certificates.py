"""PEM texts are looked at when they are given: each wrong one is named with its remedy."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization

from builds.domain.certificates import check_tls
from tests.engine.certificates import Authority

AUTHORITY = Authority()


@pytest.fixture(scope="module")
def pair():
    return AUTHORITY.issue("buildhub")


def protected(key: str) -> str:
    """Return a key protected by a passphrase."""
    loaded = serialization.load_pem_private_key(key.encode(), None)
    words = serialization.BestAvailableEncryption(b"open sesame")
    return loaded.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, words).decode()


def test_a_whole_set_is_fine_and_a_ca_may_be_several(pair):
    several = AUTHORITY.ca + Authority().ca
    assert check_tls(ca=several, certificate=pair.certificate + AUTHORITY.ca, key=pair.key) == []


def test_nothing_given_is_nothing_wrong():
    assert check_tls(ca="", certificate="", key="") == []


@pytest.mark.parametrize(
    "text",
    [
        "no certificate",
        AUTHORITY.ca[:-40],
        AUTHORITY.ca + "-----BEGIN CERTIFICATE-----\n",
        "ü" + AUTHORITY.ca,
        "x" * 70_000,
        AUTHORITY.issue("x").key,
    ],
)
def test_a_ca_that_is_none_is_named(text):
    [(which, sentence)] = check_tls(ca=text, certificate="", key="")
    assert which == "ca"
    assert "The CA is no certificate in PEM" in sentence


def test_a_key_with_a_passphrase_is_refused_with_the_remedy(pair):
    [(which, sentence)] = check_tls(ca="", certificate=pair.certificate, key=protected(pair.key))
    assert which == "key"
    assert "openssl pkey" in sentence


@pytest.mark.parametrize(
    "text", ["no key", AUTHORITY.ca, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_key_that_is_none_is_named_and_not_repeated(pair, text):
    [(which, sentence)] = check_tls(ca="", certificate=pair.certificate, key=text)
    assert which == "key"
    assert "is no private key in PEM" in sentence
    assert text.strip() not in sentence


def test_a_key_of_another_certificate_is_an_error_of_the_key(pair):
    [(which, sentence)] = check_tls(ca="", certificate=pair.certificate, key=AUTHORITY.issue("other").key)
    assert (which, "does not belong" in sentence) == ("key", True)


def test_certificate_and_key_come_together(pair):
    assert [which for which, _ in check_tls(ca="", certificate=pair.certificate, key="")] == ["key"]
    assert [which for which, _ in check_tls(ca="", certificate="", key=pair.key)] == ["certificate"]


def test_all_that_is_wrong_is_told_at_once():
    found = check_tls(ca="x", certificate="y", key="z")
    assert [which for which, _ in found] == ["ca", "certificate", "key"]


def test_a_certificate_that_is_over_is_named_with_its_day():
    over = AUTHORITY.issue("old engine", ends_in=timedelta(minutes=-5))
    [(which, sentence)] = check_tls(ca="", certificate=over.certificate, key=over.key)
    assert which == "certificate"
    assert "CN=old engine" in sentence
    assert "expired on 20" in sentence
