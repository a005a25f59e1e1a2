"""Every page in a real browser: nothing that axe-core objects to, nothing that scrolls sideways, columns that stand."""

import json
from collections.abc import Callable
from io import BytesIO

import pytest
from playwright.sync_api import Browser, Page, expect

from builds.domain.access import Role
from builds.models import Account, Build, BuildServer, CallbackDelivery, Caller, Registry
from builds.services.accounts.tokens import issue_token
from builds.services.builds.contexts import store_context
from builds.services.builds.edit import BuildDraft, StepDraft, create_build
from builds.services.runs.parameters import RunAsk
from builds.services.runs.start import start_run
from tests.pages import making
from tests.support import axe
from tests.support.archives import tar_of
from tests.support.people import make_build, make_person
from tests.support.stack import sign_in

pytestmark = pytest.mark.e2e
expect.set_options(timeout=20_000)  # the machine does other things too

LONG = "a-very-long-name-of-an-image-that-somebody-has-chosen/with-parts/and-more-of-them"
PAGES = (
    "/", "/?search=nothing-fits", "/builds/new", "/builds/{build}", "/builds/{long}", "/builds/{build}/edit",
    "/builds/{git}", "/builds/{git}/edit", "/builds/{steps}/steps",
    "/builds/{build}/remove", "/runs/{done}", "/runs/{failed}", "/runs/{running}", "/runs/{waiting}",
    "/runs/{cancelled}", "/runs/{done}/plain", "/runs/{running}/cancel", "/runs/{running}/callbacks", "/account",
    "/account/tokens", "/account/members", "/account/webhook-secret", "/registries", "/registries/new",
    "/registries/{registry}/edit", "/registries/{registry}/remove", "/docs/errors", "/docs/errors/CCCM1004000",
    "/docs/api", "/nowhere", "/queue", "/activity", "/activity?who=nobody", "/servers",
    "/servers/new", "/servers/{server}/edit", "/servers/{server}/remove",
)  # fmt: skip

OPTIONS = {
    "build_args": [{"key": "LONG", "value": f"{LONG}\n{LONG * 2}"}],
    "labels": [{"key": LONG.replace("/", "."), "value": "x" * 200}],
    "secrets": [{"id": LONG.replace("/", "_"), "value": "secret-word"}],
    "cache_from": [f"registry.example/{LONG}:1"],
    "extra_tags": ["t" * 120],
    "latest_apply": True,
}


def git_build(caller: Caller) -> Build:
    """Create a build of a private repository, with everything that the form folds away."""
    code = {"repository_url": f"https://git.example/{LONG}.git", "common_type": "PRIVATE", "user_id": "robot"}
    more = {"password": "secret", "known_hosts": "git.example ssh-ed25519 AAAA", "submodules": True}
    steps = (
        StepDraft("CODE_DOWN", order=1, config={**code, **more}),
        StepDraft("CREATE_IMAGE", order=2, config={"docker_file_path": "and-more-of-them/Dockerfile"} | OPTIONS),
    )
    return create_build(caller=caller, draft=BuildDraft(image_name="git", tag_name="1", steps=steps))


def build_of_all_kinds(caller: Caller) -> Build:
    """Create a build with a step of every kind that the page of steps edits."""
    steps = (
        StepDraft("CODE_DOWN", config={"repository_url": f"https://git.example/{LONG}.git"}),
        StepDraft("SHELL", config={"shell_type": "SCRIPT", "command": f"make {LONG}", "step_title": LONG}),
        StepDraft("USER_TASK", config={"image_name": "busybox", "cmd": [LONG], "envs": [{"key": "A", "value": LONG}]}),
        StepDraft("HTTP", config={"url": f"https://example.com/{LONG}", "password": "secret"}),
        StepDraft("FTP", config={"url": "ftp://example.com", "ftp_exec_type": "FTP_DOWN", "source_files": LONG}),
        StepDraft("CREATE_IMAGE", config={"docker_file": "FROM scratch"}),
    )
    return create_build(caller=caller, draft=BuildDraft(image_name="kinds", tag_name="1", steps=steps))


@pytest.fixture(scope="module")
def paths(reading_world: Caller, base_image: str) -> dict[str, int]:
    """A world with something on every page, and the numbers in its addresses; those who ask for it only read."""
    caller = reading_world
    account = Account.objects.get(pk=next(iter(caller.roles)))
    issue_token(owner=make_person("admin", Role.INSTANCE_ADMIN, account), account=account, name="ci", scopes=["read"])
    dockerfile = making.DOCKERFILE.replace("busybox", base_image)
    build, other, more = (make_build(caller, dockerfile, name=f"hello-{n}", when_running="QUEUE") for n in range(3))
    long = make_build(caller, dockerfile, name=LONG, description="word " * 60)
    store_context(build_id=build.pk, caller=caller, file=BytesIO(tar_of(Dockerfile=b"FROM scratch")))
    numbers = {"build": build.pk, "long": long.pk, "git": git_build(caller).pk, "steps": build_of_all_kinds(caller).pk}
    numbers["registry"] = Registry.objects.create(name=LONG, host=f"{'long-' * 12}.example", account=account).pk
    numbers["server"] = BuildServer.objects.create(name=LONG, url=f"tcp://{'long-' * 12}.example:2375", capacity=40).pk
    numbers["done"] = making.done_run(build, caller).pk
    numbers["failed"] = making.failed_run(build, caller).pk
    stopped = making.pressed(build, caller)
    lease = making.begun(stopped)
    making.show(lease, [making.vertex("sha256:b", "[1/2] RUN x", "ERROR", error="context canceled")])
    making.cancelled(stopped, caller)
    making.end(lease, making.End(making.EndReason.CANCELLED, "Cancelled."))
    numbers["cancelled"] = stopped.pk
    running = start_run(build_id=other.pk, caller=caller, ask=RunAsk(callback_url="https://receiver.example/hook"))
    making.printed(making.begun(running), ["x" * 400, "\x1b[31mred\x1b[0m \x1b[33myellow\x1b[0m \x1b[36mcyan\x1b[0m"])
    numbers["running"] = running.pk
    numbers["waiting"] = making.pressed(more, caller).pk
    making.pressed(long, caller)
    assert CallbackDelivery.objects.exists()
    return numbers


@pytest.fixture(params=["light", "dark"])
def anybody(request: pytest.FixtureRequest, browser: Browser, web):
    """A page of somebody who is not signed in, in light or dark."""
    context = browser.new_context(base_url=web.url, color_scheme=request.param, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def admin_page(anybody: Page, paths) -> Page:
    """A page of an instance admin."""
    sign_in(anybody, "admin")
    return anybody


def settled(page: Page, address: str) -> None:
    page.goto(address)
    if address == "/docs/api":
        expect(page.locator(".opblock").first).to_be_visible()


# Swagger UI draws a <main> of its own within the page's, and its markup cannot be told otherwise.
SWAGGERS = {"landmark-main-is-top-level", "landmark-no-duplicate-main", "landmark-unique"}


def violations(page: Page) -> list[str]:
    """Return what axe-core objects to, with the elements; what Swagger UI makes is not ours."""
    return axe.violations(page, left_out=frozenset(SWAGGERS) if page.url.endswith("/docs/api") else frozenset())


def faults(page: Page) -> list[str]:
    """Return what axe-core objects to, and what scrolls sideways, at two widths."""
    found = []
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 800})
        found += [f"at {width}: {one}" for one in violations(page)]
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
            found.append(f"at {width}: {wide} pixels wide")
    return found


def test_axe_objects_to_nothing_and_no_page_scrolls_sideways(admin_page: Page, paths):
    said = {}
    for path in PAGES:
        settled(admin_page, path.format(**paths))
        if found := faults(admin_page):
            said[path] = found
    assert said == {}, json.dumps(said, indent=1)


def test_axe_objects_to_nothing_in_an_opened_operation_of_the_api(admin_page: Page):
    settled(admin_page, "/docs/api")
    for method in ("get", "post", "put", "delete"):
        admin_page.locator(f".opblock-{method} .opblock-summary-control").first.click()
    expect(admin_page.locator(".opblock.is-open .responses-wrapper")).to_have_count(4)
    admin_page.locator(".opblock:not(.is-open)").evaluate_all("all => all.forEach((one) => one.remove())")  # seen above
    assert faults(admin_page) == []


def test_axe_objects_to_nothing_on_the_sign_in_page(anybody: Page, paths):
    anybody.goto("/accounts/login/")
    assert faults(anybody) == []


def columns(page: Page) -> list[float]:
    found: list[float] = page.locator(".builds th").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().x)"
    )
    return found


def test_the_columns_of_builds_stand_whatever_the_rows_say(page: Page, build_of: Callable[..., Build], caller):
    build_of("RUN true", name="a")
    page.goto("/")
    before = columns(page)
    build = build_of("RUN true", name=LONG, tag_name="t" * 120)
    page.reload()
    assert columns(page) == before
    lease = making.begun(making.pressed(build, caller))
    page.reload()
    assert columns(page) == before
    making.end(
        lease, making.End(making.EndReason.BUILD_FAILED, "It failed for a reason that has no blanks: " + "x" * 200)
    )
    page.reload()
    assert columns(page) == before
    assert len(before) == 6


def test_times_are_those_of_the_readers_zone(browser: Browser, web, paths):
    delivery = CallbackDelivery.objects.first()
    context = browser.new_context(base_url=web.url, timezone_id="Asia/Seoul")
    page = context.new_page()
    sign_in(page)
    page.goto(f"/runs/{paths['running']}/callbacks")
    moment = page.locator("[data-delivery] time[data-moment]")
    expect(moment).to_contain_text("GMT+9")
    hour = (delivery.due_at.hour + 9) % 24
    expect(moment).to_contain_text(f"{hour:02d}:{delivery.due_at.minute:02d}:")
    context.close()


def test_a_changed_form_asks_before_it_is_left_and_an_unchanged_one_does_not(page: Page, build_of):
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    path = f"/builds/{build_of('RUN true').pk}/edit"
    page.goto(path)
    page.click("#buildName")
    page.get_by_role("link", name="Account", exact=True).click()
    page.wait_for_url("**/account")
    page.goto(path)
    page.click("#buildName")
    page.keyboard.press("End")
    page.keyboard.type("x")
    page.get_by_role("link", name="Account", exact=True).click()
    expect(page.locator("#buildName")).to_have_value("hellox")
    assert asked == ["beforeunload"]
    page.keyboard.press("Backspace")  # as it was: nothing would be lost
    page.locator("#buildName").fill("y")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/builds/*")
    assert asked == ["beforeunload"]


def test_a_refused_form_has_the_focus_on_what_is_wrong(page: Page, caller):
    page.goto("/builds/new")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("[data-problems]")).to_be_focused()


def test_a_token_is_issued_once_however_often_its_page_is_loaded(page: Page, caller):
    page.goto("/account/tokens")
    page.fill("#name", "ci")
    page.get_by_role("button", name="Issue token").click()
    expect(page.locator("[data-secret]")).to_be_visible()
    page.reload()
    expect(page.locator("[data-token]")).to_have_count(1)
    assert page.locator("[data-secret]").count() == 0


def test_the_fields_of_an_engine_show_only_where_it_is_chosen(page: Page, caller):
    page.goto("/builds/new")
    expect(page.get_by_label("Build server", exact=True)).to_be_visible()
    for field in ("Address of the engine", "Use TLS", "Client key"):
        expect(page.get_by_label(field, exact=field != "Use TLS")).to_be_hidden()
    page.get_by_label("Build server", exact=True).select_option("tcp://")
    for field in ("Address of the engine", "Use TLS", "Client key"):
        expect(page.get_by_label(field, exact=field != "Use TLS")).to_be_visible()
    page.set_viewport_size({"width": 320, "height": 800})
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 320
