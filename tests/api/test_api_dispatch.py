"""What a dispatch stores and orders, seen from the tables."""

from typing import Any

import pytest
from django.db import connection

from dashboard.models import ApiKey, Flow, Record, Run
from tests.api.conftest import FLOW, SAMPLE

RECORD = {"type": "ticket", "name": "Ticket 991", "metadata": {"channel": "email"}}


def test_the_documented_sample_becomes_a_run_and_nothing_else(caller: Any) -> None:
    call = caller("flows:inline")
    answer = call.dispatch(SAMPLE)
    run = Run.objects.select_related("definition").get()
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/event-stream; charset=utf-8"
    assert answer["X-Accel-Buffering"] == "no"
    assert answer["X-Execution-Id"] == run.public_id
    assert "X-Ignored-Fields" not in answer.headers
    assert run.definition.body == SAMPLE["flow"]
    assert (run.flow, run.flow_name, run.source, run.api_key) == (None, "Sales Analysis", "api", call.key)
    assert run.record_snapshot == {"id": None, **SAMPLE["record"]}
    assert run.options == {**SAMPLE["options"], "storeResults": False}
    assert (Flow.objects.count(), Record.objects.count()) == (0, 0)


def test_a_stored_flow_runs_by_either_spelling_of_its_id(caller: Any) -> None:
    call = caller()
    flow_id = call("POST", "/v1/flows", FLOW).json()["id"]
    for body in ({"flow": {"id": flow_id}}, {"flowId": flow_id}):
        assert call.dispatch(body).status_code == 200
    assert (
        list(Run.objects.values_list("flow_id", "flow_name", "flow_revision"))
        == [(flow_id, "Greeting", 1)] * 2
    )


@pytest.mark.parametrize(
    "draft", [{}, {"flow": {"name": "F", "steps": []}}, {"flow": {"steps": [{"type": 5}]}}]
)
def test_a_stored_flow_that_cannot_run_is_refused(caller: Any, workspace: Any, draft: Any) -> None:
    flow = Flow.objects.create(workspace=workspace, name="F", draft=draft)
    answer = caller().dispatch({"flow": {"id": flow.pk}})
    assert (answer.status_code, answer.json()["code"]) == (422, "FLOW_INVALID")
    assert not Run.objects.exists()


def test_create_stores_a_flow_and_runs_it(caller: Any) -> None:
    call = caller()
    for _ in range(2):
        assert call.dispatch({"flow": FLOW, "options": {"flowMode": "create"}}).status_code == 200
    assert Flow.objects.count() == 2
    assert set(Run.objects.values_list("flow_id", flat=True)) == set(
        Flow.objects.values_list("id", flat=True)
    )


def test_upsert_finds_the_flow_by_name_and_keeps_its_sample(caller: Any, workspace: Any) -> None:
    flow = Flow.objects.create(workspace=workspace, name="Greeting", draft={"flow": {}, "record": RECORD})
    body = {"flow": {**FLOW, "description": "New"}, "options": {"flowMode": "upsert"}}
    assert caller().dispatch(body).status_code == 200
    assert caller().dispatch({**body, "flow": {**body["flow"], "name": "Other"}}).status_code == 200
    flow.refresh_from_db()
    assert flow.draft == {"flow": {**FLOW, "description": "New"}, "record": RECORD}
    assert (flow.revision, flow.step_count, flow.description) == (2, 1, "New")
    assert list(Run.objects.order_by("id").values_list("flow__name", flat=True)) == ["Greeting", "Other"]


def test_upsert_leaves_flows_of_others_alone(caller: Any, other_workspace: Any) -> None:
    theirs = Flow.objects.create(
        workspace=other_workspace, name="Greeting", draft={"flow": {"name": "Greeting"}}
    )
    assert caller().dispatch({"flow": FLOW, "options": {"flowMode": "upsert"}}).status_code == 200
    theirs.refresh_from_db()
    assert theirs.revision == 1
    assert Flow.objects.count() == 2


def test_records_are_found_created_and_replaced(caller: Any) -> None:
    call = caller()
    create = {"flow": FLOW, "record": RECORD, "options": {"recordMode": "create"}}
    assert call.dispatch(create).status_code == 200
    again = call.dispatch(create)
    assert (again.status_code, again.json()["error"]) == (409, "Record already exists")
    assert Run.objects.count() == 1

    replaced = {**RECORD, "metadata": {"channel": "phone"}}
    assert (
        call.dispatch({**create, "record": replaced, "options": {"recordMode": "upsert"}}).status_code == 200
    )
    record = Record.objects.get()
    assert record.metadata == {"channel": "phone"}
    assert call.dispatch({"flow": FLOW, "record": {"id": record.pk}}).status_code == 200
    snapshots = list(Run.objects.order_by("id").values_list("record_snapshot", flat=True))
    assert snapshots[1:] == [{"id": record.pk, **replaced}] * 2


def test_a_record_of_another_workspace_does_not_exist(caller: Any, other_workspace: Any) -> None:
    theirs = Record.objects.create(workspace=other_workspace, type="t", name="n")
    answer = caller().dispatch({"flow": FLOW, "record": {"id": theirs.pk}})
    assert (answer.status_code, answer.json()["error"]) == (404, "Record not found")


def test_a_flow_that_would_be_stored_is_not_when_its_record_is_refused(caller: Any) -> None:
    Record.objects.create(workspace=(call := caller()).key.workspace, type="ticket", name="Ticket 991")
    body = {"flow": FLOW, "record": RECORD, "options": {"flowMode": "create", "recordMode": "create"}}
    assert call.dispatch(body).status_code == 409
    assert (Flow.objects.count(), Run.objects.count()) == (0, 0)


def test_inputs_win_over_variables(caller: Any) -> None:
    caller().dispatch({"flow": FLOW, "inputs": {"a": 1}, "variables": {"a": 2, "b": 3}})
    assert Run.objects.get().inputs == {"a": 1, "b": 3}


def test_secrets_are_stored_encrypted_and_nowhere_else(caller: Any) -> None:
    caller().dispatch({"flow": FLOW, "secrets": {"token": "swordfish-1"}})
    run = Run.objects.get()
    assert run.secrets == '{"token": "swordfish-1"}'
    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets FROM dashboard_run")
        (raw,) = cursor.fetchone()
    assert "swordfish" not in raw
    assert "swordfish" not in str([run.options, run.inputs, run.messages, run.definition.body])


@pytest.mark.parametrize("steps", [1, 2])
def test_another_model_is_used_where_there_is_just_one_prompt(caller: Any, steps: int) -> None:
    flow = {
        "name": "F",
        "steps": [{"id": f"s{n}", "type": "prompt", "config": {"model": "gpt-4"}} for n in range(steps)],
    }
    caller().dispatch({"flow": flow, "options": {"model": "claude-haiku-4-5"}})
    used = [step["config"]["model"] for step in Run.objects.get().definition.body["steps"]]
    assert used == (["claude-haiku-4-5"] if steps == 1 else ["gpt-4", "gpt-4"])


@pytest.mark.parametrize("place", [{"streamResponse": False}, {"options": {"streamResponse": False}}])
def test_a_waiting_answer_can_be_asked_for_in_both_places(caller: Any, place: dict[str, Any]) -> None:
    answer = caller().dispatch({"flow": FLOW, **place})
    assert answer["Content-Type"] == "application/json; charset=utf-8"
    assert answer.signalbox_body is not None


def test_a_key_has_only_so_many_unfinished_runs(caller: Any, settings: Any) -> None:
    settings.RUNS_PER_KEY = 2
    call = caller()
    assert [call.dispatch({"flow": FLOW}).status_code for _ in range(3)] == [200, 200, 429]
    answer = call.dispatch({"flow": FLOW})
    assert (answer.json()["code"], answer["Retry-After"]) == ("TOO_MANY_CONCURRENT_RUNS", "5")
    assert caller().dispatch({"flow": FLOW}).status_code == 200
    Run.objects.filter(api_key=call.key).update(state="completed")
    assert call.dispatch({"flow": FLOW}).status_code == 200


def test_a_key_has_only_so_many_open_streams(caller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    call = caller()
    monkeypatch.setattr("dashboard.api.streams._open", {call.key.pk: 50})
    answer = call.dispatch({"flow": FLOW})
    assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_STREAMS")
    assert answer["Retry-After"] == "5"
    assert not Run.objects.exists()


def test_dispatching_writes_no_more_than_it_must(caller: Any, django_assert_max_num_queries: Any) -> None:
    call = caller()
    call.dispatch(SAMPLE)
    ApiKey.objects.filter(pk=call.key.pk).get()
    with django_assert_max_num_queries(12):
        call.dispatch(SAMPLE)
