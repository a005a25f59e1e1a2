"""The log in the page: numbered, bounded, coloured by classes, and nothing printed can act."""

import pytest

from builds.domain.states import StepType
from builds.models import RunStep
from builds.pages.screens.log import LINE_CHARACTERS
from tests.pages import making


def numbers(page):
    """Return the numbers of the lines in the page."""
    return [int(element.attributes["data-line"]) for element in page.with_("data-line")]


@pytest.fixture
def lease(build, operator):
    return making.begun(making.pressed(build, operator))


def test_the_page_holds_the_last_500_lines_and_says_how_many_stand_before(page, lease, operator):
    for _ in range(3):
        making.printed(lease, [f"line {n}" for n in range(400)])
    found = page(f"/runs/{lease.run_id}", operator)
    assert numbers(found) == list(range(701, 1201))
    log = found.one("data-log").attributes
    assert (log["data-last-line"], log["data-total"]) == ("1200", "1200")
    assert "700 earlier lines" in found.one("data-earlier").text


def test_the_plain_view_pages_through_all_lines(page, lease, operator):
    for _ in range(3):
        making.printed(lease, [f"line {n}" for n in range(400)])
    first = page(f"/runs/{lease.run_id}/plain", operator)
    assert numbers(first) == list(range(1, 501))
    assert first.one("rel", "next").attributes["href"] == "?after=500"
    assert numbers(page(f"/runs/{lease.run_id}/plain?after=1000", operator)) == list(range(1001, 1201))


def test_the_plain_view_leads_both_ways_and_names_each_instruction_in_a_heading(page, lease, operator):
    making.show(lease, [making.vertex("sha256:a", "[1/2] RUN one"), making.vertex("sha256:b", "[2/2] RUN two")])
    for digest in ("sha256:a", "sha256:b"):
        for _ in range(2):
            making.printed(lease, [f"line {n}" for n in range(400)], vertex=digest)
    second = page(f"/runs/{lease.run_id}/plain?after=500", operator)
    assert numbers(second) == list(range(501, 1001))
    headings = [(element.name, element.text) for element in second.with_("data-of")]
    assert headings == [("h2", "[1/2] RUN one"), ("h2", "[2/2] RUN two")]
    links = {kind: second.one("rel", kind).attributes["href"] for kind in ("prev", "next")}
    assert links == {"prev": "?after=0", "next": "?after=1000"}


def test_the_plain_view_shows_what_is_found_with_the_lines_around_it(page, lease, operator):
    for first in range(1, 1601, 400):
        making.printed(lease, [f"line {n}" for n in range(first, first + 400)])
    found = page(f"/runs/{lease.run_id}/plain?search=LINE%20120", operator)
    assert found.one("data-log-hits").text == "11"
    assert numbers(found) == [*range(118, 123), *range(1198, 1212)]
    assert [element.text for element in found.with_("data-of")] == ["BuildHub", "BuildHub"]
    many = page(f"/runs/{lease.run_id}/plain?search=line", operator)
    assert many.one("rel", "next").attributes["href"] == "?search=line&after=500"
    assert numbers(page(f"/runs/{lease.run_id}/plain?search=line&after=1500", operator)) == list(range(1501, 1601))
    none = page(f"/runs/{lease.run_id}/plain?search=%00nowhere", operator)
    assert (none.one("data-log-hits").text, numbers(none)) == ("0", [])


def test_a_failed_run_with_a_long_tail_shows_the_region_of_the_error(page, lease, operator):
    making.show(lease, [making.vertex(making.FAILING, "[1/1] RUN false", "ERROR", error="exit code: 1")])
    making.printed(lease, ["the error"], vertex=making.FAILING)
    for _ in range(3):
        making.printed(lease, [f"later {n}" for n in range(400)], vertex="sha256:other")
    making.end(lease, making.End(making.EndReason.BUILD_FAILED, "It failed."))
    found = page(f"/runs/{lease.run_id}", operator)
    assert numbers(found)[0] == 1
    assert "701 later lines" in found.one("data-later").text
    assert "log__line--error" in found.one("data-line", "1").attributes["class"]


def test_long_lines_are_cut_with_a_mark_and_the_page_stays_small(page, lease, operator):
    for _ in range(20):
        making.printed(lease, ["x" * 60_000] * 10)
    found = page(f"/runs/{lease.run_id}", operator)
    assert len(found.html) < 1_500_000
    assert f"{60_000 - LINE_CHARACTERS} more characters of this line stand in the raw log" in found.html
    assert numbers(found)[-1] == 200


@pytest.mark.parametrize("path", ["", "/plain"])
def test_what_is_not_finished_stands_behind_the_last_line_and_has_no_number(page, lease, operator, path):
    making.printed(lease, ["one"], vertex="sha256:b")
    making.unfinished(lease, "1 %\x1b[31m", vertex="sha256:b")
    found = page(f"/runs/{lease.run_id}{path}", operator)
    assert numbers(found) == [1]
    (shown,) = [row for row in found.with_("class") if "log__line--open" in row.attributes["class"]]
    assert shown.text.split() == ["…", "0:01.5", "1", "%"]
    assert "id" not in shown.attributes


def test_what_is_not_finished_is_left_out_where_lines_stand_between(page, lease, operator):
    making.printed(lease, ["one"] * 500)
    making.printed(lease, ["two"] * 500)
    making.unfinished(lease, "1 %")
    assert "log__line--open" not in page(f"/runs/{lease.run_id}/plain", operator).html
    assert "log__line--open" in page(f"/runs/{lease.run_id}/plain?after=500", operator).html


def test_the_raw_log_is_the_stored_bytes_as_text(as_, lease, operator):
    making.printed(lease, ["<b>bold</b>", "\x1b[31mred"])
    answer = as_(operator).get(f"/runs/{lease.run_id}/log.txt")
    assert b"".join(answer.streaming_content) == b"<b>bold</b>\n\x1b[31mred\n"
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_line_names_its_instruction_where_another_one_begins(page, build, operator):
    found = page(f"/runs/{making.failed_run(build, operator).pk}", operator)
    assert [e.text for e in found.with_("data-of")] == ["BuildHub", "[3/5] RUN echo one", "[4/5] RUN exit 7"]


def test_a_colour_goes_on_over_a_line_end(page, lease, operator):
    making.printed(lease, ["\x1b[1;31mred", "still <b>red</b>\x1b[m", "plain"])
    lines = page(f"/runs/{lease.run_id}", operator).with_("data-line")
    assert [line.text.split()[-1] for line in lines] == ["red", "<b>red</b>", "plain"]
    assert page(f"/runs/{lease.run_id}", operator).html.count("ansi-bold ansi-fg-1") == 2


def test_a_program_speaks_under_the_title_of_its_step_and_its_failure_shows_its_lines_alone(page, build, operator):
    build.steps.update(order=2)
    config = {"shell_type": "COMMAND", "command": "make test", "step_title": "Unit tests"}
    build.steps.create(step_type="SHELL", order=1, config=config)
    lease = making.begun(making.pressed(build, operator), up_to=StepType.SHELL)
    making.printed(lease, ["hello"], stream=0, of=StepType.INIT)
    making.printed(lease, ["Running make test"], stream=0, of=StepType.SHELL)
    making.printed(lease, ["test 1 ok", "test 2 failed"], of=StepType.SHELL)
    making.end(lease, making.End(making.EndReason.STEP_FAILED, "Unit tests ended with exit code 2."))
    found = page(f"/runs/{lease.run_id}", operator)
    step, image = RunStep.objects.filter(run_id=lease.run_id, order__gt=0).order_by("order")
    heads = [(one.text, one.attributes["data-of"]) for one in found.with_("data-of") if one.text]
    assert heads == [("BuildHub", ""), ("Unit tests", f"step {step.pk}")]
    box = found.one("data-failure")
    assert "Last lines of this step" in box.text
    assert "test 2 failed" in box.text
    assert "hello" not in box.text
    assert f'href="/builds/{build.pk}/steps"' in found.html
    rows = {row.attributes["data-step"]: row.text for row in found.with_("data-step")}
    assert ": Unit tests failed" in rows[str(image.pk)]
