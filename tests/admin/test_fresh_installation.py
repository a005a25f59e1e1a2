"""What a first start leaves: everything can be added to, whatever rows setup has made itself."""

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.models import AutoField, Max
from django.test import Client

from builds.models import Account, Build, Membership

fresh = pytest.mark.django_db(transaction=True, reset_sequences=True)
PLAIN = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}


@pytest.fixture
def admin(settings, capsys, tmp_path):
    """The first administrator of an installation that `prepare` has made; no engine answers."""
    settings.ADMIN_USERNAME, settings.ADMIN_PASSWORD = "first", "the-first-password"
    settings.DEFAULT_ENGINE, settings.DEFAULT_REGISTRY = "unix:///nowhere.sock", "127.0.0.1:5000"
    settings.STATIC_ROOT, settings.STORAGES = tmp_path, {**settings.STORAGES, "staticfiles": PLAIN}
    call_command("prepare")
    capsys.readouterr()
    client = Client()
    assert client.login(username="first", password="the-first-password")
    return client


def add(admin, name: str) -> int:
    return admin.post("/admin/builds/account/add/", {"name": name, "time_zone": "UTC"}).status_code


@fresh
def test_an_account_is_added_to_a_fresh_installation(admin):
    assert list(Account.objects.values_list("pk", "name")) == [(1, "default")]
    assert add(admin, "second") == 302
    assert list(Account.objects.order_by("pk").values_list("pk", "name")) == [(1, "default"), (2, "second")]


@fresh
def test_a_second_start_takes_the_same_account_whatever_it_is_called_now(admin, capsys):
    Account.objects.update(name="renamed")
    call_command("prepare")
    assert Account.objects.get().name == "renamed"
    assert (Membership.objects.count(), Build.objects.count()) == (1, 1)


@fresh
def test_no_table_has_a_row_that_its_sequence_has_still_to_give(admin):
    behind = []
    models = [User, *apps.get_app_config("builds").get_models()]
    for model in (model for model in models if isinstance(model._meta.pk, AutoField)):
        with connection.cursor() as cursor:
            cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [model._meta.db_table])
            following = cursor.fetchone()[0]
        if following <= (model.objects.aggregate(last=Max("pk"))["last"] or 0):
            behind.append(model.__name__)
    assert behind == []


@fresh
def test_an_installation_whose_sequence_was_left_behind_is_mended_by_the_migration(admin):
    with connection.cursor() as cursor:
        cursor.execute("ALTER SEQUENCE builds_account_id_seq RESTART WITH 1")  # as first starts before left it
    call_command("migrate", "builds", "0002", verbosity=0)
    call_command("migrate", "builds", verbosity=0)
    assert add(admin, "second") == 302
