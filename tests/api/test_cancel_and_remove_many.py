"""Several runs removed at once: all or none."""

import pytest

from builds.models import BuildRun
from tests.api.making import begin, end


@pytest.fixture
def three(as_, operator, build) -> list[BuildRun]:
    """Three DONE runs of the build."""
    made = []
    for _ in range(3):
        seq = as_(operator).post(f"/v1/build/run/{build.pk}").json()["buildRunSeq"]
        made.append(BuildRun.objects.get(pk=seq))
        end(begin(made[-1]))
    return made


def removals() -> int:
    return BuildRun.objects.filter(run_type="REMOVE").count()


def remove(client, build, query: str):
    return client.delete(f"/v1/build/run/{build.pk}/tag?{query}")


@pytest.mark.parametrize(
    "form", ["buildRunSeqs={0},{1}", "buildRunSeqs={0}&buildRunSeqs={1}", "buildRunSeqs={0},{1},{0}"]
)
def test_the_number_of_accepted_removals_is_the_answer(as_, operator, build, three, form):
    answer = remove(as_(operator), build, form.format(three[0].pk, three[1].pk))
    assert (answer.status_code, answer.json()) == (200, 2)
    targets = BuildRun.objects.filter(run_type="REMOVE").values_list("target_id", flat=True)
    assert set(targets) == {three[0].pk, three[1].pk}


def test_one_active_run_keeps_all_of_them(as_, operator, build, three):
    active = as_(operator).post(f"/v1/build/run/{build.pk}").json()["buildRunSeq"]
    answer = remove(as_(operator), build, f"buildRunSeqs={three[0].pk},{active}")
    assert (answer.status_code, answer.json()["code"]) == (409, "CCBD1014000")
    assert answer.json()["detail"].startswith(f"Run {active}: This run is active")
    assert removals() == 0


def test_one_run_of_another_build_keeps_all_of_them(as_, operator, build, make_build, three):
    other = as_(operator).post(f"/v1/build/run/{make_build().pk}").json()["buildRunSeq"]
    answer = remove(as_(operator), build, f"buildRunSeqs={three[0].pk},{other}")
    assert (answer.status_code, answer.json()["code"]) == (404, "CCCM1048000")
    assert f"no run {other} of build {build.pk}" in answer.json()["detail"]
    assert removals() == 0


def test_asking_again_is_a_conflict_and_changes_nothing(as_, operator, build, three):
    query = f"buildRunSeqs={three[0].pk}"
    remove(as_(operator), build, query)
    answer = remove(as_(operator), build, query)
    assert (answer.status_code, answer.json()["code"]) == (409, "CCCM1007000")
    assert removals() == 1


@pytest.mark.parametrize("query", ["", "buildRunSeqs=", "buildRunSeqs=,", "buildRunSeqs=x", "buildRunSeqs=1;2"])
def test_numbers_that_are_missing_or_none_are_refused_by_name(as_, operator, build, query):
    answer = remove(as_(operator), build, query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "buildRunSeqs")


def test_more_than_a_page_at_once_is_refused(as_, operator, build):
    answer = remove(as_(operator), build, "buildRunSeqs=" + ",".join(map(str, range(201))))
    assert "up to 200" in answer.json()["errors"][0]["message"]


def test_viewers_and_strangers_remove_nothing(as_, viewer, stranger, build, three):
    query = f"buildRunSeqs={three[0].pk}"
    assert remove(as_(viewer), build, query).status_code == 403
    assert remove(as_(stranger), build, query).status_code == 404
    assert removals() == 0
