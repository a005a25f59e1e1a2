"""Runs found by what they made: latest, search by image, siblings of a digest."""

import pytest

from builds.domain.states import EndReason
from builds.models import BuildRun
from tests.api.making import begin, end


@pytest.fixture
def pushed(as_, operator):
    """Press a build and let its run end DONE."""

    def press(build, reason: EndReason = EndReason.DONE, **query: str) -> BuildRun:
        answer = as_(operator).post(f"/v1/build/run/{build.pk}?" + "&".join(f"{k}={v}" for k, v in query.items()))
        run = BuildRun.objects.get(pk=answer.json()["buildRunSeq"])
        end(begin(run), reason)
        run.refresh_from_db()
        return run

    return press


def seqs(answer) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [run["buildRunSeq"] for run in answer.json()]


def test_latest_are_the_done_builds_with_the_newest_end_first(as_, viewer, account, build, make_build, pushed):
    first, other = pushed(build), pushed(make_build())
    pushed(build, EndReason.BUILD_FAILED)
    last = pushed(build)
    client = as_(viewer)
    assert seqs(client.get("/v1/build/run/latest")) == [last.pk, other.pk, first.pk]
    assert seqs(client.get("/v1/build/run/latest", {"limitCount": 1})) == [last.pk]
    assert seqs(client.get("/v1/build/run/latest", {"accountSeq": account.pk, "limitCount": 2})) == [last.pk, other.pk]
    assert seqs(client.get("/v1/build/run/latest", {"accountSeq": account.pk + 1})) == []


def test_latest_are_five_where_no_number_is_given(as_, viewer, build, pushed):
    for _ in range(6):
        pushed(build)
    assert len(seqs(as_(viewer).get("/v1/build/run/latest"))) == 5


def test_strangers_find_nothing(as_, stranger, build, pushed):
    run = pushed(build)
    client = as_(stranger)
    assert seqs(client.get("/v1/build/run/latest")) == []
    assert client.get("/v1/build/run/search", {"imageUrl": run.image.tagged}).json() is None
    assert client.get(f"/v1/build/run/{run.pk}/otherremoveruns").status_code == 404


@pytest.mark.parametrize("count", ["0", "201", "x"])
def test_a_wrong_number_of_latest_is_refused_by_its_name(as_, viewer, count):
    answer = as_(viewer).get("/v1/build/run/latest", {"limitCount": count})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "limitCount")


def test_a_run_is_found_by_exactly_its_image(as_, viewer, build, make_build, pushed):
    run = pushed(build)
    assert run.image.tagged == "127.0.0.1:5000/ops/hello:v-00001"
    pushed(make_build(imageName="ops/hello"))
    client = as_(viewer)
    find = lambda image, **query: client.get("/v1/build/run/search", {"imageUrl": image, **query}).json()  # noqa: E731
    found = find(run.image.tagged, buildSeq=build.pk)
    assert (found["buildRunSeq"], found["imageUrl"]) == (run.pk, "127.0.0.1:5000/ops/hello")
    for other in ("127.0.0.1:5000/hello:v-00001", "127.0.0.1:5000/ops/hello:v-00002", "example.com/ops/hello:v-00001"):
        assert find(other) is None
    assert find(run.image.tagged, buildSeq=build.pk + 1000) is None


def test_the_newest_run_of_a_tag_is_found_and_neither_failed_nor_removed_ones(as_, viewer, make_build, pushed):
    build = make_build(autotagUseYn="N", tagName="1")
    older, newer = pushed(build), pushed(build)
    pushed(build, EndReason.BUILD_FAILED)
    client = as_(viewer)
    image = {"imageUrl": newer.image.tagged}
    assert client.get("/v1/build/run/search", image).json()["buildRunSeq"] == newer.pk
    BuildRun.objects.filter(pk=newer.pk).update(removed_at="2026-01-01T00:00:00Z")
    assert client.get("/v1/build/run/search", image).json()["buildRunSeq"] == older.pk


def test_a_prefix_of_the_registry_belongs_to_the_image(as_, viewer, build, pushed):
    run = pushed(build)
    BuildRun.objects.filter(pk=run.pk).update(registry_prefix="base/")
    found = as_(viewer).get("/v1/build/run/search", {"imageUrl": "127.0.0.1:5000/base/ops/hello:v-00001"})
    assert found.json()["buildRunSeq"] == run.pk


@pytest.mark.parametrize(
    ("image", "word"),
    [
        ("", "with its tag"),
        ("127.0.0.1:5000/ops/hello", "with its tag"),
        ("hello:1", "with its tag"),
        ("/ops/hello:1", "with its tag"),
        ("https://example.com/a:1", "scheme"),
        ("example.com/a:1@sha256:" + "a" * 64, "digest"),
        ("example.com/UPPER:1", "lower-case"),
        ("example.com/a:1\x00", "imageUrl"),
    ],
)
def test_what_is_no_image_with_tag_is_refused_on_image_url(as_, viewer, image, word):
    answer = as_(viewer).get("/v1/build/run/search", {"imageUrl": image})
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["field"]) == (400, "imageUrl")
    assert word in error["message"]


def test_other_runs_of_the_same_digest_are_listed(as_, viewer, build, make_build, pushed):
    first, second, elsewhere = pushed(build), pushed(build), pushed(make_build())
    different = pushed(build)
    BuildRun.objects.filter(pk=different.pk).update(image_digest="sha256:" + "9" * 64)
    failed = pushed(build, EndReason.BUILD_FAILED)
    client = as_(viewer)
    assert seqs(client.get(f"/v1/build/run/{first.pk}/otherremoveruns")) == [second.pk]
    assert seqs(client.get(f"/v1/build/run/{elsewhere.pk}/otherremoveruns")) == []
    assert seqs(client.get(f"/v1/build/run/{failed.pk}/otherremoveruns")) == []


@pytest.mark.parametrize("tail", ["latest?limitCount=200", "{}/otherremoveruns"])
def test_lists_cost_the_same_number_of_queries_however_long_they_are(
    as_, viewer, build, pushed, django_assert_max_num_queries, tail
):
    runs = [pushed(build) for _ in range(2)]
    client, address = as_(viewer), f"/v1/build/run/{tail.format(runs[0].pk)}"
    with django_assert_max_num_queries(12) as few:
        client.get(address)
    for _ in range(4):
        pushed(build)
    with django_assert_max_num_queries(12) as many:
        assert len(client.get(address).json()) >= 5
    assert len(few) == len(many)
