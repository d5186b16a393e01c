"""The API's description: complete, consistent, and readable as a page."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from jsonschema import Draft202012Validator

from dashboard.api.meanings import MEANINGS
from dashboard.api.router import api, scopes_by_operation
from dashboard.wire.events import EVENT_TYPES
from tests.api.conftest import SAMPLE


@pytest.fixture
def document(db: None) -> Any:
    answer = Client().get("/v1/openapi.json")
    assert answer.status_code == 200
    return json.loads(answer.content)


def _operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            yield path, method, said


def _refs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from _refs(item)
    elif isinstance(value, list):
        for item in value:
            yield from _refs(item)


def test_it_is_openapi_3_1_and_every_reference_resolves(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    refs = set(_refs(document))
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert refs
    assert refs <= known
    mapped = set(document["components"]["schemas"]["Event"]["discriminator"]["mapping"].values())
    assert mapped <= known


def test_every_schema_is_a_json_schema(document: Any) -> None:
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema), name


def test_every_operation_has_an_id_a_door_and_answers_of_both_kinds(document: Any) -> None:
    ids = [said["operationId"] for _, _, said in _operations(document)]
    assert sorted(ids) == sorted(set(scopes_by_operation(api)))
    for path, _, said in _operations(document):
        assert said["summary"] and said["description"] and said["tags"]
        assert said["security"][0]["Bearer"]
        statuses = set(said["responses"])
        assert {"401", "403", "500"} <= statuses
        assert statuses & {"200", "201"}
        for status, answer in said["responses"].items():
            assert answer["content"], (path, status)
            if int(status) >= 400:
                assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorBody")
        named = set(re.findall(r"\{(\w+)\}", path))
        assert named == {each["name"] for each in said["parameters"] if each["in"] == "path"}
    assert document["components"]["securitySchemes"]["Bearer"]["scheme"] == "bearer"


def test_every_field_that_is_explained_exists(document: Any) -> None:
    for name, meanings in MEANINGS.items():
        properties = document["components"]["schemas"][name]["properties"]
        assert set(meanings) <= set(properties), name
        assert all(properties[field]["description"] == text for field, text in meanings.items())


def test_every_field_of_a_request_is_explained(document: Any) -> None:
    for name in ("DispatchRequest", "DispatchOptions", "FlowDefinition", "StepDefinition", "RecordRef"):
        assert set(document["components"]["schemas"][name]["properties"]) == set(MEANINGS[name])


def test_streams_are_described_by_every_event(document: Any) -> None:
    event = document["components"]["schemas"]["Event"]
    assert set(event["discriminator"]["mapping"]) == set(EVENT_TYPES)
    said = document["paths"]["/v1/dispatch"]["post"]
    content = said["responses"]["200"]["content"]
    assert content["text/event-stream"]["schema"]["$ref"].endswith("/Event")
    assert content["application/json"]["schema"]["$ref"].endswith("/SyncResult")


def test_the_sample_and_the_examples_fit_their_schemas(document: Any) -> None:
    for path, _, said in _operations(document):
        body = said.get("requestBody", {}).get("content", {}).get("application/json")
        if body:
            schema = {**body["schema"], "components": document["components"]}
            Draft202012Validator(schema).validate(body["example"])
            if path == "/v1/dispatch":
                Draft202012Validator(schema).validate(SAMPLE)


def test_answers_fit_their_schemas(document: Any, caller: Any, make_run: Any) -> None:
    call, run = caller(), make_run()
    flow = call("POST", "/v1/flows", {"name": "F"}).json()
    answers = {
        "FlowObject": flow,
        "FlowPage": call("GET", "/v1/flows").json(),
        "ExecutionPage": call("GET", "/v1/executions").json(),
        "ExecutionObject": call("GET", f"/v1/executions/{run.public_id}").json(),
        "CancelResult": call("POST", f"/v1/executions/{run.public_id}/cancel").json(),
        "ArchiveResult": call("DELETE", f"/v1/flows/{flow['id']}").json(),
        "ErrorBody": call("GET", "/v1/executions/x").json(),
    }
    for name, answer in answers.items():
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        Draft202012Validator(schema).validate(answer)


def test_the_page_shows_every_operation_and_event_and_asks_nobody_in(document: Any, db: None) -> None:
    answer = Client().get("/v1/docs")
    page = answer.content.decode()
    assert answer.status_code == 200
    for path, _, said in _operations(document):
        assert f'id="{said["operationId"]}"' in page
        assert path in page
    for kind in EVENT_TYPES:
        assert f"<code>{kind}</code>" in page
    assert "style=" not in page
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
