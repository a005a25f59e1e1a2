"""Wrong passwords lock a name at an address, at both doors, for a time that grows; an administrator unlocks it."""

import http.client
from contextlib import closing
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client

from builds.services.accounts import sign_in
from tests.pages.reading import read
from tests.support.web import Web

DOORS = ["/accounts/login/", "/admin/login/"]
LIMIT = settings.AXES_FAILURE_LIMIT
HERE, ELSEWHERE = "192.0.2.7", "198.51.100.1"


@pytest.fixture(autouse=True)
def quick(settings):
    """Hash passwords quickly: how slow that is, is not what is looked at."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def people(quick, operator):
    User.objects.create_superuser("root", password="root-password")


def attempt(door, password, *, name="root", address=HERE):
    return Client(REMOTE_ADDR=address).post(door, {"username": name, "password": password})


def later(by):
    """Let `by` pass for what was tried so far."""
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - by)


def locked(door, *, name="root"):
    """Try wrong passwords until the name is locked; return the statuses."""
    return [attempt(door, f"wrong-{number}", name=name).status_code for number in range(LIMIT)]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", ["root", "nobody-of-that-name"])
def test_wrong_passwords_lock_a_name_at_its_address(door, name):
    statuses = [attempt(door, f"wrong-{number}", name=name).status_code for number in range(2 * LIMIT)]
    assert statuses == [200] * (LIMIT - 1) + [429] * (LIMIT + 1)


@pytest.mark.parametrize("door", DOORS)
def test_the_right_password_is_refused_meanwhile_and_the_page_says_for_how_long(door):
    locked(DOORS[0])
    answer = attempt(door, "root-password")
    assert "sessionid" not in answer.cookies
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert answer["Cache-Control"] == "no-store"
    text = read(answer, 429).main_text
    assert f"Sign in again in {answer['Retry-After']} seconds" in text
    assert "administrator can unlock" in text
    assert attempt(door, "root-password", address=ELSEWHERE).status_code == 302
    assert attempt(door, "operator-password", name="operator").status_code in (200, 302)


def test_the_doors_count_together():
    for number in range(LIMIT - 1):
        assert attempt(DOORS[number % 2], "wrong").status_code == 200
    assert attempt(DOORS[0], "wrong").status_code == 429


def test_the_pause_grows_with_each_further_wrong_password_up_to_an_hour():
    locked(DOORS[0])
    pauses = []
    for _ in range(8):
        pauses.append(int(attempt(DOORS[0], "root-password")["Retry-After"]))
        later(timedelta(seconds=pauses[-1]))
        assert attempt(DOORS[0], "wrong").status_code == 429
    assert [-(-pause // 60) for pause in pauses] == [1, 2, 4, 8, 16, 32, 60, 60]
    later(sign_in.LONGEST_PAUSE)
    assert attempt(DOORS[0], "root-password").status_code == 302


def test_a_try_during_the_lock_does_not_make_it_longer():
    locked(DOORS[0])
    later(timedelta(seconds=40))
    assert [attempt(DOORS[0], "wrong").status_code for _ in range(5)] == [429] * 5
    later(timedelta(seconds=20))
    assert attempt(DOORS[0], "root-password").status_code == 302


def test_a_right_password_before_the_limit_forgets_the_wrong_ones():
    for _ in range(3):
        assert [attempt(DOORS[0], "wrong").status_code for _ in range(LIMIT - 1)] == [200] * (LIMIT - 1)
        assert attempt(DOORS[0], "root-password").status_code == 302


def test_an_administrator_sees_who_is_locked_and_unlocks():
    locked(DOORS[0], name="operator")
    admin = Client(REMOTE_ADDR=HERE)
    admin.force_login(User.objects.get(username="root"), backend="django.contrib.auth.backends.ModelBackend")
    page = "/admin/axes/accessattempt/"
    listed = admin.get(page, {"q": "operator"}).content.decode()
    assert HERE in listed
    assert "Locked until" in listed
    row = AccessAttempt.objects.get()
    assert "wrong-0" not in admin.get(f"{page}{row.pk}/change/").content.decode() + row.post_data
    answer = admin.post(page, {"action": "unlock", "_selected_action": [row.pk]}, follow=True)
    assert "Unlocked" in answer.content.decode()
    assert attempt(DOORS[0], "operator-password", name="operator").status_code == 302


@pytest.mark.parametrize("door", DOORS)
def test_one_password_tried_on_many_names_locks_the_address_for_a_minute(door):
    tried = [attempt(door, "Summer2026", name=f"name-{number}").status_code for number in range(sign_in.MOST_NAMES)]
    assert tried == [200] * sign_in.MOST_NAMES
    answer = attempt(door, "root-password")
    assert (answer.status_code, "sessionid" in answer.cookies) == (429, False)
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert attempt(door, "root-password", address=ELSEWHERE).status_code == 302
    later(sign_in.ADDRESS_PAUSE)
    assert attempt(door, "Summer2026", name="another").status_code == 200
    assert attempt(door, "Summer2026", name="one-more").status_code == 429
    later(sign_in.ADDRESS_PAUSE)
    assert attempt(door, "root-password").status_code == 302


def test_one_person_who_mistypes_does_not_lock_the_office_out():
    for _ in range(sign_in.MOST_NAMES * 2):
        attempt(DOORS[0], "wrong", name="operator")
        later(timedelta(seconds=5))
    assert attempt(DOORS[0], "root-password").status_code == 302


@pytest.mark.usefixtures("transactional_db")
def test_a_real_web_server_locks_too(tmp_path):
    web, token = Web(log=tmp_path / "web.log"), "a" * 32

    def sign_in(password):
        form = urlencode({"username": "operator", "password": password, "csrfmiddlewaretoken": token})
        headers = {"Cookie": f"csrftoken={token}", "Content-Type": "application/x-www-form-urlencoded"}
        with closing(http.client.HTTPConnection("127.0.0.1", web.port, timeout=20)) as connection:
            connection.request("POST", DOORS[0], form, headers)
            return connection.getresponse()

    try:
        web.start()
        assert [sign_in("wrong").status for _ in range(LIMIT)] == [200] * (LIMIT - 1) + [429]
        assert "Retry-After" in sign_in("operator-password").headers
    finally:
        web.stop()
