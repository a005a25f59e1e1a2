"""Forwarded headers are believed from trusted proxies alone: by real web servers, for requests and for live sockets."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from buildhub.proxies import TrustedProxies
from builds.domain.access import Scope
from builds.services.accounts.tokens import issue_token
from tests.support.web import Web

CLIENT = "192.0.2.7"
HTTPS = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "buildhub.example"}


@contextmanager
def serving(home: Path, **settings: str) -> Iterator[Web]:
    server = Web(log=home / "web.log", **settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def proxied(django_db_setup: None, django_db_blocker, tmp_path_factory) -> Iterator[Web]:
    """A server behind a proxy on this machine that ends TLS."""
    told = {"BUILDHUB_PUBLIC_URL": "https://buildhub.example", "BUILDHUB_TRUSTED_PROXIES": "10.0.0.0/8, 127.0.0.0/8"}
    with django_db_blocker.unblock(), serving(tmp_path_factory.mktemp("proxied"), **told) as server:
        yield server


@pytest.fixture(scope="module")
def alone(django_db_setup: None, django_db_blocker, tmp_path_factory) -> Iterator[Web]:
    """A server that trusts nobody: the default."""
    with django_db_blocker.unblock(), serving(tmp_path_factory.mktemp("alone")) as server:
        yield server


@pytest.fixture
def token(transactional_db: None, operator, account) -> str:
    """A token that may be used from the client's address alone."""
    return issue_token(owner=operator, account=account, name="ci", scopes=list(Scope), allowed_ranges=[CLIENT])


def ask(web: Web, path: str, headers: dict[str, str]) -> tuple[http.client.HTTPResponse, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", web.port, timeout=20)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read().decode()


def status(web: Web, token: str, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(web, "/v1/build", {"Authorization": f"Bearer {token}", **HTTPS, **named})[0].status


def socket_status(web: Web, token: str, forwarded: str) -> int:
    """Return 101 where the socket opens, else the status of the refusal."""
    address, headers = f"ws://127.0.0.1:{web.port}/ws/builds", {"X-Forwarded-For": forwarded}
    try:
        with connect(address, subprotocols=[f"bearer.{token}"], additional_headers=headers) as opened:
            assert json.loads(opened.recv())["type"] == "counts"
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


@pytest.mark.parametrize(
    "forwarded", [CLIENT, f"::ffff:{CLIENT}", f"198.51.100.1, {CLIENT}, 127.0.0.9", f"{CLIENT}:40"]
)
def test_the_client_behind_a_trusted_proxy_is_the_one_who_calls(proxied, token, forwarded):
    assert status(proxied, token, X_Forwarded_For=forwarded) == 200
    assert socket_status(proxied, token, forwarded) == 101


@pytest.mark.parametrize("forwarded", [f"{CLIENT}, 198.51.100.1", "unknown", "127.0.0.1"])
def test_what_a_client_has_put_before_its_own_address_does_not_count(proxied, token, forwarded):
    assert status(proxied, token, X_Forwarded_For=forwarded) == 403
    assert socket_status(proxied, token, forwarded) == 403


def test_nobody_is_believed_unless_the_operator_says_so(alone, token):
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": CLIENT, "Forwarded": f"for={CLIENT}"}
    answer, body = ask(alone, "/v1/build", headers)
    assert (answer.status, "may not be used from 127.0.0.1" in body) == (403, True)
    assert socket_status(alone, token, CLIENT) == 403


def test_scheme_and_host_are_those_of_the_proxys_client(proxied, transactional_db):
    answer, _ = ask(proxied, "/accounts/login/", {**HTTPS, "Host": "inside"})
    assert (answer.status, "Strict-Transport-Security" in answer.headers) == (200, True)
    assert ask(proxied, "/accounts/login/", {**HTTPS, "X-Forwarded-Host": "evil.example"})[0].status == 400
    several = {**HTTPS, "X-Forwarded-Host": "evil.example, buildhub.example"}
    assert ask(proxied, "/accounts/login/", several)[0].status == 200


def test_scheme_and_host_of_anybody_else_are_not_believed(alone, transactional_db):
    assert ask(alone, "/accounts/login/", {"X-Forwarded-Host": "evil.example"})[0].status == 200
    assert ask(alone, "/accounts/login/", {"Host": "inside", "X-Forwarded-Host": "127.0.0.1"})[0].status == 400


def test_https_that_nobody_trusted_speaks_of_is_http(django_db_setup, django_db_blocker, tmp_path):
    told = {"BUILDHUB_PUBLIC_URL": "https://buildhub.example"}
    with django_db_blocker.unblock(), serving(tmp_path, **told) as web:
        answer, _ = ask(web, "/accounts/login/", HTTPS)
        assert (answer.status, answer.headers["Location"]) == (301, f"https://127.0.0.1:{web.port}/accounts/login/")


def test_who_asks_through_a_proxy_is_nobody_local(proxied, alone, token):
    for web in (proxied, alone):
        assert "engine" not in json.loads(ask(web, "/readyz", {**HTTPS, "X-Forwarded-For": CLIENT})[1])
    assert "engine" in json.loads(ask(alone, "/readyz", {})[1])


@pytest.mark.parametrize(
    ("peer", "trusted", "client"),
    [
        ("::ffff:10.1.2.3", ["10.0.0.0/8"], CLIENT),
        ("fd00::1", ["fd00::/8"], CLIENT),
        ("10.1.2.3", ["10.1.2.3"], CLIENT),
        ("10.1.2.4", ["10.1.2.3"], "10.1.2.4"),
        ("::ffff:192.0.2.9", [], "192.0.2.9"),
        ("fe80::1%eth0", ["10.0.0.0/8"], "fe80::1"),
    ],
)
async def test_peers_are_compared_as_addresses_whatever_they_came_over(peer, trusted, client):
    seen = []

    async def application(scope, _receive, _send):
        seen.append(scope)

    scope = {
        "type": "http",
        "scheme": "http",
        "client": (peer, 4000),
        "headers": [(b"x-forwarded-for", CLIENT.encode())],
    }
    await TrustedProxies(application, trusted)(scope, None, None)
    assert seen[0]["client"][0] == client
    assert scope["client"] == (peer, 4000)
