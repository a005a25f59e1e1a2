"""`manage.py prepare`: what it says of an engine on which no build can run."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from builds.models import BuildServer
from tests.engine.foreign import NEEDED, SENTENCES, foreign_engine


@pytest.mark.parametrize("name", SENTENCES)
def test_an_engine_that_cannot_build_is_told_at_the_start_and_keeps_nothing_from_starting(db, settings, name):
    said, warned = StringIO(), StringIO()
    with foreign_engine(name) as foreign:
        settings.DEFAULT_ENGINE = foreign.url
        call_command("prepare", stdout=said, stderr=warned, no_color=True)
    assert json.loads(said.getvalue().splitlines()[-1])["username"]
    assert warned.getvalue().count("\n") == 1
    assert f"No build can run at DOCKER_HOST={foreign.url}: {SENTENCES[name]} here. {NEEDED}" in warned.getvalue()
    assert BuildServer.objects.get().url == foreign.url
    assert set(foreign.heard) == {"GET /version"}
