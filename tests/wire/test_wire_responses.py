"""Answers: what callers rely on is there, and what a thing does not have is left out or null as promised."""

import json

from dashboard.wire.errors import WireError
from dashboard.wire.responses import (
    ErrorBody,
    FlowObject,
    FlowVersionList,
    FlowVersionObject,
    Page,
    Pagination,
    PausedReason,
    PendingApproval,
    PendingToolCall,
    PublishResult,
    RecordObject,
    Ref,
    StepResult,
    SyncResult,
    Usage,
    ValidationIssue,
    ValidationReport,
)


def test_a_completed_run_answers_with_all_that_callers_read():
    answer = SyncResult(
        success=True,
        execution_id="exec_1",
        kind="flow",
        status="completed",
        flow=Ref(id="flow_1", name="Tides"),
        result="Low at six.",
        final_output="Low at six.",
        results={"verdict": None},
        steps=[StepResult(id="s1", name="Say", step_type="prompt", success=True, result={"response": None})],
        usage=Usage(input_tokens=91, output_tokens=12, total_cost=0.0004),
        stop_reason="end_turn",
        events=[],
    )
    assert answer.to_wire() == {
        "success": True,
        "executionId": "exec_1",
        "kind": "flow",
        "status": "completed",
        "flow": {"id": "flow_1", "name": "Tides"},
        "result": "Low at six.",
        "finalOutput": "Low at six.",
        "results": {"verdict": None},
        "steps": [
            {"id": "s1", "name": "Say", "stepType": "prompt", "success": True, "result": {"response": None}},
        ],
        "usage": {"inputTokens": 91, "outputTokens": 12, "totalCost": 0.0004},
        "stopReason": "end_turn",
        "events": [],
    }


def test_a_paused_run_says_what_it_waits_for():
    approval = PendingApproval(
        approval_id="appr_1", tool_call_id="call_1", tool_name="refund", parameters={}, timeout=300_000
    )
    reason = PausedReason(type="approval_required", execution_id="exec_1", approvals=[approval])
    answer = SyncResult(
        success=True, execution_id="exec_1", kind="agent", status="paused", paused_reason=reason
    )
    assert answer.to_wire()["pausedReason"] == {
        "type": "approval_required",
        "executionId": "exec_1",
        "approvals": [
            {
                "approvalId": "appr_1",
                "toolCallId": "call_1",
                "toolName": "refund",
                "parameters": {},
                "timeout": 300_000,
            }
        ],
    }


def test_a_run_that_waits_for_the_caller_lists_the_calls():
    call = PendingToolCall(
        tool_call_id="call_1", tool_id="runtime_x_1", tool_name="x", parameters={"a": None}
    )
    reason = PausedReason(type="local_tool_required", execution_id="exec_1", tool_calls=[call])
    assert reason.to_wire()["toolCalls"] == [
        {"toolCallId": "call_1", "toolId": "runtime_x_1", "toolName": "x", "parameters": {"a": None}}
    ]


def test_a_failed_run_has_its_error_as_text():
    answer = SyncResult(
        success=False,
        execution_id="exec_1",
        kind="flow",
        status="failed",
        error="Step failed",
        code="STEP_FAILED",
    )
    assert answer.to_wire() == {
        "success": False,
        "executionId": "exec_1",
        "kind": "flow",
        "status": "failed",
        "error": "Step failed",
        "code": "STEP_FAILED",
    }


def test_the_described_error_is_the_one_that_is_sent():
    body = WireError("invalid_id", path="flow.id").body("req_1")
    assert ErrorBody.model_validate(body).to_wire() == body
    assert not ErrorBody.model_validate(body).model_extra


def test_a_page_carries_cursors_even_when_there_are_none():
    flow = FlowObject(id="flow_1", name="Tides", status="draft", step_count=0, created_at="a", updated_at="b")
    page = Page[FlowObject](data=[flow], pagination=Pagination(limit=20))
    assert page.to_wire()["pagination"] == {
        "nextCursor": None,
        "prevCursor": None,
        "hasMore": False,
        "hasPrev": False,
        "limit": 20,
        "currentOffset": 0,
    }
    assert page.to_wire()["data"][0]["lastRunAt"] is None
    assert "flowSteps" not in page.to_wire()["data"][0]


def test_totals_appear_when_they_were_counted():
    pagination = Pagination(
        limit=20, total_count=41, total_pages=3, current_page=1, next_cursor="abc", has_more=True
    )
    assert pagination.to_wire()["totalCount"] == 41
    assert pagination.to_wire()["nextCursor"] == "abc"


def test_a_record_keeps_null_where_it_is_promised():
    record = RecordObject(
        id="record_1", type="report", name="Q4", metadata={"x": None}, created_at="a", updated_at="b"
    )
    wire = record.to_wire()
    assert wire["metadata"] == {"x": None}
    assert wire["organizationId"] is None and wire["messages"] is None
    assert "productSurfaceId" not in wire


def test_the_versions_of_a_flow_are_listed():
    version = FlowVersionObject(
        id="flowver_1", version_number=1, version_type="published", step_count=2, created_at="a"
    )
    listing = FlowVersionList(flow_id="flow_1", versions=[version]).to_wire()
    assert listing["publishedVersionId"] is None
    assert listing["versions"][0] == {
        "id": "flowver_1",
        "versionNumber": 1,
        "versionType": "published",
        "label": None,
        "notes": None,
        "stepCount": 2,
        "createdAt": "a",
    }
    assert PublishResult(message="Published", published_version_id="flowver_1").to_wire()["success"] is True


def test_a_report_lists_what_is_wrong():
    issue = ValidationIssue(code="unknown_step_type", message="No.", path="steps.0.type", severity="error")
    report = ValidationReport(valid=False, errors=[issue]).to_wire()
    assert report == {"valid": False, "errors": [issue.to_wire()], "warnings": [], "recommendations": []}


def test_answers_can_be_described_for_the_api_document():
    for model in (SyncResult, ErrorBody, Page[RecordObject], FlowVersionList, ValidationReport):
        assert json.dumps(model.model_json_schema(mode="serialization"))
