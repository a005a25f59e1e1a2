"""The definition that a run keeps: one form in PostgreSQL, whatever version stored it."""

import json
from dataclasses import fields, replace

import pytest
from django.core import serializers
from django.db import connection
from django.db.models import F
from django.db.models.fields.json import KT

from builds.domain.definition import COPIED, Definition, Parameters
from builds.domain.tags import AutoTagSeqType, TagRule
from builds.models import Build, BuildRun
from tests.support.runs import press

FULL = Definition(
    name="Hello",
    description="greets",
    project="ops",
    image_name="hello",
    registry_project_id=7,
    auto_tag=True,
    auto_tag_prefix="v",
    auto_tag_sequence="SEQUENCE",
    tag_name="1",
    server_host="tcp://docker.example:2376",
    server_tls_verify=True,
    server_ca_cert="ca",
    server_client_cert="cert",
    time_limit_seconds=60,
    queue_limit_seconds=61,
    max_attempts=2,
    parameters=Parameters("main", no_cache=True, build_args=(("VERSION", "1"), ("MIRROR", ""))),
    push_of=4,
    context_id=5,
)
# What the versions before `Definition` stored for such a build, run with parameters, and its image pushed again.
STORED = {
    "name": "Hello",
    "description": "greets",
    "project": "ops",
    "image_name": "hello",
    "registry_project_id": 7,
    "auto_tag": True,
    "auto_tag_prefix": "v",
    "auto_tag_sequence": "SEQUENCE",
    "tag_name": "1",
    "server_host": "tcp://docker.example:2376",
    "server_tls_verify": True,
    "server_ca_cert": "ca",
    "server_client_cert": "cert",
    "time_limit_seconds": 60,
    "queue_limit_seconds": 61,
    "max_attempts": 2,
    "parameters": {
        "branch_name": "main",
        "no_cache": True,
        "build_args": [{"key": "VERSION", "value": "1"}, {"key": "MIRROR", "value": ""}],
    },
    "push_of": 4,
    "context_id": 5,
}
PLAIN = {name: value for name, value in STORED.items() if name not in ("parameters", "push_of", "context_id")}


@pytest.fixture
def run(build, caller):
    return press(build, caller)


def keep(run: BuildRun, definition: object) -> BuildRun:
    BuildRun.objects.filter(pk=run.pk).update(definition=definition)
    return BuildRun.objects.get(pk=run.pk)


def stored(run: BuildRun) -> object:
    """Return the JSON of the column, past Django's field."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT definition::text FROM builds_buildrun WHERE id = %s", [run.pk])
        return json.loads(cursor.fetchone()[0])


def test_the_full_definition_leaves_no_field_at_its_default():
    assert [one.name for one in fields(FULL) if getattr(FULL, one.name) == getattr(Definition(), one.name)] == []


def test_every_field_comes_back_from_the_database(run):
    assert keep(run, FULL).definition == FULL
    assert stored(run) == STORED


def test_a_definition_without_parameters_stores_no_key_for_them(run):
    plain = replace(FULL, parameters=Parameters(), push_of=None, context_id=None)
    assert keep(run, plain).definition == plain
    assert stored(run) == PLAIN


def test_a_build_gives_all_that_a_run_keeps_of_it():
    build = Build(**{name: PLAIN[name] for name in COPIED})
    assert build.definition.to_json() == PLAIN


@pytest.mark.parametrize(
    "parameters", [Parameters("main"), Parameters(no_cache=True), Parameters(build_args=(("A", ""),))]
)
def test_only_the_parameters_that_were_given_are_stored(run, parameters):
    definition = replace(FULL, parameters=parameters)
    assert keep(run, definition).definition == definition
    assert len(stored(run)["parameters"]) == 1


def test_a_row_of_an_older_version_is_read_with_defaults(run):
    old = {"name": "Hello", "image_name": "hello", "project": None, "gone": [1]}
    assert keep(run, old).definition == Definition(name="Hello", image_name="hello")
    assert keep(run, {}).definition == Definition()


def test_sql_looks_into_a_stored_definition(run):
    runs = BuildRun.objects.filter(pk=run.pk)
    assert not runs.filter(definition__has_key="push_of").exists()
    keep(run, FULL)
    assert runs.filter(definition__has_key="push_of", definition__max_attempts=2, definition=FULL).exists()
    found = runs.annotate(text=KT("definition__project"), key=F("definition__parameters"))
    assert [(one.text, one.key) for one in found] == [("ops", STORED["parameters"])]
    assert runs.values_list("definition", flat=True).get() == FULL
    assert runs.defer("definition").get().definition == FULL


def test_a_fixture_keeps_the_definition(run):
    keep(run, FULL)
    text = serializers.serialize("json", BuildRun.objects.filter(pk=run.pk))
    (copy,) = serializers.deserialize("json", text)
    assert copy.object.definition == FULL


def test_the_tag_rule_is_that_of_the_definition():
    assert FULL.tag_rule == TagRule(automatic=True, prefix="v", sequence=AutoTagSeqType.SEQUENCE, tag="1")
    assert Definition(tag_name="1").tag_rule == TagRule(automatic=False, tag="1")


def test_newer_parameters_win_and_the_others_stay():
    older = Parameters("main", build_args=(("A", "1"),))
    newer = Parameters("next", no_cache=True)
    assert older.with_newer(newer) == Parameters("next", no_cache=True, build_args=(("A", "1"),))
