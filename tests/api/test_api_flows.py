"""`/v1/flows`: stored flows, their lists, and nobody else's."""

from typing import Any

import pytest

from dashboard.models import Flow
from tests.api.conftest import FLOW


def _create(call: Any, name: str = "Greeting", **more: Any) -> dict[str, Any]:
    answer = call("POST", "/v1/flows", {**FLOW, "name": name, **more})
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_a_flow_is_created_read_changed_and_archived(caller: Any) -> None:
    call = caller()
    made = _create(call, description="Says hello")
    assert made["flowSteps"] == FLOW["steps"]
    assert (made["status"], made["stepCount"], made["description"]) == ("active", 1, "Says hello")
    assert call("GET", f"/v1/flows/{made['id']}").json() == made

    changed = call("PUT", f"/v1/flows/{made['id']}", {"name": "Welcome"}).json()
    assert (changed["name"], changed["description"], changed["flowSteps"]) == (
        "Welcome",
        "Says hello",
        FLOW["steps"],
    )
    emptied = call("PUT", f"/v1/flows/{made['id']}", {"flowSteps": []}).json()
    assert (emptied["flowSteps"], emptied["status"]) == ([], "draft")

    assert call("DELETE", f"/v1/flows/{made['id']}").json() == {
        "success": True,
        "id": made["id"],
        "status": "archived",
    }
    assert call("DELETE", f"/v1/flows/{made['id']}").status_code == 200
    assert call("GET", f"/v1/flows/{made['id']}").json()["status"] == "paused"
    assert call("GET", "/v1/flows").json()["data"] == []
    assert call("PUT", f"/v1/flows/{made['id']}", {"name": "x"}).status_code == 409
    assert call.dispatch({"flow": {"id": made["id"]}}).json()["code"] == "FLOW_DISABLED"


def test_unknown_fields_and_step_types_survive(caller: Any) -> None:
    call = caller()
    step = {"id": "x", "type": "from-the-future", "config": {"a": [1, None]}, "colour": "red"}
    made = call("POST", "/v1/flows", {"name": "N", "flowSteps": [step], "mood": {"b": 1}}).json()
    assert made["flowSteps"] == [step]
    stored = Flow.objects.get(pk=made["id"]).draft["flow"]
    assert stored == {"name": "N", "steps": [step], "mood": {"b": 1}}


@pytest.mark.parametrize("body", [{}, {"name": " "}, {"name": 5}, {"name": "x", "steps": {}}])
def test_a_flow_without_a_name_or_with_odd_steps_is_refused(caller: Any, body: dict[str, Any]) -> None:
    answer = caller()("POST", "/v1/flows", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    assert not Flow.objects.exists()


def test_a_save_that_somebody_overtook_is_a_conflict(caller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    call = caller()
    made = _create(call)
    monkeypatch.setattr(type(Flow.objects.all()), "save_draft", lambda *_: False)
    answer = call("PUT", f"/v1/flows/{made['id']}", {"name": "x"})
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")


def test_flows_of_another_workspace_do_not_exist(caller: Any, other_workspace: Any) -> None:
    theirs = _create(caller(workspace=other_workspace))
    call = caller()
    for method, path, body in [
        ("GET", f"/v1/flows/{theirs['id']}", None),
        ("PUT", f"/v1/flows/{theirs['id']}", {"name": "x"}),
        ("DELETE", f"/v1/flows/{theirs['id']}", None),
        ("POST", "/v1/dispatch", {"flow": {"id": theirs["id"]}}),
    ]:
        answer = call(method, path, body)
        assert (answer.status_code, answer.json()["error"]) == (404, "Flow not found")
    assert call("GET", "/v1/flows").json()["data"] == []
    assert Flow.objects.get().name == "Greeting"


def test_pages_lead_forth_and_back_without_loss(caller: Any) -> None:
    call = caller()
    names = [_create(call, name=f"Flow {number}")["name"] for number in range(7)][::-1]
    seen, pages, path = [], [], "/v1/flows?limit=3&includeCount=true"
    while True:
        page = call("GET", path).json()
        pages.append(page)
        seen += [flow["name"] for flow in page["data"]]
        if not page["pagination"]["hasMore"]:
            break
        path = f"/v1/flows?limit=3&includeCount=true&cursor={page['pagination']['nextCursor']}"
    assert seen == names
    assert [page["pagination"]["currentOffset"] for page in pages] == [0, 3, 6]
    assert {(p["pagination"]["totalCount"], p["pagination"]["totalPages"]) for p in pages} == {(7, 3)}
    assert [page["pagination"]["hasPrev"] for page in pages] == [False, True, True]
    assert pages[-1]["pagination"]["nextCursor"] is None

    back = call("GET", f"/v1/flows?limit=3&cursor={pages[2]['pagination']['prevCursor']}").json()
    assert [flow["name"] for flow in back["data"]] == names[3:6]
    assert back["pagination"]["currentOffset"] == 3
    first = call("GET", f"/v1/flows?limit=3&direction=prev&cursor={back['pagination']['prevCursor']}").json()
    assert [flow["name"] for flow in first["data"]] == names[:3]
    assert (first["pagination"]["hasPrev"], first["pagination"]["prevCursor"]) == (False, None)
    assert "flowSteps" not in first["data"][0]


def test_search_finds_part_of_a_name(caller: Any) -> None:
    call = caller()
    for name in ("Refund triage", "Sales", "refund letter"):
        _create(call, name=name)
    found = call("GET", "/v1/flows?search=REFUND&includeCount=true").json()
    assert {flow["name"] for flow in found["data"]} == {"Refund triage", "refund letter"}
    assert found["pagination"]["totalCount"] == 2


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=9223372036854775808", "limit"),
        ("limit=x", "limit"),
        ("direction=up", "direction"),
        ("includeCount=maybe", "includeCount"),
        ("search=" + "x" * 201, "search"),
        ("search=a%00b", "search"),
    ],
)
def test_a_bad_parameter_is_named(caller: Any, query: str, path: str) -> None:
    said = caller()("GET", f"/v1/flows?{query}").json()
    assert (said["code"], said["details"][0]["path"]) == ("VALIDATION_ERROR", path)


@pytest.mark.parametrize("cursor", ["x", "!!!!", "W10", "WzUsMCwibmV4dCJd", "eyJhIjoxfQ", "A" * 400])
def test_a_cursor_of_another_make_is_refused(caller: Any, cursor: str) -> None:
    answer = caller()("GET", f"/v1/flows?cursor={cursor}")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_CURSOR")
