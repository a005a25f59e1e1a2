"""The images of a build: what its DONE runs have pushed."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from builds.domain.states import EndReason
from builds.models import BuildRun
from builds.services.accounts.access import caller_for
from builds.services.runs.start import start_run
from tests.api.making import DIGEST, begin, end


@pytest.fixture
def start(operator):
    return lambda build: start_run(build_id=build.pk, caller=caller_for(operator))


@pytest.fixture
def pushed(build, start):
    """Three DONE runs: the sizes are ordered otherwise as numbers than as text, the ends otherwise than the tags."""
    runs = []
    for size in (900, 1000, 20):
        run = start(build)
        end(begin(run))
        BuildRun.objects.filter(pk=run.pk).update(image_size=size)
        runs.append(run.pk)
    return runs


@pytest.fixture
def images(as_, operator, build):
    def read(**query):
        answer = as_(operator).get(f"/v1/build/{build.pk}/images", query)
        assert answer.status_code == 200, answer.content
        return [tag["buildRunSeq"] for tag in answer.json()["tags"]]

    return read


def test_images_are_told_with_where_they_are(as_, operator, build, pushed):
    answer = as_(operator).get(f"/v1/build/{build.pk}/images").json()
    tags = answer.pop("tags")
    assert answer == {
        "buildSeq": build.pk,
        "registryImagePath": "127.0.0.1:5000/ops/hello",
        "registryProjectId": 0,
        "registryName": "ops",
        "imageName": "hello",
        "externalRegistrySeq": 0,
    }
    assert [tag["tag"] for tag in tags] == ["v-00003", "v-00002", "v-00001"]
    assert (tags[0]["imageUrl"], tags[0]["imageDigest"]) == ("127.0.0.1:5000/ops/hello", DIGEST)
    assert tags[0]["endTime"].endswith("+00:00")


def test_the_enveloped_dialect_adds_the_tag(as_, operator, build, pushed):
    tags = as_(operator).get(f"/api/build/{build.pk}/images").json()["result"]["tags"]
    assert tags[0]["imageUrl"] == "127.0.0.1:5000/ops/hello:v-00003"


def test_images_are_ordered_by_end_tag_or_size_as_numbers(images, pushed):
    first, second, third = pushed
    assert images() == images(order="DESC", orderColumn="END_TIME") == [third, second, first]
    assert images(orderColumn="TAG", order="ASC") == [first, second, third]
    assert images(orderColumn="IMAGE_SIZE") == [second, first, third]
    assert images(orderColumn="IMAGE_SIZE", order="ASC") == [third, first, second]


def test_failed_waiting_and_removed_runs_have_no_image(images, build, start, pushed):
    end(begin(start(build)), EndReason.BUILD_FAILED)
    start(build)
    BuildRun.objects.filter(pk=pushed[0]).update(removed_at="2026-01-01T00:00:00Z")
    assert images() == [pushed[2], pushed[1]]


@pytest.mark.parametrize("query", ["order=UP", "orderColumn=password", "orderColumn=user__password", "order=desc"])
def test_other_orders_are_refused_on_their_field(as_, operator, build, query):
    answer = as_(operator).get(f"/v1/build/{build.pk}/images?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, query.partition("=")[0])


def test_images_of_a_foreign_build_are_not_found(as_, stranger, build):
    assert as_(stranger).get(f"/v1/build/{build.pk}/images").status_code == 404


def test_images_cost_the_same_number_of_queries_however_many_there_are(images, build, start, django_assert_num_queries):
    end(begin(start(build)))
    with CaptureQueriesContext(connection) as of_one:
        assert len(images()) == 1
    for _ in range(3):
        end(begin(start(build)))
    with django_assert_num_queries(len(of_one)):
        assert len(images()) == 4
