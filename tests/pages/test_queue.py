"""`/queue`: what runs where, what waits and why, when it will start; moving to the front and cancelling."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from builds.models import Account, Activity, BuildRun, BuildServer, WorkerHost
from builds.services.dispatch import dispatch
from tests.pages import making
from tests.support.people import make_build, operator_of


@pytest.fixture
def host(account):
    return WorkerHost.objects.create(name="here", workers=1, topics=["near"])


@pytest.fixture
def server(account):
    BuildServer.objects.update(capacity=1)
    return BuildServer.objects.get()


def press(caller, name: str, **fields) -> BuildRun:
    return making.pressed(make_build(caller, making.DOCKERFILE, name=name, **fields), caller)


def reasons(page) -> dict[int, str]:
    """Return the reason of each waiting run, by its number."""
    found = {}
    for element in page.with_("data-waiting-for"):
        (row,) = [parent for parent in element.parents if "data-run" in parent.attributes]
        found[int(row.attributes["data-run"])] = element.text
    return found


def positions(page) -> list[tuple[int, str]]:
    rows = page.with_("data-queue-position")
    return [
        (int(next(p for p in row.parents if "data-run" in p.attributes).attributes["data-run"]),
         row.attributes["data-queue-position"])
        for row in rows
    ]  # fmt: skip


def stage_ten(operator, account, host, server) -> dict[str, BuildRun]:
    """Let runs wait for each of the ten reasons there are."""
    runs = {"runs": press(operator, "runs", when_running="QUEUE")}
    making.begun(runs["runs"])
    runs["full"] = press(operator, "full")
    runs["elder"] = making.pressed(runs["runs"].build, operator)
    runs["behind"] = press(operator, "behind")

    def topic(name: str, **fields) -> None:
        made = BuildServer.objects.create(name=name, url=f"topic:{name}", **fields)
        made.accounts.set(Account.objects.all())

    topic("gone", capacity=3)
    runs["nobody serves"] = press(operator, "nobody", server_host="topic:gone")
    topic("near", capacity=3)
    runs["busy"] = press(operator, "busy", server_host="topic:near")
    topic("off", capacity=3)
    runs["off"] = press(operator, "off", server_host="topic:off")
    BuildServer.objects.filter(name="off").update(enabled=False)
    topic("drained", capacity=3)
    runs["drained"] = press(operator, "drained", server_host="topic:drained")
    BuildServer.objects.filter(name="drained").update(draining=True)
    WorkerHost.objects.create(name="free", workers=1, topics=["handed"], topics_only=True)
    topic("handed", capacity=3)
    runs["handed"] = press(operator, "handed", server_host="topic:handed")
    dispatch(runs["handed"].server_id)
    limited = operator_of(Account.objects.create(name="limited", parallel_limit=0), "limited")
    runs["limit"] = press(limited, "limit")
    return runs


def test_each_of_ten_waits_is_told_in_words_that_are_true(page, admin, operator, account, host, server):
    runs = stage_ten(operator, account, host, server)
    found = reasons(page("/queue", operator))
    limited = operator_of(Account.objects.get(name="limited"), "second")
    found |= reasons(page("/queue", limited))
    assert {name: found[run.pk] for name, run in runs.items() if name != "runs"} == {
        "full": "default server has 1 of 1 builds running.",
        "elder": "An earlier run of this build has to end first.",
        "behind": "default server has 1 of 1 builds running.",
        "nobody serves": "No live worker serves gone now; start one with this topic in BUILDHUB_TOPICS.",
        "busy": "All workers that serve near are busy.",
        "off": "off is switched off.",
        "drained": "drained is being drained: it ends what it has and starts nothing new.",
        "handed": "Handed to a worker on free.",
        "limit": "The account has 0 of 0 builds running.",
    }
    WorkerHost.objects.all().delete()
    assert reasons(page("/queue", operator))[runs["full"].pk] == "No live worker reaches default server now."


def test_who_is_behind_others_is_told_how_many(page, operator, account, server):
    WorkerHost.objects.create(name="here", workers=1)
    first, second, third = (press(operator, name) for name in ("a", "b", "c"))
    BuildRun.objects.update(claimed_at=None, claimed_host="", claim=0)
    found = page("/queue", operator)
    assert reasons(found) == {
        first.pk: "About to start.",
        second.pk: "1 earlier run waits for default server.",
        third.pk: "2 earlier runs wait for default server.",
    }
    assert positions(found) == [(first.pk, "1"), (second.pk, "2"), (third.pk, "3")]


def test_servers_show_what_runs_there_and_hide_whose_it_is_from_others(page, operator, stranger, host, server):
    run = press(operator, "shown")
    making.begun(run)
    mine = page("/queue", operator)
    card = mine.one("data-server", str(server.pk))
    assert "1 of 1, full" in card.text
    assert "shown #1" in card.text
    theirs = page("/queue", stranger).one("data-server", str(server.pk))
    assert "shown" not in theirs.text
    assert "1 other run holds a place" in theirs.text


def test_the_likely_start_follows_from_what_took_how_long_before(page, operator, host, server, as_):
    build = make_build(operator, making.DOCKERFILE, name="known", when_running="QUEUE")
    done = making.done_run(build, operator)
    BuildRun.objects.filter(pk=done.pk).update(begin_time=Now() - timedelta(seconds=100), end_time=Now())
    running = making.pressed(build, operator)
    making.begun(running)
    waits = press(operator, "waits")
    unknown = press(operator, "unknown")
    answer = as_(operator).get("/v1/build/queue").json()
    (mine,) = [one for one in answer["servers"] if one["buildServerSeq"] == server.pk]
    assert mine == {"buildServerSeq": server.pk, "capacity": 1, "running": 1, "waiting": 2}
    starts = {run["buildRunSeq"]: run["likelyStart"] for run in answer["waiting"]}
    begin = BuildRun.objects.get(pk=running.pk).begin_time
    found = begin.fromisoformat(starts[waits.pk]) - begin
    assert abs(found.total_seconds() - 100) < 2
    assert starts[unknown.pk] is None  # what `waits` will take is not known
    assert "starts probably" in page("/queue", operator).main_text


def test_a_run_is_moved_to_the_front_with_a_reason_for_activity(page, as_, operator, host, server):
    making.begun(press(operator, "busy"))
    first, second, third = (press(operator, name) for name in ("a", "b", "c"))
    answer = as_(operator).post("/queue/front", {"run": [second.pk, third.pk], "reason": "hotfix"})
    assert (answer.status_code, answer.url) == (302, "/queue")
    assert [pk for pk, _ in positions(page("/queue", operator))] == [second.pk, third.pk, first.pk]
    acts = Activity.objects.filter(did="moved to the front of the queue")
    assert set(acts.values_list("run", "detail")) == {(second.pk, "hotfix"), (third.pk, "hotfix")}


def test_what_may_not_be_moved_has_no_button_and_its_reason_when_it_is_asked(page, as_, operator, viewer, host, server):
    build = make_build(operator, making.DOCKERFILE, name="twice", when_running="QUEUE")
    making.begun(press(operator, "busy"))
    elder, younger = making.pressed(build, operator), making.pressed(build, operator)
    found = page("/queue", operator)
    assert [e for e in found.with_("id") if e.attributes["id"] == f"front-{younger.pk}"] == []
    answer = as_(operator).post("/queue/front", {"run": [younger.pk]})
    assert answer.status_code == 409
    assert f"Run {elder.pk} of this build has to start before it" in answer.content.decode()
    assert page("/queue", viewer).with_("data-action") == []
    refused = as_(viewer).post("/queue/front", {"run": [elder.pk]})
    assert refused.status_code == 403


def test_several_are_cancelled_after_one_question(page, as_, operator, host, server):
    making.begun(press(operator, "busy"))
    runs = [press(operator, name) for name in ("a", "b")]
    query = "&".join(f"run={run.pk}" for run in runs)
    question = page(f"/queue/cancel?{query}", operator)
    assert "Cancel 2 runs?" in question.main_text
    assert "a #1" in question.main_text
    assert BuildRun.objects.filter(run_type="CANCEL").count() == 0
    answer = as_(operator).post(f"/queue/cancel?{query}")
    assert answer.status_code == 302
    assert set(BuildRun.objects.filter(pk__in=[run.pk for run in runs]).values_list("end_reason", flat=True)) == {
        "CANCELLED"
    }


@pytest.mark.parametrize("run", ["", "x", "999999999", "1" * 40, "-1"])
def test_a_run_that_is_not_there_is_told(as_, operator, host, server, run):
    answer = as_(operator).post("/queue/front", {"run": run})
    assert answer.status_code == 400
    assert "No run is chosen" in answer.content.decode()
    assert 'data-queue="/queue"' in answer.content.decode()  # where the page follows from, whatever its own address is
    assert as_(operator).get("/queue/cancel", {"run": run}).status_code == 400


def test_a_reason_that_cannot_be_kept_is_refused_and_nothing_moves(as_, operator, host, server, page):
    making.begun(press(operator, "busy"))
    first, second = press(operator, "a"), press(operator, "b")
    answer = as_(operator).post("/queue/front", {"run": second.pk, "reason": "x" * 501})
    assert answer.status_code == 400
    assert [pk for pk, _ in positions(page("/queue", operator))] == [first.pk, second.pk]


def test_a_run_whose_worker_was_lost_says_what_it_waits_for(page, operator, host, server):
    run = press(operator, "lost")
    making.begun(run)
    BuildRun.objects.filter(pk=run.pk).update(lease_expires_at=Now() - timedelta(seconds=1))
    WorkerHost.objects.all().delete()
    sentence = "Its worker was lost. No live worker reaches default server now."
    assert sentence in page("/queue", operator).main_text
    assert sentence in page(f"/runs/{run.pk}", operator).main_text
    assert sentence in page("/", operator).main_text
