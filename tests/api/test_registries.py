"""Registries at the API: whose they are, logins that are bound to their address, and what never comes out."""

import pytest

from builds.domain.times import plain_time
from builds.models import Activity, Registry
from builds.services.accounts.access import caller_for
from builds.services.connections.clients import registry_login
from builds.services.runs.start import start_run
from tests.api.making import begin, end

SECRET = "the-one-and-only-canary"
FIELDS = [
    "externalRegistrySeq",
    "registryName",
    "registryUrl",
    "registryPrefix",
    "plainHttp",
    "loginId",
    "password",
    "hasLogin",
    "caCertificate",
    "accountSeq",
    "useYn",
    "isDefault",
    "created",
    "updated",
    "lastUsed",
    "usedBy",
]


def registry_add(**changes):
    return {"registryName": "release", "registryUrl": "registry.example:5000", **changes}


@pytest.fixture
def ours(as_, admin):
    """The account admin's client."""
    return as_(admin)


@pytest.fixture
def root(as_, superuser):
    return as_(superuser)


@pytest.fixture
def registry(ours):
    """A registry of the account with a login, made through the API."""
    body = registry_add(loginId="robot", password=SECRET)
    answer = ours.post("/v1/build/registry", body, format="json")
    assert answer.status_code == 200, answer.content
    return Registry.objects.get(pk=answer.json()["externalRegistrySeq"])


def put(client, registry, **body):
    answer = client.put(f"/v1/build/registry/{registry.pk}", body, format="json")
    registry.refresh_from_db()
    return answer


def fields_of(answer):
    assert answer.status_code == 400, answer.content
    return [error["field"] for error in answer.json()["errors"]]


def test_an_account_admin_registers_one_of_the_account(ours, registry, account):
    answer = ours.get(f"/v1/build/registry/{registry.pk}")
    shown = answer.json()
    assert list(shown) == FIELDS
    assert (shown["accountSeq"], shown["useYn"], shown["hasLogin"]) == (account.pk, "Y", True)
    assert (shown["loginId"], shown["password"]) == (None, None)
    assert SECRET not in answer.content.decode()
    assert registry_login(registry).password == SECRET
    assert SECRET not in registry.password_encrypted
    act = Activity.objects.get(did="added a registry")
    assert (act.account_id, SECRET in act.detail) == (account.pk, False)


def test_what_all_share_is_the_instance_admins(ours, root, account):
    shared = root.post("/v1/build/registry", registry_add(), format="json").json()
    assert shared["accountSeq"] is None
    assert shared in ours.get("/v1/build/registry").json()
    stored = Registry.objects.get(pk=shared["externalRegistrySeq"])
    assert put(ours, stored, registryName="mine").status_code == 403
    assert ours.post(f"/v1/build/registry/{stored.pk}/test").status_code == 403
    theirs = root.post("/v1/build/registry", registry_add(accountSeq=account.pk, registryName="x"), format="json")
    assert theirs.json()["accountSeq"] == account.pk


def test_those_of_another_account_are_not_known(as_, stranger, registry):
    client = as_(stranger)
    for method, tail in (("get", ""), ("put", ""), ("delete", ""), ("post", "/test")):
        answer = getattr(client, method)(f"/v1/build/registry/{registry.pk}{tail}", {}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (404, "CCCM1048000")
    assert [found["registryName"] for found in client.get("/v1/build/registry").json()] == ["local"]
    made = client.post("/v1/build/registry", registry_add(accountSeq=registry.account_id), format="json")
    assert made.status_code == 404


def test_an_operator_sees_and_changes_nothing(as_, operator, registry):
    client = as_(operator)
    assert client.get(f"/v1/build/registry/{registry.pk}").status_code == 200
    assert put(client, registry, registryName="mine").status_code == 403
    assert client.post("/v1/build/registry", registry_add(registryName="mine"), format="json").status_code == 403
    assert client.post(f"/v1/build/registry/{registry.pk}/test").status_code == 403


def test_an_answer_can_be_sent_back_and_blank_secrets_stay(ours, registry):
    sent_back = ours.get(f"/v1/build/registry/{registry.pk}").json()
    assert put(ours, registry, **sent_back).status_code == 200
    assert put(ours, registry, loginId="", password="", useYn="N").json()["useYn"] == "N"
    assert registry_login(registry).password == SECRET


@pytest.mark.parametrize("change", [{"registryUrl": "elsewhere.example"}, {"plainHttp": True}])
def test_another_address_takes_the_login_away(ours, registry, change):
    assert put(ours, registry, **change).json()["hasLogin"] is False
    assert registry.password_encrypted == ""


def test_a_login_can_be_taken_away_and_another_user_needs_a_password(ours, registry):
    assert fields_of(put(ours, registry, loginId="another")) == ["password"]
    assert put(ours, registry, loginId="another", password="new").json()["hasLogin"]
    assert registry_login(registry).username == "another"
    assert put(ours, registry, hasLogin=False).json()["hasLogin"] is False


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"registryName": ""}, "registryName"),
        ({"registryName": "x" * 101}, "registryName"),
        ({"registryUrl": None}, "registryUrl"),
        ({"registryUrl": "https://registry.example"}, "registryUrl"),
        ({"registryUrl": "registry.example/team"}, "registryUrl"),
        ({"registryUrl": "robot@registry.example"}, "registryUrl"),
        ({"registryUrl": "registry.example:99999"}, "registryUrl"),
        ({"registryUrl": "registry example"}, "registryUrl"),
        ({"registryUrl": "registry"}, "registryUrl"),
        ({"registryUrl": "169.254.169.254:80"}, "registryUrl"),
        ({"registryPrefix": "/team"}, "registryPrefix"),
        ({"registryPrefix": "Team"}, "registryPrefix"),
        ({"registryPrefix": "team:1"}, "registryPrefix"),
        ({"password": "alone"}, "loginId"),
        ({"loginId": "alone"}, "password"),
        ({"loginId": "a:b", "password": "x"}, "loginId"),
        ({"loginId": "robot", "password": "x\r\ny"}, "password"),
        ({"caCertificate": "no certificate"}, "caCertificate"),
        ({"plainHttp": "Y"}, "plainHttp"),
        ({"useYn": True}, "useYn"),
        ({"accountSeq": 0}, "accountSeq"),
    ],
)
def test_what_is_wrong_is_named(ours, changes, field):
    answer = ours.post("/v1/build/registry", registry_add(**changes), format="json")
    assert fields_of(answer) == [field]
    assert Registry.objects.count() == 1


@pytest.mark.parametrize(("field", "most"), [("registryName", 100), ("registryPrefix", 200), ("loginId", 200)])
@pytest.mark.parametrize("given", [201, 4001])
def test_a_text_that_is_too_long_is_told_its_own_bound(ours, field, most, given):
    answer = ours.post("/v1/build/registry", registry_add(**{field: "x" * given}), format="json")
    said = {error["field"]: error["message"] for error in answer.json()["errors"]}
    assert said[field] == f"{field} may have up to {most} characters; this has {given:,}."


def test_a_scheme_is_refused_with_the_address_without_it(ours):
    answer = ours.post("/v1/build/registry", registry_add(registryUrl="http://registry.example:5000"), format="json")
    assert "Leave the scheme out: registry.example:5000" in answer.json()["detail"]
    answer = ours.post("/v1/build/registry", registry_add(registryUrl="http://u:canary@r.example"), format="json")
    assert "Leave the scheme out: r.example;" in answer.json()["detail"]


def test_the_default_registrys_address_follows_the_environment(root):
    default = Registry.objects.get()
    assert fields_of(put(root, default, registryUrl="elsewhere.example")) == ["registryUrl"]
    assert put(root, default, registryName="ours", loginId="robot", password=SECRET).json()["hasLogin"]
    assert root.delete(f"/v1/build/registry/{default.pk}").status_code == 409


def test_a_registry_is_removed_only_when_nothing_refers_to_it(ours, registry, build):
    build.registry = registry
    build.save()
    answer = ours.delete(f"/v1/build/registry/{registry.pk}")
    assert (answer.status_code, answer.json()["code"]) == (409, "CCCM1007000")
    assert "Builds push to it (1)" in answer.json()["detail"]
    build.registry = None
    build.save()
    assert ours.delete(f"/v1/build/registry/{registry.pk}").json() is None
    assert not Registry.objects.filter(pk=registry.pk).exists()


def test_a_registry_in_the_history_of_runs_is_switched_off_instead(ours, registry, done_run):
    type(done_run).objects.filter(pk=done_run.pk).update(registry=registry)
    answer = ours.delete(f"/v1/build/registry/{registry.pk}")
    assert answer.status_code == 409
    assert "set useYn to N" in answer.json()["detail"]


def test_a_registry_tells_which_builds_push_to_it_and_when_the_last_image_came(ours, registry, make_build, done_run):
    path, default = f"/v1/build/registry/{registry.pk}", Registry.objects.get(is_default=True)
    assert (ours.get(path).json()["usedBy"], ours.get(path).json()["lastUsed"]) == (0, None)
    made = [make_build(externalRegistrySeq=registry.pk) for _ in range(2)]
    assert ours.get(path).json()["usedBy"] == 2
    newest = start_run(build_id=made[0].pk, caller=caller_for(done_run.requested_by))
    end(begin(newest))
    newest.refresh_from_db()
    type(made[0]).objects.filter(pk=made[0].pk).update(removed_at=newest.end_time)
    shown = put(ours, registry, registryName="renamed").json()
    assert (shown["usedBy"], shown["lastUsed"]) == (1, plain_time(newest.end_time))
    listed = {row["externalRegistrySeq"]: row for row in ours.get("/v1/build/registry").json()}
    assert listed[registry.pk] == shown
    of_default = listed[default.pk]
    assert (of_default["usedBy"], of_default["lastUsed"]) == (1, plain_time(done_run.end_time))
    type(done_run).objects.update(registry_host="elsewhere.example")
    assert ours.get(f"/v1/build/registry/{default.pk}").json()["lastUsed"] is None
