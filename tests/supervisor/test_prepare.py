"""`manage.py prepare`: what it says of an engine on which no build can run."""

import json
import shutil
from io import StringIO

import pytest
from django.core.management import call_command

from builds.management.commands.prepare import collect_static
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


def test_static_files_are_collected_again_only_when_one_has_changed(tmp_path, settings):
    source, root = tmp_path / "source", tmp_path / "var" / "static"
    source.mkdir()
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATICFILES_DIRS, settings.STATIC_ROOT, settings.DATA_DIR = [source], root, tmp_path / "var"
    (source / "one.css").write_text("a {}")
    collect_static()
    (root / "one.css").unlink()
    collect_static()
    assert not (root / "one.css").exists()
    (source / "one.css").write_text("a { color: red }")
    collect_static()
    assert (root / "one.css").read_text() == "a { color: red }"
    shutil.rmtree(root)
    collect_static()
    assert (root / "one.css").exists()
