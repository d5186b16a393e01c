"""`/v1/executions`: reading, listing, cancelling, and the cursor of a replay."""

from typing import Any

import pytest

from dashboard.models import Run, RunState


def test_an_execution_tells_where_it_stands(caller: Any, make_run: Any) -> None:
    run = make_run()
    said = caller("runs:read")("GET", f"/v1/executions/{run.public_id}").json()
    assert (said["executionId"], said["status"], said["kind"]) == (run.public_id, "queued", "flow")
    assert said["flow"] == {"name": "Greeting"}
    assert (said["lastSeq"], said["completedAt"], said["finalOutput"]) == (-1, None, None)
    assert said["eventsUrl"] == f"/v1/executions/{run.public_id}/events"


def test_executions_of_another_workspace_do_not_exist(
    caller: Any, make_run: Any, other_workspace: Any
) -> None:
    run = make_run()
    call = caller(workspace=other_workspace)
    for method, path in [
        ("GET", f"/v1/executions/{run.public_id}"),
        ("GET", f"/v1/executions/{run.public_id}/events"),
        ("GET", f"/v1/agents/virtual/executions/{run.public_id}/events"),
        ("POST", f"/v1/executions/{run.public_id}/cancel"),
    ]:
        answer = call(method, path)
        assert (answer.status_code, answer.json()["error"]) == (404, "Execution not found")
    assert call("GET", "/v1/executions").json()["data"] == []
    run.refresh_from_db()
    assert run.state == RunState.QUEUED


@pytest.mark.parametrize("odd", ["x", "exec_", "exec_%00", "1", "exec_" + "z" * 26, "%F0%9F%92%A5"])
def test_an_odd_id_is_simply_not_found(caller: Any, odd: str) -> None:
    assert caller()("GET", f"/v1/executions/{odd}").json()["code"] == "EXECUTION_NOT_FOUND"


def test_lists_are_newest_first_and_can_be_narrowed(caller: Any, make_run: Any) -> None:
    runs = [make_run() for _ in range(3)]
    Run.objects.filter(pk=runs[0].pk).update(state=RunState.FAILED, flow_name="Refunds")
    call = caller("runs:read")
    listed = call("GET", "/v1/executions?limit=2&includeCount=true").json()
    assert [item["executionId"] for item in listed["data"]] == [runs[2].public_id, runs[1].public_id]
    assert listed["pagination"]["totalCount"] == 3
    rest = call("GET", f"/v1/executions?cursor={listed['pagination']['nextCursor']}").json()
    assert [item["executionId"] for item in rest["data"]] == [runs[0].public_id]
    for query in ("status=failed", "search=refu"):
        found = call("GET", f"/v1/executions?{query}").json()["data"]
        assert [item["executionId"] for item in found] == [runs[0].public_id]
    assert call("GET", "/v1/executions?flowId=flow_none").json()["data"] == []
    assert call("GET", "/v1/executions?flowId=a%00").json()["details"][0]["path"] == "flowId"
    assert call("GET", "/v1/executions?status=odd").json()["details"][0]["path"] == "status"


def test_a_cancellation_ends_a_waiting_run_and_can_be_repeated(caller: Any, make_run: Any) -> None:
    run = make_run()
    call = caller("runs:cancel", "runs:read")
    said = call("POST", f"/v1/executions/{run.public_id}/cancel").json()
    assert (said["success"], said["cancelled"], said["execution"]["status"]) == (True, True, "cancelled")
    again = call("POST", f"/v1/executions/{run.public_id}/cancel").json()
    assert (again["cancelled"], again["execution"]["status"]) == (False, "cancelled")
    run.refresh_from_db()
    assert run.cancelled_by == f"API key {call.key.name}"


@pytest.mark.parametrize(
    "value",
    ["abc", "-1", "1:2", "1" + "0" * 30, "9" * 1_000_000, "1,2", "1.0", "+1", "\N{SUPERSCRIPT TWO}", "0x1"],
)
def test_a_cursor_that_is_no_number_is_refused(caller: Any, make_run: Any, value: str) -> None:
    path = f"/v1/executions/{make_run().public_id}/events"
    answers = [caller()("GET", path, last_event_id=value.encode().decode("latin-1"))]
    if len(value) < 100:
        answers.append(caller()("GET", f"{path}?after={value.replace('+', '%2B')}"))
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_LAST_EVENT_ID")


def test_two_cursors_in_the_address_are_one_too_many(caller: Any, make_run: Any) -> None:
    answer = caller()("GET", f"/v1/executions/{make_run().public_id}/events?after=1&after=2")
    assert answer.json()["code"] == "INVALID_LAST_EVENT_ID"


def test_a_stream_says_what_it_is(caller: Any, make_run: Any) -> None:
    run = make_run()
    answer = caller("runs:read")(
        "GET", f"/v1/agents/virtual/executions/{run.public_id}/events?conversationId=c"
    )
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/event-stream; charset=utf-8"
    assert answer["Cache-Control"].startswith("no-cache, no-transform")
    assert answer.signalbox_body is not None
