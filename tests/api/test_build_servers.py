"""Where a build runs and where its image goes: build server, TLS, registry, and the limits of an account."""

import json

import pytest

from builds.credentials import decrypt
from builds.models import Account, Build, BuildServer, Registry
from tests.api.certificates import Pair, make_pair
from tests.api.making import build_add

TOPIC = "topic:fast"


@pytest.fixture(scope="module")
def pair() -> Pair:
    return make_pair("one")


@pytest.fixture
def topic(account: Account) -> BuildServer:
    server = BuildServer.objects.create(name="fast", url=TOPIC)
    server.accounts.add(account)
    return server


def tls(pair: Pair, **changes):
    fields = {
        "buildServerHost": TOPIC,
        "buildServerTlsVerify": "Y",
        "buildServerCacrt": pair.certificate,
        "buildServerClientCert": pair.certificate,
        "buildServerClientKey": pair.key,
    }
    return {**fields, **changes}


def wrong_fields(answer):
    assert answer.status_code == 400, answer.content
    return [error["field"] for error in answer.json()["errors"]]


def code_of(answer):
    return answer.status_code, answer.json()["code"]


@pytest.fixture
def post(as_, operator):
    return lambda **changes: as_(operator).post("/v1/build", build_add(**changes), format="json")


@pytest.fixture
def put(as_, operator):
    def change(seq, **changes):
        step = Build.objects.get(pk=seq).steps.get()
        steps = [{"stepType": "CREATE_IMAGE", "buildStepSeq": step.pk}]
        body = {"editType": "U", "buildSteps": steps, **changes}
        return as_(operator).put(f"/v1/build/{seq}", body, format="json")

    return change


@pytest.mark.parametrize(
    "host",
    ["unix:///var/run/docker.sock", "ssh://a.example", "npipe://x", "a.example", "topic:", "http://a", "TOPIC:a"],
)
def test_other_forms_of_a_build_server_are_refused_on_the_field(post, host):
    assert wrong_fields(post(buildServerHost=host)) == ["buildServerHost"]


def test_a_known_topic_is_taken_and_an_unknown_or_switched_off_one_is_not_found(post, topic):
    assert post(buildServerHost=TOPIC).json()["buildServerHost"] == TOPIC
    assert code_of(post(imageName="b", buildServerHost="topic:slow")) == (404, "CCCM1013000")
    BuildServer.objects.filter(pk=topic.pk).update(enabled=False)
    assert code_of(post(imageName="c", buildServerHost=TOPIC)) == (404, "CCCM1013000")


def test_a_build_can_be_edited_although_its_server_was_switched_off(post, put, topic):
    seq = post(buildServerHost=TOPIC).json()["buildSeq"]
    BuildServer.objects.filter(pk=topic.pk).update(enabled=False)
    assert put(seq, buildDesc="new").status_code == 200
    assert put(seq, buildServerHost="").status_code == 200


def test_a_build_server_granted_to_another_account_is_not_known(post, topic, other_account):
    topic.accounts.set([other_account])
    assert code_of(post(buildServerHost=TOPIC)) == (404, "CCCM1013000")


def test_a_direct_engine_needs_an_account_admin(post, as_, admin, pair):
    direct = tls(pair, buildServerHost="tcp://engine.example:2376")
    assert code_of(post(**direct)) == (403, "CCCM1044000")
    assert as_(admin).post("/v1/build", build_add(**direct), format="json").status_code == 200
    seq = Build.objects.get().pk
    assert code_of(post(**{**direct, "imageName": 5})) == (403, "CCCM1044000")
    assert Build.objects.get(pk=seq).server_host == "tcp://engine.example:2376"


def test_an_operator_may_edit_what_else_a_build_with_a_direct_engine_has(put, as_, admin, pair):
    direct = tls(pair, buildServerHost="tcp://engine.example:2376")
    seq = as_(admin).post("/v1/build", build_add(**direct), format="json").json()["buildSeq"]
    assert put(seq, buildDesc="new", buildServerHost=direct["buildServerHost"]).status_code == 200
    assert code_of(put(seq, buildServerTlsVerify="N")) == (403, "CCCM1044000")
    assert code_of(put(seq, buildServerClientKey=pair.key)) == (403, "CCCM1044000")


@pytest.mark.parametrize(
    "host",
    [
        "tcp://127.0.0.1:2375", "tcp://0x7f000001:2375", "tcp://localhost:2376", "tcp://10.1.2.3:2376",
        "tcp://engine.example", "tcp://engine.example:0", "tcp://a:b@engine.example:1", "tcp://engine.example:1/x", "tcp://",
    ],
)  # fmt: skip
@pytest.mark.parametrize("verify", ["Y", "N"])
def test_a_direct_engine_stands_at_a_public_address_with_a_port(as_, admin, pair, host, verify):
    body = build_add(**tls(pair, buildServerHost=host, buildServerTlsVerify=verify))
    assert wrong_fields(as_(admin).post("/v1/build", body, format="json")) == ["buildServerHost"]


def test_a_direct_engine_without_tls_needs_the_operators_list(as_, admin, settings):
    body = build_add(buildServerHost="tcp://10.1.2.3:2375")
    settings.OUTBOUND_ALLOW = ("10.1.0.0/16",)
    assert as_(admin).post("/v1/build", body, format="json").status_code == 200
    settings.OUTBOUND_ALLOW = ()
    body = build_add(imageName="b", buildServerHost="tcp://engine.example:2375")
    assert wrong_fields(as_(admin).post("/v1/build", body, format="json")) == ["buildServerHost"]


def test_tls_needs_all_three_texts(post, topic):
    answer = post(buildServerHost=TOPIC, buildServerTlsVerify="Y")
    assert wrong_fields(answer) == ["buildServerCacrt", "buildServerClientCert", "buildServerClientKey"]


def test_tls_texts_are_parsed_and_held_against_each_other(post, topic, pair):
    broken = post(**tls(pair, buildServerCacrt="x", buildServerClientKey="y"))
    assert wrong_fields(broken) == ["buildServerCacrt", "buildServerClientKey"]
    other = post(**tls(pair, buildServerClientKey=make_pair("two").key))
    assert wrong_fields(other) == ["buildServerClientKey"]


def test_the_key_is_stored_encrypted_and_never_answered_and_certificates_for_editors_only(
    post, as_, viewer, operator, topic, pair
):
    shape = post(**tls(pair)).json()
    assert (shape["buildServerCacrt"], shape["buildServerClientCert"]) == (pair.certificate, pair.certificate)
    assert shape["buildServerClientKey"] is None
    row = Build.objects.get()
    assert decrypt(row.server_client_key_encrypted) == pair.key
    for path in (f"/v1/build/{row.pk}", "/v1/build"):
        seen = as_(viewer).get(path).json()
        seen = seen[0] if isinstance(seen, list) else seen
        assert (seen["buildServerCacrt"], seen["buildServerClientCert"]) == (None, None)
        assert "PRIVATE KEY" not in json.dumps(seen)


def test_a_run_keeps_and_answers_the_certificates_as_its_build_does(post, as_, viewer, operator, topic, pair):
    seq = post(**tls(pair)).json()["buildSeq"]
    run = as_(operator).post(f"/v1/build/run/{seq}").json()
    assert (run["buildServerCacrt"], run["buildServerClientKey"]) == (pair.certificate, None)
    assert as_(viewer).get(f"/v1/build/run/{run['buildRunSeq']}").json()["buildServerCacrt"] is None


def test_the_key_stays_with_its_host_only(post, put, topic, pair, account):
    BuildServer.objects.create(name="other", url="topic:other").accounts.add(account)
    seq = post(**tls(pair)).json()["buildSeq"]
    assert put(seq, buildDesc="new", buildServerClientKey="").status_code == 200
    assert decrypt(Build.objects.get().server_client_key_encrypted) == pair.key
    assert wrong_fields(put(seq, buildServerHost="topic:other")) == ["buildServerClientKey"]
    assert put(seq, buildServerHost="topic:other", buildServerClientKey=pair.key).status_code == 200


def test_a_registry_is_known_to_its_account_only(post, other_account):
    theirs = Registry.objects.create(name="theirs", host="r.example", account=other_account)
    off = Registry.objects.create(name="off", host="s.example", enabled=False)
    shared = Registry.objects.create(name="shared", host="t.example")
    assert [code_of(post(externalRegistrySeq=one.pk))[1] for one in (theirs, off)] == ["CCBD1020000"] * 2
    shape = post(externalRegistrySeq=shared.pk, registryProjectId=27).json()
    assert (shape["externalRegistrySeq"], shape["registryProjectId"]) == (shared.pk, 27)


def test_fields_are_told_before_registry_and_server(post):
    answer = post(externalRegistrySeq=77, buildServerHost="topic:nowhere", maxAttempts=99)
    assert wrong_fields(answer) == ["maxAttempts"]


def test_an_account_has_no_more_builds_than_its_limit(post, account, build):
    Account.objects.filter(pk=account.pk).update(build_limit=1)
    assert code_of(post(imageName="second")) == (409, "CCBD1012000")
    Account.objects.filter(pk=account.pk).update(build_limit=2)
    assert post(imageName="second").status_code == 200


def test_a_bad_callback_address_is_told_with_the_other_fields(as_, operator):
    path = "/v1/build?callbackUrl=http://127.1/x"
    answer = as_(operator).post(path, build_add(imageName="A"), format="json")
    assert wrong_fields(answer) == ["imageName", "callbackUrl"]
