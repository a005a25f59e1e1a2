"""What is not finished, on the page of a run in a real browser: behind the last line, and nowhere else."""

import pytest
from playwright.sync_api import expect

from tests.pages import making

pytestmark = pytest.mark.e2e


def test_one_who_comes_late_sees_what_is_not_finished_and_its_end(page, build_of, caller):
    lease = making.begun(making.pressed(build_of("RUN make"), caller))
    making.show(lease, [making.vertex("sha256:b", "[1/2] RUN seq 40"), making.vertex("sha256:c", "[2/2] RUN make")])
    making.printed(lease, [f"line {n}" for n in range(1, 41)], vertex="sha256:b")
    making.unfinished(lease, "Compiling ", vertex="sha256:c")
    page.goto(f"/runs/{lease.run_id}")
    line = page.locator("[data-open-lines] .log__line--open")
    expect(line.locator(".log__text")).to_have_text("Compiling")
    expect(line.get_by_title("This line is not finished")).to_have_text("…")
    expect(page.locator("[data-open-lines] .log__head")).to_have_count(1)
    making.printed(lease, ["Compiling done"], vertex="sha256:c")
    making.unfinished(lease, "", vertex="sha256:c")
    expect(page.locator('[data-line="41"]')).to_be_visible()
    expect(line).to_have_count(0)


def test_what_is_not_finished_is_not_shown_between_lines(page, build_of, caller):
    lease = making.begun(making.pressed(build_of("RUN make"), caller))
    for first in (1, 501, 1001):
        making.printed(lease, [f"line {n}" for n in range(first, first + 500)], vertex="sha256:b")
    making.unfinished(lease, "half ", vertex="sha256:b")
    page.goto(f"/runs/{lease.run_id}#L10")
    expect(page.locator('[data-line="10"]')).to_be_visible()
    line = page.locator("[data-open-lines] .log__line--open")
    expect(line).to_have_count(1)
    expect(line).not_to_be_in_viewport()
    page.locator("[data-foot]").scroll_into_view_if_needed()
    page.keyboard.press("G")
    expect(page.locator('[data-line="1500"]')).to_be_in_viewport()
    expect(line).to_be_in_viewport()
    page.keyboard.press("G")
    expect(line).to_be_visible()


def test_the_first_thing_that_is_printed_may_be_a_line_that_is_not_finished(page, build_of, caller):
    lease = making.begun(making.pressed(build_of("RUN make"), caller))
    page.goto(f"/runs/{lease.run_id}")
    expect(page.get_by_text("Nothing has been printed yet.")).to_be_visible()
    making.unfinished(lease, "half ", vertex="sha256:b")
    expect(page.locator("[data-open-lines] .log__line--open")).to_be_visible()
    expect(page.get_by_text("Nothing has been printed yet.")).to_be_hidden()


def leave_out(page, part: str) -> None:
    """Let the frames through that do not hold `part`."""

    def pass_on(socket) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda text: part in text or socket.send(text))

    page.route_web_socket("**/ws/runs/*", pass_on)


def test_a_line_takes_the_place_of_what_was_open_before_the_server_says_that_it_is_finished(page, build_of, caller):
    leave_out(page, '"open","lines":[]')
    lease = making.begun(making.pressed(build_of("RUN make"), caller))
    making.show(lease, [making.vertex("sha256:b", "[1/2] RUN one"), making.vertex("sha256:c", "[2/2] RUN two")])
    page.goto(f"/runs/{lease.run_id}")
    making.unfinished(lease, "Compiling ", vertex="sha256:c")
    line = page.locator("[data-open-lines] .log__line--open")
    expect(line).to_have_count(1)
    making.printed(lease, ["of another instruction"], vertex="sha256:b")
    expect(page.locator('[data-line="1"]')).to_be_visible()
    expect(line).to_have_count(1)
    making.printed(lease, ["Compiling done"], vertex="sha256:c", ends_open=True)
    expect(page.locator('[data-line="2"]')).to_be_visible()
    expect(page.locator("[data-open-lines] > *")).to_have_count(0)


def test_what_the_server_has_put_into_the_page_goes_with_the_next_line(page, build_of, caller):
    leave_out(page, '"type":"open"')
    lease = making.begun(making.pressed(build_of("RUN make"), caller))
    making.printed(lease, ["before"], vertex="sha256:c")
    making.unfinished(lease, "half ", vertex="sha256:c")
    page.goto(f"/runs/{lease.run_id}#L1")
    expect(page.locator("[data-marked]")).to_have_count(1)
    expect(page.locator("[data-open-lines] .log__line--open")).to_have_count(1)
    making.printed(lease, ["half done"], vertex="sha256:c", ends_open=True)
    expect(page.locator('[data-line="2"]')).to_be_visible()
    expect(page.locator("[data-open-lines] > *")).to_have_count(0)
