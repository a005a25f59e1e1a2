"""The published documents are complete, valid, and open to everybody."""

import io
import json
import re
from contextlib import redirect_stderr

import pytest
from django.urls import URLPattern, resolve
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema

from builds.api import urls
from builds.api.openapi import PREFIXES, openapi_document
from builds.api.views.openapi import OpenApi
from tests.api.making import build_add
from tests.contract.published import METHODS, differences, operations
from tests.contract.test_build_run_fields import NAMES, TYPES

PLAIN, ENVELOPED = PREFIXES


def routes() -> set[tuple[str, str]]:
    """Return view and method of everything that the routes lead to, beside the documents themselves."""
    views = [pattern.callback.cls for pattern in urls.TAILS if isinstance(pattern, URLPattern) and is_view(pattern)]
    return {
        (view.__name__, method)
        for view in views
        if view is not OpenApi
        for method in METHODS
        if method in view.http_method_names and hasattr(view, method)
    }


def is_view(pattern: URLPattern) -> bool:
    return hasattr(pattern.callback, "cls")


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_route_and_method_is_documented_and_nothing_else(prefix):
    documented = [(path, method) for path, method, _ in operations(prefix).values()]
    reached = {(resolve(re.sub(r"{\w+}", "1", path)).func.cls.__name__, method) for path, method in documented}
    assert reached == routes()
    assert len(documented) == len(reached)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_document_is_valid_openapi_without_a_warning(prefix):
    GENERATOR_STATS.reset()
    said = io.StringIO()
    with redirect_stderr(said):
        openapi_document.cache_clear()
        document = openapi_document(prefix)
    validate_schema(document)
    assert document["openapi"].startswith("3.1")
    assert said.getvalue() == ""
    assert not GENERATOR_STATS


@pytest.mark.parametrize("prefix", PREFIXES)
def test_paths_are_clean_and_every_number_in_them_is_described(prefix):
    document = openapi_document(prefix)
    assert [path for path in document["paths"] if not re.fullmatch(rf"{prefix}(/(\w+(\.txt)?|{{\w+}}))+", path)] == []
    for path, methods in document["paths"].items():
        for operation in methods.values():
            described = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert described == set(re.findall(r"{(\w+)}", path)), path


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_reference_and_link_leads_somewhere(prefix):
    document = openapi_document(prefix)
    text = json.dumps(document)
    for section, name in set(re.findall(r'"#/components/(\w+)/([^"/]+)"', text)):
        assert name in document["components"][section]
    links = [link for _, _, one in operations(prefix).values() for link in one["responses"]["200"].get("links", {})]
    assert links
    assert set(links) <= set(operations(prefix))


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_example_keeps_its_own_schema(prefix):
    wrong = {}
    for name, (_, _, operation) in operations(prefix).items():
        bodies = [operation["responses"]["200"]["content"]]
        bodies += [operation["requestBody"]["content"]] if "requestBody" in operation else []
        for media in (media for content in bodies for media in content.values()):
            for example in media.get("examples", {}).values():
                if found := differences(prefix, media["schema"], example["value"]):
                    wrong[name] = found
    assert wrong == {}


def test_every_operation_with_a_json_answer_shows_an_example():
    for name, (_, _, operation) in operations(PLAIN).items():
        content = operation["responses"]["200"]["content"]
        assert "application/json" not in content or content["application/json"]["examples"], name


def test_a_run_has_the_platforms_fields_with_its_examples():
    fields = models()["BuildRun"]["properties"]
    assert list(fields)[: len(NAMES)] == NAMES
    assert fields["imageSize"]["examples"] == [133745493]
    assert fields["beginTime"]["format"] == "date-time"


def test_the_types_of_a_run_are_the_platforms():
    kinds = {str: "string", int: "integer", list: "array"}
    for name, kind in TYPES.items():
        assert kinds[kind] in kinds_of(models()["BuildRun"]["properties"][name]), name


def models():
    return openapi_document(PLAIN)["components"]["schemas"]


def kinds_of(schema):
    """Return the types that `schema` allows; a secret, which is always null, is text all the same."""
    if several := schema.get("oneOf") or schema.get("allOf"):
        return [kind for one in several for kind in kinds_of(one)]
    if "$ref" in schema:
        return kinds_of(models()[schema["$ref"].rpartition("/")[2]])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return ["string"] if kinds == ["null"] else kinds


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_write_documents_the_idempotency_key(prefix):
    for name, (_, method, operation) in operations(prefix).items():
        headers = [one["name"] for one in operation["parameters"] if one["in"] == "header"]
        assert headers == (["Idempotency-Key"] if method in ("post", "put") else []), name


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_document_is_open_to_everybody_and_plain_json(api, prefix):
    answer = api.get(f"{prefix}/openapi.json", HTTP_ACCEPT="application/yaml")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == json.loads(json.dumps(openapi_document(prefix)))
    again = api.get(f"{prefix}/openapi.json", HTTP_IF_NONE_MATCH=answer.headers["ETag"])
    assert again.status_code == 304
    assert api.get(f"{prefix}/openapi.json/").status_code == 200


def test_the_document_takes_no_other_method(api):
    assert api.post("/v1/openapi.json").status_code == 405


def test_each_dialect_documents_its_own_errors():
    plain, enveloped = operations(PLAIN)["startRun"][2], operations(ENVELOPED)["startRun"][2]
    assert set(plain["responses"]) >= {"200", "400", "401", "403", "404", "409", "429", "500", "502"}
    assert set(enveloped["responses"]) == {"200", "401", "403", "429"}
    assert list(plain["responses"]["409"]["content"]) == ["application/problem+json"]
    assert "oneOf" in enveloped["responses"]["200"]["content"]["application/json"]["schema"]


@pytest.mark.parametrize("field", ["buildName", "buildDesc", "registryName", "imageName", "tagName"])
def test_a_text_is_taken_up_to_its_documented_length_and_no_longer(as_, operator, field):
    longest = openapi_document(PLAIN)["components"]["schemas"]["BuildAdd"]["properties"][field]["maxLength"]
    for length, status in ((longest, 200), (longest + 1, 400)):
        text = "/".join(["a" * 49] * (length // 50 + 1))[:length].rstrip("/") if field == "imageName" else "a" * length
        body = build_add(**{"autotagUseYn": "N", "tagName": "1", field: text.ljust(length, "a")})
        answer = as_(operator).post("/v1/build", body, content_type="application/json")
        assert answer.status_code == status, answer.content


REQUIRED_IN_BODIES = {
    "BuildAdd": ["buildSteps", "editType"],
    "BuildStepAdd": ["stepType"],
    "BuildImport": ["dataFile"],
    "ContextUpload": ["dataFile"],
}
OTHER_BODIES = {"RunSteps", "SourceAsk", "BuildImport", "ContextUpload"}


@pytest.mark.parametrize("prefix", PREFIXES)
def test_an_answer_has_every_field_and_a_body_needs_few(prefix):
    schemas = openapi_document(prefix)["components"]["schemas"]
    objects = {name: model for name, model in schemas.items() if "properties" in model}
    bodies = {name for name in objects if name.endswith("Add")} | {
        "RunSteps",
        "SourceAsk",
        "BuildImport",
        "ContextUpload",
    }
    assert {name: sorted(objects[name].get("required", [])) for name in bodies if objects[name].get("required")} == (
        REQUIRED_IN_BODIES
    )
    answers = objects.keys() - bodies
    assert {name for name in answers if list(objects[name]["required"]) != list(objects[name]["properties"])} == set()
    assert {"BuildRun", "BuildDetail", "Registry"} <= answers


@pytest.mark.parametrize("prefix", PREFIXES)
def test_no_secret_is_told_and_every_secret_is_taken(prefix):
    schemas = openapi_document(prefix)["components"]["schemas"]
    secrets = ("buildServerClientKey", "password", "loginId", "privateKey", "privateCertificate")
    kinds = {
        (name.endswith("Add") or name == "SourceAsk", str(model["properties"][secret]["type"]))
        for name, model in schemas.items()
        for secret in secrets
        if secret in model.get("properties", {})
    }
    assert kinds == {(False, "null"), (True, "['string', 'null']")}
