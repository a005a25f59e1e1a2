"""`POST /build/source/test`: a real repository is asked, nothing is stored, and no secret comes back."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from builds.domain.access import Scope
from builds.models import Build
from builds.services.builds.sources import TRIES_AT_ONCE
from tests.api.making import image_step
from tests.support.git_servers import Origin, git_http
from tests.support.two_branches import SECRET, guarded, may_go_there, served

__all__ = ["guarded", "may_go_there", "served"]

PATH = "/v1/build/source/test"


@pytest.fixture
def ours(as_, operator):
    return as_(operator)


@pytest.fixture
def stored(make_build, guarded):
    """A build whose CODE_DOWN step has the login of `guarded`, and the names of that step."""
    code = {"stepType": "CODE_DOWN", "stepOrder": 1, "buildStepConfig": signed(guarded)}
    image = {**image_step(), "stepOrder": 2}
    build = make_build(buildSteps=[code, image])
    return {"buildSeq": build.pk, "buildStepSeq": build.steps.get(step_type="CODE_DOWN").pk}


def of(server, **changes):
    return {"repositoryUrl": server.url(), **changes}


def signed(server, **changes):
    return {**of(server), "commonType": "PRIVATE", "userId": "ada", "password": SECRET, **changes}


def ask(client, body, path=PATH, **headers):
    return client.post(path, body, format="json", headers=headers)


def told(answer):
    assert answer.status_code == 200, answer.content
    return answer.json()


def errors_of(answer):
    assert answer.status_code == 400, answer.content
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def test_a_repository_that_answers_tells_its_branches_and_nothing_is_stored(ours, served):
    host = served.url().removeprefix("http://")
    assert told(ask(ours, of(served, branchName="dev", codeSaveDir=None, somethingElse=1))) == {
        "ok": True,
        "message": f"{host} answers: 2 branches, the default one is main.",
        "branches": ["main", "dev"],
    }
    assert not Build.objects.exists()


def test_the_enveloped_dialect_wraps_the_same(ours, served):
    wrapped = told(ask(ours, of(served), "/api/build/source/test/"))
    assert wrapped == {"code": "200", "status": "ok", "result": told(ask(ours, of(served)))}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"repositoryUrl": "http://127.0.0.1:1/team/app.git"}, "127.0.0.1:1"),
        ({"repositoryUrl": "https://nowhere.invalid/team/app.git"}, "nowhere.invalid"),
        ({"repositoryUrl": "http://10.0.0.1/team/app.git"}, "BUILDHUB_OUTBOUND_ALLOW"),
        ({"branchName": "nowhere"}, "nowhere"),
    ],
)
def test_what_is_not_reached_is_an_answer_with_the_reason(ours, served, changes, said):
    found = told(ask(ours, of(served, **changes)))
    assert (found["ok"], found["branches"]) == (False, [])
    assert said in found["message"]


def test_a_login_is_used_and_never_comes_back(ours, guarded):
    assert told(ask(ours, of(guarded)))["ok"] is False
    wrong = ask(ours, signed(guarded, password="wrong-canary"))
    assert told(wrong)["ok"] is False
    assert "wrong-canary" not in wrong.content.decode()
    right = ask(ours, signed(guarded))
    assert told(right)["ok"] is True
    assert SECRET not in right.content.decode()


def test_a_stored_login_is_used_for_its_own_address_only(ours, stored, guarded, served):
    assert told(ask(ours, {**signed(guarded, password=None), **stored}))["ok"] is True
    assert told(ask(ours, {**signed(guarded, password=""), **stored}))["ok"] is True
    asked_before = len(served.asked)
    assert list(errors_of(ask(ours, {**signed(served, password=""), **stored}))) == ["password"]
    assert list(errors_of(ask(ours, signed(guarded, password="")))) == ["password"]
    assert len(served.asked) == asked_before


def test_without_a_config_it_is_the_stored_step(ours, stored):
    assert told(ask(ours, stored))["ok"] is True


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"repositoryUrl": None}, ["repositoryUrl"]),
        ({"repositoryUrl": 7}, ["repositoryUrl"]),
        ({"repositoryUrl": "a\x00b"}, ["repositoryUrl"]),
        ({"repositoryType": "SVN"}, ["repositoryType"]),
        ({"commonType": "SECRET"}, ["commonType"]),
        ({"commonType": "PRIVATE"}, ["userId", "password"]),
        ({"commonType": "PRIVATE", "userId": "ada", "password": 7}, ["password"]),
        ({"repositoryUrl": "git.example/app", "protocolType": "ftp"}, ["protocolType"]),
        ({"branchName": "main; id"}, ["branchName"]),
        ({"codeSaveDir": "../up"}, ["codeSaveDir"]),
        ({"httpSslVerifySkip": "Y"}, ["httpSslVerifySkip"]),
        ({"submodules": "yes"}, ["submodules"]),
        ({"accountSeq": "1"}, ["accountSeq"]),
        ({"buildSeq": True}, ["buildSeq", "buildStepSeq"]),
        ({"buildSeq": 1}, ["buildStepSeq"]),
        ({"buildStepSeq": 1}, ["buildSeq"]),
        ({"accountSeq": 0, "branchName": "-h", "lfs": 1}, ["accountSeq", "branchName", "lfs"]),
    ],
)
def test_all_that_is_wrong_is_named_at_once(ours, served, changes, fields):
    asked_before = len(served.asked)
    found = errors_of(ask(ours, of(served, **changes)))
    assert sorted(found) == sorted(fields)
    assert all(sentence.endswith(".") for sentence in found.values())
    assert len(served.asked) == asked_before


@pytest.mark.parametrize("body", ["[]", "7", '{"a": 1, "a": 2}', "{"])
def test_a_body_that_is_no_object_is_refused(ours, body):
    answer = ours.post(PATH, body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "CKSY1400000")


def test_only_who_may_edit_asks(as_, viewer, operator, admin, served, stored):
    for body in (of(served), stored):
        assert ask(as_(viewer), body).status_code == 403
        assert ask(as_(operator, scopes=[Scope.READ, Scope.RUN]), body).status_code == 403
        assert ask(as_(admin), body).status_code == 200


def test_what_one_may_not_know_of_is_not_found(as_, stranger, ours, account, stored, served):
    other = as_(stranger)
    assert ask(other, stored).status_code == 404
    assert ask(other, of(served, accountSeq=account.pk)).status_code == 404
    assert ask(other, of(served)).status_code == 200
    image = Build.objects.get(pk=stored["buildSeq"]).steps.get(step_type="CREATE_IMAGE").pk
    for changes in ({"buildSeq": 999}, {"buildStepSeq": 999}, {"buildStepSeq": image}):
        assert ask(ours, {**stored, **changes}).status_code == 404


def test_a_builds_account_is_its_own(ours, superuser, as_, other_account, account, stored):
    root = as_(superuser)
    assert list(errors_of(ask(root, {**stored, "accountSeq": other_account.pk}))) == ["accountSeq"]
    assert told(ask(root, {**stored, "accountSeq": account.pk}))["ok"] is True


def test_a_key_repeats_the_answer_without_asking_again(ours, served):
    first = ask(ours, of(served), **{"Idempotency-Key": "check-1"})
    asked = len(served.asked)
    again = ask(ours, of(served), **{"Idempotency-Key": "check-1"})
    assert (again.json(), again["Idempotency-Replayed"]) == (first.json(), "true")
    assert len(served.asked) == asked
    assert ask(ours, of(served, branchName="dev"), **{"Idempotency-Key": "check-1"}).status_code == 409


@pytest.fixture
def held(served):
    """A git server whose answers wait: it tells how many are waited for, until `go` is set."""
    arrived, go = threading.Semaphore(0), threading.Event()

    def wait(handler):
        arrived.release()
        go.wait(60)
        return False

    with git_http(served.root, hook=wait) as server:
        server.arrived, server.go = arrived, go
        yield server
        go.set()


def test_a_server_that_prints_the_login_is_masked(ours, served):
    def print_it(handler):
        handler.answer(403, {"Content-Type": "text/plain"}, f"access denied with {SECRET}".encode())
        return True

    with git_http(served.root, hook=print_it) as server:
        answer = ask(ours, signed(server))
    assert told(answer)["ok"] is False
    assert "access denied with ***" in told(answer)["message"]
    assert SECRET not in answer.content.decode()


def test_without_a_default_branch_none_is_told(ours, served, tmp_path):
    origin = Origin(tmp_path)
    for branch in ("one", "two"):
        origin.commit({"a": branch}, branch=branch)
    with git_http(tmp_path) as server:
        found = told(ask(ours, of(server)))
    assert found["branches"] == ["one", "two"]
    assert found["message"].endswith(" answers: 2 branches, none by default.")


@pytest.mark.django_db(transaction=True)
def test_more_than_four_at_once_are_told_to_come_again(as_, operator, held, served):
    clients = [as_(operator) for _ in range(TRIES_AT_ONCE + 1)]

    def ask_held(client):
        try:
            return told(ask(client, of(held)))["message"]
        finally:
            connections.close_all()  # of this thread

    with ThreadPoolExecutor(TRIES_AT_ONCE) as pool:
        waiting = pool.map(ask_held, clients[1:])
        for _ in range(TRIES_AT_ONCE):
            assert held.arrived.acquire(timeout=60)
        answer = ask(clients[0], of(served))
        held.go.set()
        assert {message.partition(":")[2].partition(" ")[2] for message in waiting} == {
            "answers: 2 branches, the default one is main."
        }
    assert (answer.status_code, answer.json()["code"]) == (429, "CCCM1008000")
    assert int(answer["Retry-After"]) > 0
    assert told(ask(clients[0], of(served)))["ok"] is True
