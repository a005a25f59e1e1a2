"""The main job in a real browser: press, watch, pull; fail; cancel; with and without scripts."""

import uuid

import pytest
from playwright.sync_api import expect

from builds.models import BuildRun
from tests.support.runs import ended, press, processes_with, until_printed

pytestmark = pytest.mark.e2e


# Each frame that is painted: the steps have a line for "now" exactly while the head's run is active.
WATCH_PARTS = """() => {
    const seen = (window.seen = { states: [], contradictions: [] });
    const look = () => {
        const state = document.querySelector("main [data-run]").dataset.runState;
        const isFinal = ["DONE", "ERROR"].includes(state);
        const isMoving = document.querySelector("[data-steps] .tl__now") !== null;
        const running = document.querySelectorAll('[data-steps] [data-step-state="RUNNING"]').length;
        const foot = document.querySelector("[data-foot]").innerText;
        const isLive = /Live/.test(foot);
        if (seen.states.at(-1) !== state) seen.states.push(state);
        if (isFinal === isMoving || (isFinal && running) || isFinal === isLive)
            seen.contradictions.push({ state, isMoving, running, foot });
        requestAnimationFrame(look);
    };
    look();
}"""


def run_on(page) -> BuildRun:
    """Return the run whose page is open."""
    page.wait_for_url("**/runs/*")
    return BuildRun.objects.get(pk=page.url.rpartition("/")[2].partition("#")[0])


def test_one_press_shows_lines_as_they_are_printed_and_ends_done(workers, page, build_of, tmp_path):
    gate = f"gate-{uuid.uuid4().hex}"
    build = build_of(f"RUN : {gate}; echo first; sleep 3; echo second")
    page.goto(f"/builds/{build.pk}")
    page.click("main [data-action=BUILD]")
    run = run_on(page)
    expect(page.locator("[data-line]", has_text="first")).to_be_visible()
    expect(page.locator(".log__head", has_text=gate)).to_be_visible()  # the instruction's name, not a stand-in
    assert page.locator("[data-line]", has_text="second").count() == 0  # printed later: the first was shown live
    expect(page.locator("[data-line]", has_text="second")).to_be_visible()
    expect(page.locator(f'[data-run="{run.pk}"][data-run-state=DONE]').first).to_be_visible()
    run.refresh_from_db()
    assert "Done" in page.title()
    expect(page.get_by_text(run.image_digest).first).to_be_visible()
    actions = page.locator("main [data-action]").evaluate_all("all => all.map(one => one.dataset.action)")
    assert sorted(actions) == ["BUILD", "LOG", "REMOVE"]


def test_head_steps_and_foot_agree_in_every_frame_of_a_real_run(workers, page, build_of, caller):
    run = press(build_of(f"RUN : gate-{uuid.uuid4().hex}; seq 1 50; sleep 1", "RUN echo last"), caller)
    page.goto(f"/runs/{run.pk}")
    page.evaluate(WATCH_PARTS)
    until_printed(run, "last")
    expect(page.locator("[data-sha256]")).to_be_attached(timeout=60_000)
    page.wait_for_function("window.seen.states.at(-1) !== 'RUNNING'")  # it looks with the next frame
    seen = page.evaluate("window.seen")
    assert seen["states"][-2:] == ["RUNNING", "DONE"]
    assert seen["contradictions"] == []


def test_a_failed_run_opens_at_its_error(workers, page, build_of, caller):
    run = ended(press(build_of("RUN seq 1 300", "RUN echo close && exit 7", "RUN true"), caller))
    page.goto(f"/runs/{run.pk}")
    box = page.locator("main")
    expect(box.get_by_text("exit code 7").first).to_be_in_viewport()
    expect(box.get_by_text("echo close && exit 7").first).to_be_visible()
    assert page.locator("[data-run-state=ERROR][data-end-reason=BUILD_FAILED]").count() > 0


def test_cancel_asks_once_and_shows_cancelled_only_when_the_process_is_gone(workers, page, build_of, caller):
    marker = f"marker-{uuid.uuid4().hex}"
    run = press(build_of(f"RUN : {marker}; echo ready; sleep 300; echo over"), caller)
    page.goto(f"/runs/{run.pk}")
    until_printed(run, "ready")
    page.click("main [data-action=CANCEL]")
    page.click("[data-confirm]")
    page.wait_for_selector(f'[data-run="{run.pk}"][data-end-reason=CANCELLED]')
    assert processes_with(marker) == []


def test_a_row_on_builds_changes_in_place(workers, page, build_of):
    build = build_of("RUN sleep 1")
    page.goto("/")
    row = page.locator(f'[data-build="{build.pk}"]')
    row.locator("[data-action=BUILD]").click()
    expect(row.locator("[data-run-state=DONE]").first).to_be_visible(timeout=30_000)
    assert page.url.rstrip("/").endswith(str(page.url.split("/")[2]))  # still on Builds


def test_a_browser_that_loses_its_socket_for_ten_seconds_shows_every_line_once(workers, web, page, build_of, caller):
    run = press(build_of("RUN for n in $(seq 1 75); do echo line-$n; sleep 0.2; done"), caller)
    page.goto(f"/runs/{run.pk}")
    expect(page.locator("[data-line]", has_text="line-5").first).to_be_visible()
    web.kill()  # every socket is gone
    until_printed(run, "line-60")  # ten seconds and more of output later
    web.start()
    ended(run)
    expect(page.locator("[data-run-state=DONE]").first).to_be_visible(timeout=30_000)
    expect(page.locator(f'[data-line="{run.line_count}"]')).to_be_visible()
    numbers = page.locator("[data-line]").evaluate_all("all => all.map(one => Number(one.dataset.line))")
    assert numbers == list(range(1, run.line_count + 1))


def test_everything_works_as_plain_forms_without_scripts(workers, browser, web, build_of, caller):
    from tests.support.stack import sign_in  # noqa: PLC0415

    context = browser.new_context(base_url=web.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page)
    build = build_of("RUN echo without && sleep 300", name="plain")
    page.goto(f"/builds/{build.pk}")
    page.click("main [data-action=BUILD]")
    run = run_on(page)
    until_printed(run, "without")
    page.reload()
    expect(page.locator("[data-line]", has_text="without").first).to_be_visible()
    page.click("main [data-action=CANCEL]")
    page.click("[data-confirm]")
    ended(run)
    assert run.end_reason == "CANCELLED"
    context.close()


def test_create_and_edit_keep_what_was_typed_and_show_errors_beside_their_fields(page, base_image):
    page.goto("/builds/new")
    page.fill("[name=dockerFile]", f"FROM {base_image}\n")
    page.locator("main form [type=submit]").last.click()
    expect(page.locator("main [aria-invalid=true]").first).to_be_visible()
    assert page.input_value("[name=dockerFile]").strip() == f"FROM {base_image}"


# Each frame that is painted: what is open, and how many finished lines look the same.
WATCH_OPEN = """() => {
    const seen = (window.seen = { open: [], most: 0, twice: [] });
    const look = () => {
        const open = [...document.querySelectorAll("[data-open-lines] .log__line--open .log__text")];
        const texts = open.filter((one) => one.offsetParent).map((one) => one.textContent);
        const lines = [...document.querySelectorAll("[data-line] .log__text")].map((one) => one.textContent);
        seen.most = Math.max(seen.most, texts.length);
        for (const text of texts) {
            if (seen.open.at(-1) !== text) seen.open.push(text);
            if (lines.some((line) => line === text)) seen.twice.push(text);
        }
        requestAnimationFrame(look);
    };
    look();
}"""


def test_progress_changes_in_place_and_becomes_the_line_with_its_last_state(workers, page, build_of):
    gate = f"gate-{uuid.uuid4().hex}"
    shell = 'for i in 1 2 3 4; do printf "\\r$i of 4 done: "; sleep 1; done; echo; sleep 1; echo over'
    build = build_of(f"RUN : {gate}; {shell}")
    page.goto(f"/builds/{build.pk}")
    page.click("main [data-action=BUILD]")
    page.wait_for_url("**/runs/*")
    page.evaluate(WATCH_OPEN)
    line = page.locator("[data-open-lines] .log__line--open")
    expect(line.locator(".log__text")).to_have_text("2 of 4 done:", timeout=30_000)
    expect(page.locator("[data-line]", has_text="4 of 4 done:")).to_be_visible(timeout=30_000)
    expect(line).to_have_count(0)
    expect(page.locator("main [data-run][data-run-state=DONE]").first).to_be_visible(timeout=30_000)
    expect(page.locator("[data-line]", has_text="of 4 done")).to_have_count(1)
    seen = page.evaluate("window.seen")
    texts = [f"{i} of 4 done: " for i in range(1, 5)]
    assert [text for text in texts if text in seen["open"]] == seen["open"]
    assert seen["open"][-1] == texts[-1]
    assert seen["most"] == 1
    assert seen["twice"] == []
