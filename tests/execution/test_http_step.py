"""HTTP steps in whole runs, which this process executes; the image step is reached where the answer is as wanted."""

import base64
import ssl
from contextlib import contextmanager

import pytest
from django.db import connection

from builds.execution.steps.http import LONGEST_SAID
from builds.models import BuildRun
from builds.queries.log import iterate_lines
from builds.services.runs.cancel_and_remove import request_cancel
from builds.services.runs.start import push_again
from tests.engine.certificates import Authority
from tests.execution.one_step import build_around, failed
from tests.support.receiver import answering, dripping, flooding, hanging, receiving
from tests.support.runs import executed_cleanly, press, texts
from tests.support.waiting import free_port

PASSWORD = "hush-hush-7c1"
LOGIN = {"username": "ada", "password": PASSWORD}
BASIC = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"


@pytest.fixture
def executed(caller, nobody_serves, engine_url, base_image, settings):
    """Execute, to its end, a run of a build with an HTTP step of this config; `meanwhile` is done while it runs."""
    settings.OUTBOUND_ALLOW = ("127.0.0.1",)

    def execute(url, *, image="RUN true", before="", **config):
        build = build_around("HTTP", {"url": url, **config}, caller=caller, base=base_image, image=image, before=before)
        return executed_cleanly(press(build, caller), engine_url)

    return execute


def printed(run):
    return [line.text for _, line in iterate_lines(run.pk) if line.stream == 1 and line.vertex is None]


def test_a_request_with_everything_is_sent_judged_and_told(executed, caller, engine_url):
    body = b"first\nthe wanted text"
    with receiving(answering(201, body)) as receiver:
        run = executed(
            f"{receiver.url}?key=4711",
            http_mode="PUT",
            custom_headers=[{"name": "X-Note", "value": "gr\u00fcn"}, {"name": "Content-Length", "value": "9"}],
            request_body="\u00e4",
            valid_response_codes="200:299, 404",
            valid_response_content="wanted",
            console_log_response_body=True,
            **LOGIN,
        )
        assert (run.end_reason, run.end_message) == ("DONE", "")
        (heard,) = receiver.heard
        again = executed_cleanly(push_again(run_id=run.pk, caller=caller, tag_name="again"), engine_url)
        assert (again.end_reason, receiver.connections) == ("DONE", 1)
    assert (heard.line, heard.body) == ("PUT /hook?key=4711 HTTP/1.1", "\u00e4".encode())
    assert heard.headers["authorization"] == f"Basic {BASIC}"
    assert heard.headers["x-note"].encode("latin-1").decode() == "gr\u00fcn"
    assert "content-type" not in heard.headers
    assert printed(run) == ["first", "the wanted text"]
    said = "\n".join(texts(run))
    assert f"PUT {receiver.url}\n201 Created, {len(body)} bytes, " in said
    assert "The status is one of those wanted: 200:299,404\nThe answer contains" in said
    assert "4711" not in said


def test_a_step_without_wishes_gets_any_success_and_prints_nothing(executed):
    with receiving(answering(204, b"")) as receiver:
        run = executed(receiver.url)
        (heard,) = receiver.heard
    assert (run.end_reason, heard.line) == ("DONE", "GET /hook HTTP/1.1")
    assert "authorization" not in heard.headers
    assert printed(run) == []


def test_a_status_that_is_not_wanted_is_told_with_what_the_server_said(executed):
    body = f"\nno {PASSWORD} here\nmore".encode()
    with receiving(answering(503, body)) as receiver:
        sentence = failed(run := executed(receiver.url, console_log_response_body=True, **LOGIN), "remote.status")
    assert (
        f'{receiver.url} answered 503 Service Unavailable, and wanted is 200:299; it said: "no *** here".' in sentence
    )
    assert printed(run) == ["", "no *** here", "more"]


def test_a_secret_at_the_end_of_what_is_quoted_shows_no_part_of_itself(executed):
    with receiving(answering(500, f"{'x' * (LONGEST_SAID - 8)}{PASSWORD}".encode())) as receiver:
        sentence = failed(executed(receiver.url, **LOGIN), "remote.status")
    assert 'xx***"' in sentence
    assert PASSWORD[:6] not in sentence


@pytest.mark.parametrize("body", [b"", b"\x00\x01", b"\xff\xfe"])
def test_a_body_that_is_no_text_is_not_quoted(executed, body):
    with receiving(answering(404, body)) as receiver:
        assert "answered 404 Not Found, and wanted is 200:299. Look" in failed(executed(receiver.url), "remote.status")


@pytest.mark.parametrize("prefix", [65536 - 3, 0, 70000])
def test_content_is_found_wherever_it_stands(executed, prefix):
    with receiving(answering(200, b"x" * prefix + "gr\u00fcn".encode() + b"x")) as receiver:
        run = executed(receiver.url, valid_response_content="gr\u00fcn")
        assert run.end_reason == "DONE"


def test_content_that_is_missing_fails_the_step(executed):
    with receiving(answering(200, b"all is well")) as receiver:
        failed(executed(receiver.url, valid_response_content="All is well"), "remote.content")


def test_an_answer_that_is_too_large_is_no_answer(executed, settings):
    settings.CONTEXT_LIMIT_BYTES = 1024**2
    with receiving(flooding(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)) as receiver:
        assert "more than 1 MiB" in failed(executed(receiver.url), "remote.too_large")


def broken(_receiver, line):
    line.sendall(BODY + b"half")


@pytest.mark.parametrize(
    ("act", "kind", "words"),
    [
        (broken, "remote.broken_off", "broke off: The connection was closed in the middle of the answer."),
        (dripping(BODY), "remote.timed_out", "within its timeout of 1 s."),
        (hanging, "remote.timed_out", "within its timeout of 1 s."),
    ],
)
def test_slow_and_cut_answers_fail_the_step(executed, act, kind, words):
    with receiving(act) as receiver:
        sentence = failed(executed(f"{receiver.url}?key=4711", timeout=1), kind)
    assert words in sentence
    assert "4711" not in sentence


def test_an_address_that_is_private_unknown_or_silent_is_told_as_that(executed):
    assert "http://127.0.0.2/: This address is private" in failed(
        executed("http://127.0.0.2/?key=1"), "remote.refused", "definition"
    )
    assert "nobody.invalid" in failed(executed("http://nobody.invalid/x"), "remote.host_unknown", "definition")
    assert "Nobody listens" in failed(executed(f"http://127.0.0.1:{free_port()}/x"), "remote.unreachable")


@contextmanager
def secured(tmp_path):
    authority = Authority()
    (tmp_path / "ca.pem").write_text(authority.ca)
    pair = authority.issue("receiver")
    (tmp_path / "both.pem").write_text(pair.certificate + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    with receiving(tls=context) as receiver:
        yield f"https://127.0.0.1:{receiver.port}/x", receiver


def test_a_certificate_is_trusted_by_the_systems_authorities_or_where_the_step_trusts_any(
    executed, tmp_path, monkeypatch
):
    with secured(tmp_path) as (url, receiver):
        sentence = failed(executed(url, **LOGIN), "remote.certificate")
        assert "unable to get local issuer certificate" in sentence
        assert "ignoreSslErrors" in sentence
        assert receiver.heard == []
        assert executed(url, ignore_ssl_errors=True).end_reason == "DONE"
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert executed(url).end_reason == "DONE"


def test_redirects_are_told_and_the_login_stays_with_its_origin(executed):
    with receiving() as other:
        elsewhere = answering(302, Location=f"http://127.0.0.1:{other.port}/x?key=4711")
        with receiving(answering(307, Location="/b"), elsewhere) as receiver:
            run = executed(receiver.url, **LOGIN)
    assert run.end_reason == "DONE"
    assert [heard.headers.get("authorization") for heard in receiver.heard] == [f"Basic {BASIC}"] * 2
    assert "authorization" not in other.heard[0].headers
    said = texts(run)
    assert f"Redirected to GET http://127.0.0.1:{receiver.port}/b" in said
    assert f"Redirected to GET http://127.0.0.1:{other.port}/x, another origin: without login and headers" in said
    assert "4711" not in "\n".join(said)


def test_redirects_that_lead_nowhere_fail_the_step(executed, tmp_path):
    with receiving(answering(302, Location="http://127.0.0.2/")) as receiver:
        assert "http://127.0.0.2/" in failed(executed(receiver.url), "remote.refused", "definition")
    with receiving(answering(302, Location="/again")) as receiver:
        assert "10 redirects" in failed(executed(receiver.url), "remote.too_many_redirects")
    with receiving(answering(302, Location="ftp://127.0.0.1/")) as receiver:
        assert "neither http nor https" in failed(executed(receiver.url), "remote.redirect_refused")
    with receiving(answering(302, Location="ftp://127.0.0.1/")) as receiver:
        assert executed(receiver.url, valid_response_codes="302").end_reason == "DONE"


@pytest.mark.parametrize("act", [hanging, dripping(BODY)])
def test_a_cancel_ends_the_request(executed, caller, act):
    def cancelled(receiver, line):
        (run,) = BuildRun.objects.active().filter(run_type="BUILD")
        request_cancel(run_id=run.pk, caller=caller)
        connection.close()
        act(receiver, line)

    with receiving(cancelled) as receiver:
        run = executed(receiver.url, timeout=3600)
    assert (run.end_reason, receiver.connections) == ("CANCELLED", 1)


@pytest.mark.parametrize(("password", "shown"), [(PASSWORD, "***"), ("short", "short")])
def test_the_header_of_a_login_is_masked_also_where_the_password_is_too_short_to_be(executed, password, shown):
    basic = base64.b64encode(f"ada:{password}".encode()).decode()
    with receiving(answering(200, f"{password} {basic} end".encode())) as receiver:
        run = executed(receiver.url, console_log_response_body=True, username="ada", password=password)
    assert receiver.heard[0].headers["authorization"] == f"Basic {basic}"
    assert printed(run) == [f"{shown} *** end"]


def test_an_output_file_is_what_the_image_is_built_from(executed):
    with receiving(answering(200, b"from the net\n")) as receiver:
        run = executed(
            receiver.url, image="COPY . /x\nRUN ls -l /x/deep/er && cat /x/deep/er/a.txt", output_file="deep/er/a.txt"
        )
    assert (run.end_reason, run.end_message) == ("DONE", "")
    said = texts(run)
    assert "The answer was written to deep/er/a.txt" in said
    assert "from the net" in said
    assert any(line.startswith("-rw-r--r--") for line in said)


def test_an_output_file_that_would_leave_the_workspace_or_replace_a_folder_is_refused(executed):
    script = "mkdir folder; ln -s /etc outside; ln -s folder inside"
    with receiving(*[answering(200, b"x")] * 3) as receiver:
        out = executed(receiver.url, before=script, output_file="outside/a.txt")
        folder = executed(receiver.url, before=script, output_file="folder")
        inside = executed(
            receiver.url, before=script, output_file="inside/a.txt", image="COPY . /x\nRUN cat /x/folder/a.txt"
        )
    assert (out.end_reason, out.failure["id"]) == ("STEP_FAILED", "remote.path_leaves")
    assert "outside" in out.end_message
    assert folder.failure["id"] == "definition.invalid"
    assert inside.end_reason == "DONE"
