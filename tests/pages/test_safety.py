"""Nothing that people or builds write becomes markup; no page needs inline script or style."""

import re

import pytest
from django.test import Client

from builds.models import Build, BuildServer, Registry
from tests.pages import making
from tests.support.people import make_build

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=\"|javascript:", re.IGNORECASE)


@pytest.fixture
def paths(build, operator):
    """Every page with something in it, and with text that would do harm wherever text can stand."""
    Build.objects.filter(pk=build.pk).update(name=EVIL, description=EVIL)
    build.refresh_from_db()
    lease = making.begun(making.pressed(build, operator))
    making.show(lease, [making.vertex(making.FAILING, f"[1/1] RUN {EVIL}", "ERROR", error=EVIL)])
    making.printed(lease, [EVIL, f"\x1b[31m{EVIL}", f"\x1b]0;{EVIL}\x07"], vertex=making.FAILING)
    failure = {"id": "build.failed", "whose": "definition", "message": EVIL, "remedy": EVIL, "instruction": EVIL}
    run = making.end(lease, making.End(making.EndReason.BUILD_FAILED, EVIL, failure=failure))
    done = making.done_run(build, operator)
    registry = Registry.objects.create(name=EVIL, host=EVIL, prefix=EVIL, username=EVIL, account=build.account)
    server = BuildServer.objects.create(name=EVIL, url=f"topic:{EVIL}", allowed_host_paths=[EVIL], ca_cert=EVIL)
    server.accounts.set([build.account])
    return ["/", f"/?search={EVIL}&state={EVIL}", f"/builds/{build.pk}", f"/builds/{build.pk}/edit", "/builds/new",
            f"/builds/{build.pk}/steps", f"/builds/{build.pk}/remove", f"/runs/{run.pk}", f"/runs/{run.pk}/plain",
            f"/runs/{run.pk}/remove",
            f"/runs/{done.pk}", f"/runs/{done.pk}/callbacks", "/account", "/account/tokens", "/account/members",
            "/registries", "/registries/new", f"/registries/{registry.pk}/edit", f"/registries/{registry.pk}/remove",
            "/servers", "/servers/new", f"/servers/{server.pk}/edit", f"/servers/{server.pk}/remove",
            "/docs/api", "/docs/errors", "/queue", "/activity",
            f"/activity?who={EVIL}&did={EVIL}&build={EVIL}"]  # fmt: skip


def test_no_text_becomes_markup_and_nothing_is_inline(as_, paths, root):
    client = as_(root)
    for path in paths:
        answer = client.get(path)
        html = answer.content.decode()
        assert answer.status_code == 200, path
        assert "<script>alert" not in html, path
        assert "<img src=x" not in html, path
        assert not INLINE.search(html.replace("&quot;", "").replace("onerror=alert(1)&gt;", "")), (
            path,
            INLINE.search(html),
        )


def test_every_page_forbids_inline_script_and_style(as_, paths, admin):
    policy = as_(admin).get(paths[0])["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy


def test_a_dockerfile_with_markup_comes_back_as_it_was_typed(page, operator):
    dockerfile = f"FROM busybox\n# {EVIL} </textarea>\n"
    build = make_build(operator, dockerfile, name="markup")
    found = page(f"/builds/{build.pk}/edit", operator)
    (text,) = [e for e in found.elements if e.name == "textarea" and e.attributes["name"] == "dockerFile"]
    assert "".join(text.texts).removeprefix("\n") == dockerfile


def test_answers_are_not_kept_by_caches(as_, operator):
    assert "no-store" in as_(operator).get("/")["Cache-Control"]


def test_every_answer_has_a_request_id_and_takes_over_a_sane_one(db):
    assert re.fullmatch("[0-9a-f]{16}", Client().get("/healthz")["X-Request-Id"])
    assert Client().get("/healthz", headers={"X-Request-Id": "trace-0123456789"})["X-Request-Id"] == "trace-0123456789"
    assert Client().get("/healthz", headers={"X-Request-Id": "bad id\n"})["X-Request-Id"] != "bad id\n"


def test_no_page_needs_more_than_twelve_statements(as_, paths, root, build, operator, django_assert_max_num_queries):
    waiting = making.pressed(build, operator)
    for number in range(12):
        making.done_run(make_build(operator, making.DOCKERFILE, name=f"more-{number}"), operator)
    running = making.begun(making.pressed(make_build(operator, making.DOCKERFILE, name="running"), operator))
    making.printed(running, ["xyz"] * 400)
    runs = [f"/runs/{pk}{more}" for pk in (waiting.pk, running.run_id) for more in ("", "/plain", "/plain?search=x")]
    client = as_(root)
    for path in [*paths, *runs, f"/?after={build.pk}"]:
        with django_assert_max_num_queries(12, info=path):
            client.get(path)


@pytest.mark.parametrize(
    "path", ["/", "/account", "/account/tokens", "/builds/999999", "/runs/1", "/v1/build", "/v1/none", "/admin/"]
)
def test_no_answer_to_a_person_is_kept_by_caches(as_, admin, path):
    assert "no-store" in as_(admin).get(path)["Cache-Control"]


def test_open_files_may_be_kept(db):
    answer = Client().get("/v1/openapi.json")
    assert "no-store" not in answer["Cache-Control"]
    again = Client().get("/v1/openapi.json", headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again["Cache-Control"]) == (304, answer["Cache-Control"])


@pytest.mark.parametrize("content_type", ["multipart/form-data", "application/x-www-form-urlencoded; charset=utf-16"])
def test_a_form_that_cannot_be_read_gets_the_page_that_says_so(db, content_type):
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.cookies["csrftoken"] = "a" * 32
    answer = client.generic("POST", "/accounts/login/", b"a=b", content_type=content_type)
    assert answer.status_code == 400
    assert "This request cannot be read" in answer.content.decode()
