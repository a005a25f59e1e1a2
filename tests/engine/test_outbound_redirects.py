"""Redirects of the outbound client: where they may lead, and what goes along."""

import threading
from io import BytesIO

import pytest

from builds.engine.outbound import Ask, Limits, OutboundRefused
from builds.engine.outbound_redirects import (
    MOST_REDIRECTS,
    RedirectRefused,
    TooManyRedirects,
    redirected,
    send_and_follow,
)
from tests.support.receiver import answering, dripping, receiving

SECRET = "geheim-4711"
HEADERS = {"authorization": f"Basic {SECRET}", "cookie": SECRET, "x-key": SECRET, "content-type": "text/plain"}


def posted(url: str, **fields) -> Ask:
    limits = Limits(5, 5, 10, 1000)
    given = {"method": "POST", "headers": HEADERS, "body": b"{}", "allowed": ("127.0.0.1",), "limits": limits}
    return Ask(**{**given, "url": url, **fields})


def followed(ask: Ask, answers=()):
    """Return the last request, its answer and body, and what was said on the way."""
    file, said = BytesIO(), []

    def say(_ask, answer, to):
        said.append((answer.status, to.shown if to else ""))

    last, answer = send_and_follow(ask, answers=answers, into=file, stopping=threading.Event(), said=say)
    return last, answer, file.getvalue(), said


@pytest.mark.parametrize(
    ("status", "line", "body"),
    [
        (301, "GET /end HTTP/1.1", b""),
        (302, "GET /end HTTP/1.1", b""),
        (303, "GET /end HTTP/1.1", b""),
        (307, "POST /end HTTP/1.1", b"{}"),
        (308, "POST /end HTTP/1.1", b"{}"),
    ],
)
def test_a_redirect_of_a_post_is_followed_as_browsers_do(status, line, body):
    with receiving(answering(status, b"moved", Location="end"), answering(200, b"here")) as receiver:
        last, answer, kept, said = followed(posted(f"http://127.0.0.1:{receiver.port}/begin?key={SECRET}"))
        at = f"http://127.0.0.1:{receiver.port}/end"
    assert (answer.status, kept, last.url) == (200, b"here", at)
    assert said == [(status, f"{line.partition(' ')[0]} {at}"), (200, "")]
    heard = receiver.heard[1]
    assert (heard.line, heard.body) == (line, body)
    assert [heard.headers.get(name) for name in HEADERS][:3] == list(HEADERS.values())[:3]
    assert heard.headers.get("content-type") == ("text/plain" if body else None)


@pytest.mark.parametrize(("method", "status", "to"), [("PUT", 301, "PUT"), ("PUT", 303, "GET"), ("HEAD", 303, "HEAD")])
def test_other_methods_are_kept_but_for_see_other(method, status, to):
    assert redirected(posted("http://a.example/", method=method), status, "/b").method == to


@pytest.mark.parametrize("status", [302, 307])
def test_to_another_origin_go_neither_login_nor_headers(status):
    with receiving() as other, receiving(answering(status, Location=f"http://127.0.0.1:{other.port}/x")) as receiver:
        followed(posted(receiver.url))
        (heard,) = other.heard
    assert SECRET not in str(heard)
    assert heard.headers.get("content-type") == ("text/plain" if status == 307 else None)


def test_what_was_left_behind_does_not_come_back_on_the_way_back():
    there = redirected(posted("https://a.example/"), 307, "https://b.example/")
    assert set(redirected(there, 307, "https://a.example/").headers) == {"content-type"}


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("https://a.example/", "https://A.example:443/x", True),
        ("http://a.example:80/", "//a.example/x", True),
        ("https://a.example/", "https://a.example:8443/", False),
        ("http://a.example/", "https://a.example/", False),
        ("https://a.example/", "https://www.a.example/", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(one, other, is_same):
    assert ("authorization" in redirected(posted(one), 307, other).headers) is is_same


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://a.example/?key=" + SECRET, "from https to http"),
        ("ftp://a.example/" + SECRET, "neither http nor https"),
        ("file:///etc/passwd", "neither http nor https"),
        ("javascript:alert(1)", "neither http nor https"),
        (f"https://user:{SECRET}@a.example/", "user or password"),
        ("https://a.example:99999/", "cannot be read"),
        ("https://[::1/", "cannot be read"),
        ("/\xff", "cannot be read"),
    ],
)
def test_what_may_not_be_followed_is_refused_without_its_secrets(location, words):
    with pytest.raises(RedirectRefused, match=words) as refused:
        redirected(posted(f"https://a.example/?key={SECRET}"), 302, location)
    assert SECRET not in str(refused.value)


def test_letters_beyond_ascii_and_a_fragment_lead_where_browsers_go():
    to = redirected(posted("https://a.example/x/y"), 302, "/\u00e4#top".encode().decode("latin-1"))
    assert to.url == "https://a.example/\u00e4"


def test_each_address_is_checked_anew():
    with receiving(answering(302, Location="http://127.0.0.2/")) as receiver, pytest.raises(OutboundRefused) as refused:
        followed(posted(receiver.url))
    assert refused.value.asked == "GET http://127.0.0.2/"


def test_a_circle_has_an_end():
    with receiving(answering(302, Location="/again")) as receiver, pytest.raises(TooManyRedirects):
        followed(posted(receiver.url))
    assert receiver.connections == MOST_REDIRECTS + 1


@pytest.mark.parametrize(("status", "headers"), [(304, {"Location": "/x"}), (300, {"Location": "/x"}), (302, {})])
def test_what_is_no_redirect_is_an_answer(status, headers):
    with receiving(answering(status, b"", **headers)) as receiver:
        assert followed(posted(receiver.url))[1].status == status
    assert receiver.connections == 1


def test_a_redirect_that_is_wanted_is_the_answer_with_its_body():
    with receiving(answering(302, b"moved", Location="/x")) as receiver:
        _, answer, kept, _ = followed(posted(receiver.url), answers=(302,))
    assert (answer.status, kept, receiver.connections) == (302, b"moved", 1)


def test_the_body_of_a_redirect_is_not_waited_for():
    endless = dripping(b"HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 100000\r\n\r\n")
    with receiving(endless, answering(200, b"here")) as receiver:
        assert followed(posted(receiver.url))[2] == b"here"
