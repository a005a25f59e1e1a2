"""What the fork server does before it forks: it leaves nothing open, and nothing behind."""

import json
import os
import subprocess
import sys

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session

from supervisor.plan import CHECKOUT
from tests.support.people import make_build, make_world, operator_of
from tests.support.runs import press
from tests.support.web import collect_static
from tests.support.workers import database_url

LOOK = """
import json, threading
from buildhub import programs
programs.load()
from django.db import connection, connections
from django.test import Client
answers, get = {}, Client.get
def noted(self, path, *args, **more):
    answer = get(self, path, *args, **more)
    answers[path.rstrip("0123456789")] = answer.status_code
    return answer
Client.get = noted
programs.settle()
print(json.dumps([answers, [thread.name for thread in threading.enumerate()], connection.connection is None]))
"""


@pytest.fixture
def world(transactional_db) -> None:
    """An administrator, and a build with a run that waits."""
    caller = operator_of(make_world())
    press(make_build(caller, "FROM scratch\n"), caller)
    User.objects.create_superuser("root", password="a long enough one")


def test_the_fork_server_has_read_pages_and_holds_neither_thread_nor_connection_when_it_forks(world):
    environment = {**os.environ, "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "buildhub.settings"}
    collect_static(environment)
    done = subprocess.run(
        [sys.executable, "-c", LOOK],
        env=environment,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    answers, threads, is_closed = json.loads(done.stdout)
    pages = {"/accounts/login/", "/", "/builds/", "/runs/", "/v1/build", "/v1/build/", "/v1/build/run/"}
    assert (set(answers), set(answers.values())) == (pages, {200})
    assert (threads, is_closed) == (["MainThread"], True)
    assert done.stderr == ""
    assert (Session.objects.count(), User.objects.get(username="root").last_login) == (0, None)
