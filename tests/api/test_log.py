"""The log over REST: numbered windows, exact bytes, ranges, and the whole in one answer."""

import hashlib

import pytest

from builds.queries import log as log_queries
from tests.api.making import begin, end, say

ODD = [
    b"plain\n",
    b"caf\xc3\xa9 \xff\xfe\n",
    b"nul \x00 and \x1b[31mred\x1b[0m\r\n",
    b"\n",
    b"progress 1\rprogress 2\n",
]


def body(answer):
    return b"".join(answer.streaming_content)


@pytest.fixture
def text(as_, viewer, run):
    """Read log.txt of the run."""
    client = as_(viewer)
    return lambda query="", **headers: client.get(f"/v1/build/run/{run.pk}/log.txt{query}", headers=headers)


@pytest.fixture
def lines(as_, viewer, run):
    """Read `lines` of the run."""
    client = as_(viewer)
    return lambda **query: client.get(f"/v1/build/run/{run.pk}/lines", query).json()


def numbers(answer):
    return [line["n"] for line in answer["lines"]]


def test_before_the_first_line_the_text_is_empty_and_200(text, lines):
    answer = text(Range="bytes=0-")
    assert (answer.status_code, body(answer)) == (200, b"")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert lines() == {"lines": [], "last": 0, "total": 0, "complete": False, "inks": {}, "open": []}


def test_the_text_is_exactly_the_stored_bytes(text, run):
    lease = begin(run)
    say(lease, *ODD)
    say(lease, b"no line end")
    end(lease)
    run.refresh_from_db()
    whole = body(text())
    assert whole == b"".join(ODD) + b"no line end"
    assert (len(whole), hashlib.sha256(whole).hexdigest()) == (run.byte_count, run.log_sha256)
    assert text()["ETag"] == f'"{run.log_sha256}"'


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-0", 0, 1), ("bytes=3-", 3, 30), ("bytes=-5", 25, 30), ("bytes=8-13", 8, 14), ("bytes=20-999", 20, 30)],
)
def test_a_range_is_cut_out_of_the_bytes_across_chunks(text, run, asked, start, stop):
    lease = begin(run)
    for number in range(3):
        say(lease, b"line %d is\n" % number)
    whole = b"line 0 is\nline 1 is\nline 2 is\n"
    answer = text(Range=asked)
    assert (answer.status_code, body(answer)) == (206, whole[start:stop])
    assert answer["Content-Range"] == f"bytes {start}-{stop - 1}/30"
    assert answer["Content-Length"] == str(stop - start)


def test_a_range_beyond_the_end_is_416_and_a_malformed_one_is_ignored(text, run):
    say(begin(run), b"hello\n")
    answer = text(Range="bytes=6-")
    assert (answer.status_code, answer["Content-Range"]) == (416, "bytes */6")
    assert answer["Content-Type"] == "application/problem+json"
    assert [text(Range=asked).status_code for asked in ("lines=1-2", "bytes=5-1", "bytes=-", "bytes=0-1,3-4")] == [
        200
    ] * 4


def test_a_range_of_another_version_answers_the_whole(text, run):
    lease = begin(run)
    say(lease, b"hello\n")
    end(lease)
    answer = text(Range="bytes=1-2", **{"If-Range": '"other"'})
    assert (answer.status_code, body(answer)) == (200, b"hello\n")
    assert body(text(Range="bytes=1-2", **{"If-Range": answer["ETag"]})) == b"el"


def test_streams_and_line_numbers_narrow_the_text_without_changing_its_bytes(text, run):
    lease = begin(run)
    say(lease, b"said by BuildHub\n", stream=0)
    say(lease, *ODD, stream=1)
    say(lease, b"warning\n", stream=2)
    assert body(text("?stream=1,2")) == b"".join(ODD) + b"warning\n"
    assert body(text("?stream=1&stream=2")) == body(text("?stream=1,2"))
    assert body(text("?stream=0")) == b"said by BuildHub\n"
    assert body(text("?from=3&to=4")) == ODD[1] + ODD[2]
    assert body(text("?from=7")) == b"warning\n"
    assert body(text("?from=8")) == b""


def test_times_stand_before_lines_but_not_within_a_long_line(text, run):
    lease = begin(run)
    say(lease, b"half ", b"a line\n", b"next\n", t=1500)
    run.refresh_from_db()
    first, second, rest = body(text("?timestamps=true")).split(b"\n")
    assert first.endswith(b"+00:00 half a line")
    assert second.endswith(b"+00:00 next")
    assert rest == b""
    assert len(first.split(b" ")[0]) == len("2022-12-02T08:43:40.000+00:00")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?from=0", "from"),
        ("?to=x", "to"),
        ("?stream=3", "stream"),
        ("?stream=1;2", "stream"),
        ("?timestamps=x", "timestamps"),
    ],
)
def test_a_wrong_parameter_of_the_text_is_refused_by_its_name(text, query, field):
    answer = text(query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


def test_text_plain_may_be_asked_for(text, run):
    say(begin(run), b"hello\n")
    assert body(text(Accept="text/plain")) == b"hello\n"


def test_lines_go_on_after_a_number_until_complete(lines, run):
    lease = begin(run)
    for first in range(0, 1200, 400):
        say(lease, *[b"line %d\n" % number for number in range(first + 1, first + 401)])
    page = lines(after=0, limit=500)
    assert (numbers(page), page["last"], page["complete"]) == (list(range(1, 501)), 500, False)
    rest = lines(after=500)
    assert (numbers(rest), rest["last"], rest["total"]) == (list(range(501, 1201)), 1200, 1200)
    assert not rest["complete"]
    end(lease)
    assert lines(after=1200) == {"lines": [], "last": 1200, "total": 1200, "complete": True, "inks": {}, "open": []}
    assert not lines(after=500, limit=100)["complete"]


def test_lines_are_found_by_text_and_step(lines, run):
    lease, step = begin(run), run.steps.get(order=1).pk
    say(lease, b"Hello one\n", b"other\n")
    say(lease, b"HELLO two\n", step=step)
    assert numbers(lines(search="hello")) == [1, 3]
    assert numbers(lines(step=step)) == [3]
    assert numbers(lines(search="hel%")) == []
    first = lines(search="hello", limit=1)
    assert (numbers(first), numbers(lines(search="hello", after=first["last"]))) == ([1], [3])


def test_lines_around_hits_are_told_in_pages(lines, run):
    lease = begin(run)
    for first in range(0, 1600, 400):
        say(lease, *[b"line %d\n" % number for number in range(first + 1, first + 401)])
    page = lines(search="line 40", context=1, limit=5)
    assert numbers(page) == [39, 40, 41, 399, 400]
    rest = lines(search="line 40", context=1, limit=500, after=page["last"])
    assert (numbers(rest), rest["last"]) == ([*range(401, 411)], 1600)


@pytest.fixture
def hits(as_, operator, run):
    def find(search, **query):
        answer = as_(operator).get(f"/v1/build/run/{run.pk}/hits", {"search": search, **query})
        assert answer.status_code == 200, answer.content
        return answer.json()

    return find


def test_a_hit_is_found_in_the_whole_log_forwards_and_backwards_and_around_its_ends(hits, run):
    lease = begin(run)
    for first in range(0, 1600, 400):
        say(lease, *[b"line %d\n" % number for number in range(first + 1, first + 401)])
    say(lease, b"\x1b[31mLI\x1b[0mNE 9\n")
    nine = [9, *range(90, 100), *range(900, 1000), 1601]
    assert hits("line 9") == {"count": 112, "total": 1601, "n": 9, "position": 1, "ranges": None}
    assert (hits("line 9", **{"from": 101})["n"], hits("line 9", **{"from": 101})["position"]) == (900, 12)
    assert hits("line 9", **{"from": 899, "backwards": "true"})["n"] == 99
    assert hits("line 9", **{"from": 8, "backwards": "true"})["n"] == 1601
    assert hits("line 1601", context=2)["ranges"] is not None
    assert hits("line 9", context=2)["ranges"] == [[7, 11], [88, 101], [898, 1001], [1599, 1601]]
    assert [n for n in nine if hits("line 9", **{"from": n})["n"] != n] == []
    assert hits("nowhere") == {"count": 0, "total": 1601, "n": None, "position": None, "ranges": None}


def test_long_sections_are_listed_across_chunks_and_short_ones_are_not(as_, operator, run):
    lease, step = begin(run), run.steps.get(order=1).pk
    say(lease, *[b"own\n"] * 300)
    for _ in range(3):
        say(lease, *[b"long\n"] * 100, step=step, vertex="sha256:a")
    say(lease, *[b"short\n"] * 200, step=step, vertex="sha256:b")
    found = as_(operator).get(f"/v1/build/run/{run.pk}/sections").json()
    assert found == [
        {"first": 1, "last": 300, "step": None, "vertex": None, "state": "WAIT"},
        {"first": 301, "last": 600, "step": step, "vertex": "sha256:a", "state": "WAIT"},
    ]


def test_a_search_sees_what_was_printed_since(hits, run):
    lease = begin(run)
    say(lease, b"hit\n", b"no\n")
    assert hits("hit")["count"] == 1
    say(lease, b"another hit\n")
    assert (hits("hit")["count"], hits("hit", **{"from": 2})["n"], hits("hit")["total"]) == (2, 3, 3)


@pytest.mark.parametrize(
    "query",
    [
        {"search": ""},
        {"search": "x", "from": "0"},
        {"search": "x", "context": "21"},
        {"search": "x", "backwards": "so"},
    ],
)
def test_a_wrong_search_is_refused_by_its_name(as_, viewer, run, query):
    answer = as_(viewer).get(f"/v1/build/run/{run.pk}/hits", query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, list(query)[-1])


@pytest.mark.parametrize(
    "query", [{"after": "-1"}, {"limit": "0"}, {"limit": "10001"}, {"step": "x"}, {"after": "99999999999"}]
)
def test_a_wrong_window_is_refused_by_its_name(as_, viewer, run, query):
    answer = as_(viewer).get(f"/v1/build/run/{run.pk}/lines", query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, next(iter(query)))


def test_a_nul_in_the_search_is_a_400(as_, viewer, run):
    answer = as_(viewer).get(f"/v1/build/run/{run.pk}/lines?search=a%00b")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "search")


def test_a_text_over_the_limit_keeps_its_end_and_says_where_all_of_it_is(as_, viewer, run, monkeypatch):
    monkeypatch.setattr(log_queries, "STEP_TEXT_BYTES", 40)
    lease, step = begin(run), run.steps.get(order=1).pk
    for number in range(5):
        say(lease, b"line number %d\n" % number, step=step)
    log = as_(viewer).get(f"/v1/build/run/log/{run.pk}").json()[0]["buildStepRuns"][1]["log"]
    first, *kept = log.splitlines()
    assert f"/v1/build/run/{run.pk}/log.txt" in first
    assert kept == ["line number 3", "line number 4"]


def test_the_log_is_complete_once_the_run_has_ended(as_, viewer, run):
    client, lease = as_(viewer), begin(run)
    assert client.get(f"/v1/build/run/log/{run.pk}").json()[0]["dbLog"] is False
    end(lease)
    assert client.get(f"/v1/build/run/log/{run.pk}").json()[0]["dbLog"] is True


def test_the_bytes_of_single_lines_join_to_those_of_the_chunk(run):
    lease = begin(run)
    say(lease, *ODD, b"rest")
    chunk = run.chunks.get()
    assert log_queries.line_bytes(chunk.packed) == [*ODD, b"rest"]
    assert b"".join(log_queries.iterate_bytes(run.pk)) == b"".join([*ODD, b"rest"])
