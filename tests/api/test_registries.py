"""Registries at the API: whose they are, logins that are bound to their address, and what never comes out."""

import pytest

from builds.models import Activity, Registry
from builds.services.connections.clients import registry_login
from tests.engine.certificates import Authority
from tests.engine.registries import OwnRegistry, htpasswd_settings
from tests.support.waiting import free_port

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
    assert "1 builds push to it" in answer.json()["detail"]
    build.registry = None
    build.save()
    assert ours.delete(f"/v1/build/registry/{registry.pk}").json() is None
    assert not Registry.objects.filter(pk=registry.pk).exists()


def test_a_registry_in_the_history_of_runs_is_switched_off_instead(ours, registry, done_run):
    type(done_run).objects.filter(pk=done_run.pk).update(registry=registry)
    answer = ours.delete(f"/v1/build/registry/{registry.pk}")
    assert answer.status_code == 409
    assert "set useYn to N" in answer.json()["detail"]


def test_a_test_takes_the_login_and_says_whether_it_is_accepted(ours, registry, tmp_path, settings):
    settings.OUTBOUND_ALLOW = ("127.0.0.0/8",)
    path = f"/v1/build/registry/{registry.pk}/test"
    with OwnRegistry(tmp_path, **htpasswd_settings(tmp_path)) as own:
        put(ours, registry, registryUrl=own.host)
        assert "asks for a login" in ours.post(path).json()["message"]
        put(ours, registry, loginId="tester", password="wrong")
        refused = ours.post(path).json()
        assert (refused["ok"], "does not accept" in refused["message"]) == (False, True)
        put(ours, registry, password="hush-hush")
        assert ours.post(path).json() == {
            "ok": True,
            "message": f"{own.host} answers and accepts the stored login.",
            "warnings": [],
        }


def test_a_test_trusts_the_registrys_own_authority(ours, registry, tmp_path):
    authority = Authority()
    pair = authority.issue("registry", host="0.0.0.0")
    (tmp_path / "cert.pem").write_text(pair.certificate)
    (tmp_path / "key.pem").write_text(pair.key)
    tls = {"tls": {"certificate": str(tmp_path / "cert.pem"), "key": str(tmp_path / "key.pem")}}
    path = f"/v1/build/registry/{registry.pk}/test"
    with OwnRegistry(tmp_path, address="0.0.0.0", http=tls) as own:  # this machine, and no address that counts as local
        Registry.objects.filter(pk=registry.pk).update(host=own.host, may_be_private=True)
        assert "certificate" in ours.post(path).json()["message"]
        assert put(ours, registry, caCertificate=authority.ca).json()["caCertificate"] == authority.ca
        assert ours.post(path).json()["ok"] is True


def test_the_push_is_the_engines_and_the_test_says_so(ours, registry):
    put(ours, registry, registryUrl=f"registry.invalid:{free_port()}", caCertificate=Authority().ca)
    found = ours.post(f"/v1/build/registry/{registry.pk}/test").json()
    assert found["ok"] is False
    assert "cannot be reached" in found["message"]
    assert "/etc/docker/certs.d/registry.invalid" in found["warnings"][0]
    put(ours, registry, plainHttp=True)
    assert "insecure-registries" in ours.post(f"/v1/build/registry/{registry.pk}/test").json()["warnings"][0]
