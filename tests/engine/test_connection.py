"""Reaching an engine: addresses, TLS, versions, and nothing taken from the environment."""

import json
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from builds.engine.docker import Engine
from builds.engine.errors import EndpointInvalid, EngineUnreachable, EngineUnsupported
from builds.engine.tls import tls_context
from builds.engine.types import Endpoint, RegistryLogin
from tests.engine.certificates import Authority
from tests.engine.relay import Relay
from tests.engine.support import Told, mark, request


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def secured(engine_socket, authority, tmp_path):
    """A relay that speaks TLS and lets in only who shows a certificate of the authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    pair = authority.issue("engine")
    (tmp_path / "pair.pem").write_text(pair.certificate + pair.key)
    context.load_cert_chain(tmp_path / "pair.pem")
    with Relay(engine_socket, context) as relay:
        yield relay


@pytest.fixture
def trusted(secured, authority):
    """The endpoint that such an engine lets in."""
    client = authority.issue("buildhub")
    url = f"tcp://127.0.0.1:{secured.port}"
    return Endpoint(url, ca=authority.ca, certificate=client.certificate, key=client.key)


def test_an_engine_says_what_it_is(engine, record_property):
    info = engine.info()
    record_property("engine", f"{info.version} {info.image_store} {engine.api_spoken}")
    assert info.version
    assert isinstance(info.warnings, tuple)


def test_a_build_over_tls_tells_its_lines(trusted, base_image, never):
    word, told, engine = mark(), Told(), Engine(trusted)
    engine.build(request(f"FROM {base_image}\nRUN echo {word}\n"), told, never)
    engine.close()
    assert told.stdout() == f"{word}\n".encode()


def test_a_certificate_bundle_and_proxies_of_the_environment_do_not_matter(trusted, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "/etc/ssl/certs/ca-certificates.crt")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    engine = Engine(trusted)
    assert engine.info().version
    engine.close()


def test_docker_settings_of_the_user_are_not_read(engine_endpoint, monkeypatch, tmp_path):
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(json.dumps({"auths": "nonsense", "HttpHeaders": {"X-Mine": "1"}}))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / ".docker"))
    engine = Engine(engine_endpoint)
    assert engine.info().version
    engine.close()


def test_an_authority_that_did_not_sign_the_engine_is_not_accepted(trusted):
    with pytest.raises(EngineUnreachable, match="certificate"):
        Engine(replace(trusted, ca=Authority().ca)).info()


def test_an_engine_that_does_not_know_our_certificate_lets_us_not_in(trusted):
    with pytest.raises(EngineUnreachable):
        Engine(replace(trusted, certificate="", key="")).info()


def test_another_host_name_than_the_certificates_is_not_accepted(trusted):
    with pytest.raises(EngineUnreachable, match=r"Hostname mismatch|not valid for 'localhost'"):
        Engine(replace(trusted, url=trusted.url.replace("127.0.0.1", "localhost"))).info()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "docker",
        "ssh://host",
        "http://host:1",
        "tcp://host",
        "tcp://u:p@host:1",
        "unix://",
        "tcp://h:99999",
        "tcp://h:1/x",
    ],
)
def test_an_address_of_another_kind_is_refused_with_the_remedy(url):
    with pytest.raises(EndpointInvalid) as caught:
        Engine(Endpoint(url)).info()
    assert caught.value.field == "url"


def test_pem_texts_are_checked_without_any_network(authority):
    pair, other = authority.issue("one"), authority.issue("other")
    refused = {}
    for name, texts in {
        "nonsense": {"ca": "nonsense"},
        "half": {"certificate": pair.certificate},
        "mixed": {"certificate": pair.certificate, "key": other.key},
        "garbage": {"certificate": "x", "key": "y"},
    }.items():
        with pytest.raises(EndpointInvalid) as caught:
            tls_context(**texts)
        refused[name] = caught.value.field
    assert refused == {"nonsense": "ca", "half": "key", "mixed": "key", "garbage": "certificate"}
    assert tls_context(ca=authority.ca, certificate=pair.certificate, key=pair.key).check_hostname


def test_nothing_that_listens_is_an_unreachable_engine(tmp_path, never):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for url in (f"unix://{tmp_path}/none.sock", f"tcp://127.0.0.1:{port}"):
        asked = request("FROM scratch\n", build_args={"TOKEN": "hush-hush"})
        with pytest.raises(EngineUnreachable, match=r"Connection refused|No such file") as caught:
            Engine(Endpoint(url)).build(asked, Told(), never)
        assert "hush-hush" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_silent_engine_is_unreachable_within_the_time_given():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = Endpoint(f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(EngineUnreachable, match="timed out"):
            Engine(endpoint, timeout=0.2).info()


def test_a_silent_engine_keeps_no_other_waiting(engine_url):
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1) as pool:
        endpoint = Endpoint(f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        waiting = pool.submit(Engine(endpoint, timeout=10).info)
        asked, _ = silent.accept()
        with asked:
            assert Engine(Endpoint(engine_url)).info().version
            assert not waiting.done()
        with pytest.raises(EngineUnreachable):
            waiting.result()


def test_another_kind_of_server_is_not_taken_for_an_engine(registry_host):
    with pytest.raises(
        EngineUnsupported, match=r"^[^:]*: Something other than a Docker Engine answers here\. BuildHub"
    ):
        Engine(Endpoint(f"tcp://{registry_host}")).info()


def test_secrets_do_not_show_in_a_repr():
    shown = repr(Endpoint("tcp://h:1", key="hush", certificate="c")) + repr(RegistryLogin("user", "hush"))
    assert "hush" not in shown
    assert "user" in shown


def test_tls_without_any_certificate_is_still_tls(engine_socket):
    """A server with TLS Y whose texts were lost must not be spoken to in the open."""
    with Relay(engine_socket) as relay, pytest.raises(EngineUnreachable):
        Engine(replace(relay.endpoint, tls=True), timeout=3).info()
