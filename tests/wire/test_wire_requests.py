"""Requests: every documented shape is read, nothing of it is lost, and every mistake is named."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dashboard.wire.base import SentModel
from dashboard.wire.errors import WireError, from_validation
from dashboard.wire.requests import (
    AgentExecuteRequest,
    ApproveRequest,
    ContinueRequest,
    DispatchRequest,
    FlowDefinition,
    ResumeRequest,
    StepDefinition,
    ignored_fields,
    refuse_unknown,
)

DOCUMENTED = json.loads((Path(__file__).parent / "requests" / "sales-analysis.json").read_text())
PROMPT = {"type": "prompt", "config": {"userPrompt": "Say hello"}}
FLOW = {"name": "Tides", "steps": [PROMPT]}
AGENT = {"name": "Pilot", "model": "demo", "systemPrompt": "Be brief."}


def read(**fields: Any) -> DispatchRequest:
    return DispatchRequest.model_validate(fields)


def refusal(model: type[SentModel], payload: object) -> WireError:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(payload)
    return from_validation(caught.value)


def problems(**fields: Any) -> list[tuple[str, str]]:
    return [(detail["path"], detail["code"]) for detail in refusal(DispatchRequest, fields).details]


def nested(depth: int) -> dict[str, Any]:
    step: dict[str, Any] = dict(PROMPT)
    for _ in range(depth):
        step = {"type": "conditional", "config": {"condition": "true", "trueSteps": [step], "falseSteps": []}}
    return step


def test_the_documented_request_is_read():
    request = DispatchRequest.model_validate(DOCUMENTED)
    assert request.to_wire() == DOCUMENTED
    target = request.target()
    assert target.kind == "flow" and target.id is None and target.flow is not None
    step = target.flow.ordered_steps[0]
    assert (step.id, step.type, step.output_name) == ("analyze-sales", "prompt", "sales_analysis")
    assert (request.flow_mode, request.record_mode, request.wants_stream) == ("virtual", "virtual", True)
    assert request.append_metadata and not request.store_results


def test_a_proxy_request_for_a_stored_flow_is_read():
    request = read(
        record={"name": "Streaming Chat Widget", "type": "standalone", "metadata": {}},
        messages=[{"role": "user", "content": "Hello", "createdAt": "2026-11-20T09:00:00Z"}],
        options={
            "streamResponse": True,
            "recordMode": "virtual",
            "flowMode": "existing",
            "autoAppendMetadata": False,
        },
        flow={"id": "flow_01"},
    )
    assert request.target().id == "flow_01"
    assert (request.flow_mode, request.store_results, request.append_metadata) == ("existing", True, False)
    assert request.messages is not None and request.messages[0].text == "Hello"


def test_a_bare_widget_request_runs_the_default_flow():
    request = read(messages=[{"role": "user", "content": "Hi"}])
    assert request.target("flow_default").id == "flow_default"
    with pytest.raises(WireError) as caught:
        request.target()
    assert (caught.value.code, caught.value.status) == ("missing_target", 400)


def test_a_flow_can_be_named_at_the_top():
    request = read(flowId="flow_01")
    assert (request.target("flow_default").id, request.flow_mode, request.store_results) == (
        "flow_01",
        "existing",
        True,
    )


@pytest.mark.parametrize(
    "agent", [{"agentId": "agent_01"}, {"id": "agent_01"}, {"id": "agent_01", "agentId": "agent_01"}]
)
def test_a_stored_agent_is_named_by_either_spelling(agent: dict[str, str]):
    target = read(agent=agent).target("flow_default")
    assert (target.kind, target.id, target.agent) == ("agent", "agent_01", None)
    assert read(agent=agent).store_results


def test_an_inline_agent_comes_with_the_request():
    target = read(agent=AGENT).target()
    assert target.agent is not None and target.agent.system_prompt == "Be brief."
    assert not read(agent=AGENT).store_results


@pytest.mark.parametrize(
    "fields",
    [
        {"flow": FLOW, "agent": AGENT},
        {"flow": {"id": "flow_01"}, "flowId": "flow_01"},
        {"agent": {"agentId": "agent_01"}, "flowId": "flow_01"},
    ],
)
def test_two_targets_are_ambiguous(fields: dict[str, Any]):
    assert problems(**fields) == [("", "ambiguous_target")]


@pytest.mark.parametrize(
    "flow", [{"id": "flow_01", "steps": [PROMPT]}, {"id": "flow_01", "flowSteps": [PROMPT]}]
)
def test_a_flow_with_id_and_steps_is_ambiguous(flow: dict[str, Any]):
    assert problems(flow=flow) == [("flow", "ambiguous_target")]


@pytest.mark.parametrize("agent", [{"id": "a", "agentId": "b"}, {"agentId": "a", "systemPrompt": "Be rude."}])
def test_an_agent_that_contradicts_itself_is_ambiguous(agent: dict[str, str]):
    assert problems(agent=agent) == [("agent", "ambiguous_target")]


@pytest.mark.parametrize("bad", ["", " ", 5, {"$ne": 1}, [], "a b", "a\n", "x" * 256, True, "\x00"])
def test_an_id_is_a_text_without_spaces(bad: object):
    assert problems(flow={"id": bad}) == [("flow.id", "invalid_id")]
    assert problems(flowId=bad) == [("flowId", "invalid_id")]
    assert problems(agent={"agentId": bad}) == [("agent.agentId", "invalid_id")]


@pytest.mark.parametrize(
    ("flow", "path"),
    [({}, "flow.name"), ({"name": " ", "steps": [PROMPT]}, "flow.name"), ({"name": "Tides"}, "flow.steps")]
    + [
        ({"name": "Tides", "steps": []}, "flow.steps"),
        ({"name": "Tides", "flowSteps": []}, "flow.flowSteps"),
    ],
)
def test_an_inline_flow_needs_a_name_and_a_step(flow: dict[str, Any], path: str):
    assert problems(flow=flow) == [(path, "missing_field")]


@pytest.mark.parametrize("missing", ["name", "model", "systemPrompt"])
def test_an_inline_agent_needs_name_model_and_prompt(missing: str):
    agent = {key: value for key, value in AGENT.items() if key != missing}
    assert problems(agent=agent) == [(f"agent.{missing}", "missing_field")]


@pytest.mark.parametrize("step", [{}, {"type": ""}, {"type": 5}, {"type": "a b"}, {"type": "x" * 65}])
def test_a_step_without_a_type_cannot_run(step: dict[str, Any]):
    error = refusal(DispatchRequest, {"flow": {"name": "Tides", "steps": [PROMPT, step]}})
    assert (error.status, error.code, error.details[0]["path"]) == (
        422,
        "unknown_step_type",
        "flow.steps.1.type",
    )


@pytest.mark.parametrize("kind", ["prompt", "made-up", "Prompt", "x.y:z_1"])
def test_a_type_nobody_knows_is_accepted_here(kind: str):
    assert read(flow={"name": "Tides", "steps": [{"type": kind}]}).flow


def test_more_than_1000_steps_are_refused_nested_ones_included():
    assert read(flow={"name": "Tides", "steps": [PROMPT] * 1_000})
    error = refusal(DispatchRequest, {"flow": {"name": "Tides", "steps": [PROMPT] * 1_001}})
    assert (error.status, error.code, error.details[0]["path"]) == (422, "too_many_steps", "flow.steps")
    branch = {"type": "conditional", "config": {"trueSteps": [PROMPT] * 500, "falseSteps": [PROMPT] * 500}}
    assert (
        refusal(DispatchRequest, {"flow": {"name": "Tides", "flowSteps": [branch]}}).code == "too_many_steps"
    )


def test_conditionals_nest_ten_deep_and_no_deeper():
    assert read(flow={"name": "Tides", "steps": [nested(10)]})
    for depth in (11, 50, 300):
        error = refusal(DispatchRequest, {"flow": {"name": "Tides", "steps": [nested(depth)]}})
        assert (error.status, error.code, error.details[0]["path"]) == (
            422,
            "too_deep",
            "flow.steps.0.config",
        )


def test_a_branch_is_a_list():
    step = {"type": "conditional", "config": {"falseSteps": {"type": "prompt"}}}
    error = refusal(DispatchRequest, {"flow": {"name": "Tides", "steps": [step]}})
    assert (error.status, error.code) == (422, "invalid_type")
    assert error.details[0]["path"] == "flow.steps.0.config.falseSteps"


def test_a_mistake_inside_a_branch_is_found():
    step = {"type": "conditional", "config": {"trueSteps": [PROMPT, {"type": "prompt", "config": []}]}}
    assert problems(flow={"name": "Tides", "steps": [step]}) == [
        ("flow.steps.0.config.trueSteps.1.config", "invalid_type")
    ]


def test_two_steps_cannot_share_an_id():
    branch = {"type": "conditional", "config": {"trueSteps": [{"id": "a", "type": "prompt"}]}}
    error = refusal(DispatchRequest, {"flow": {"name": "Tides", "steps": [{"id": "a", "type": "x"}, branch]}})
    assert (error.status, error.code) == (422, "duplicate_step_id")
    assert error.details[0]["path"] == "flow.steps.1.config.trueSteps.0.id"


def test_steps_run_by_order_when_all_have_one_and_as_listed_otherwise():
    def names(*steps: dict[str, Any]) -> list[str | None]:
        return [step.name for step in FlowDefinition.model_validate({"steps": list(steps)}).ordered_steps]

    first, second = {"type": "x", "name": "first", "order": 1}, {"type": "x", "name": "second", "order": 2}
    assert names(second, first) == ["first", "second"]
    assert names(second, {"type": "x", "name": "free"}, first) == ["second", "free", "first"]


def test_steps_may_be_called_flow_steps():
    assert read(flow={"name": "Tides", "flowSteps": [PROMPT]}).target().flow.ordered_steps[0].type == "prompt"


def test_the_fields_of_a_step_may_stand_beside_or_inside_its_config():
    outside = StepDefinition.model_validate({"type": "x", "when": "a > 1", "outputVariable": "v"})
    inside = StepDefinition.model_validate({"type": "x", "config": {"when": "a > 1", "outputVariable": "v"}})
    for step in (outside, inside):
        assert (step.condition, step.output_name, step.enabled) == ("a > 1", "v", True)


def test_the_branches_of_a_conditional_can_be_walked():
    step = StepDefinition.model_validate(nested(2))
    inner = step.branch("trueSteps")[0]
    assert inner.type == "conditional"
    assert inner.branch("trueSteps")[0].type == "prompt"
    assert step.branch("falseSteps") == []


@pytest.mark.parametrize(
    ("message", "path", "code"),
    [
        ({"content": "x"}, "messages.0.role", "invalid_role"),
        ({"role": None, "content": "x"}, "messages.0.role", "invalid_role"),
        ({"role": "admin", "content": "x"}, "messages.0.role", "invalid_role"),
        ({"role": "tool", "content": "x"}, "messages.0.role", "invalid_role"),
        ({"role": "System", "content": "x"}, "messages.0.role", "invalid_role"),
        ({"role": "", "content": "x"}, "messages.0.role", "invalid_role"),
        ({"role": ["user"], "content": "x"}, "messages.0.role", "invalid_role"),
        ({"role": "user"}, "messages.0.content", "missing_field"),
        ({"role": "user", "content": 5}, "messages.0.content", "invalid_content"),
        ({"role": "user", "content": None}, "messages.0.content", "invalid_content"),
        ("hello", "messages.0", "invalid_type"),
    ],
)
def test_a_message_has_a_role_and_content(message: object, path: str, code: str):
    assert problems(messages=[message]) == [(path, code)]


PIXEL = "iVBORw0KGgo="


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "text": ""},
        {"type": "image", "image": f"data:image/png;base64,{PIXEL}", "mimeType": "image/png"},
        {"type": "image", "image": "https://pictures.example/a.png"},
        {"type": "image", "image": PIXEL, "mimeType": "image/png"},
        {"type": "file", "data": PIXEL, "filename": "a.pdf", "mimeType": "application/pdf"},
        {"type": "file", "data": f"data:application/pdf;base64,{PIXEL}"},
        {"type": "reasoning", "text": "Hm.", "providerOptions": {"x": None}},
        {"type": "text", "text": "kept", "unknown": {"field": None}},
    ],
)
def test_a_content_part_is_read_and_kept(part: dict[str, Any]):
    payload = {"messages": [{"role": "user", "content": [part]}]}
    assert DispatchRequest.model_validate(payload).to_wire() == payload


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"type": "tool-call", "toolCallId": "call_1"},
        {"type": ["text"]},
        {"type": "text"},
        {"type": "text", "text": 5},
        {"type": "image", "image": "file:///etc/passwd"},
        {"type": "image", "image": "javascript:alert(1)"},
        {"type": "image", "image": "http://"},
        {"type": "image", "image": "http://[", "mimeType": "image/png"},
        {"type": "image", "image": PIXEL},
        {"type": "image", "image": PIXEL, "mimeType": "text/html"},
        {"type": "image", "image": f"data:text/html;base64,{PIXEL}", "mimeType": "image/png"},
        {"type": "image", "image": "data:image/svg+xml,<svg/>"},
        {"type": "image", "image": "data:image/png;base64,!!!!"},
        {"type": "image", "image": "data:image/png;base64,"},
        {"type": "file", "data": "not base64"},
        {"type": "file", "data": PIXEL, "mimeType": "pdf"},
        {"type": "file", "data": PIXEL, "filename": "a\nb"},
        "text",
        None,
    ],
)
def test_a_content_part_that_cannot_be_read_is_refused_at_its_place(part: object):
    found = problems(messages=[{"role": "user", "content": [{"type": "text", "text": "fine"}, part]}])
    assert {code for _, code in found} == {"invalid_content"}
    assert all(path.startswith("messages.0.content.1") for path, _ in found)


def test_the_text_of_a_message_leaves_out_what_is_no_text():
    parts = [{"type": "text", "text": "a"}, {"type": "reasoning", "text": "b"}, {"type": "text", "text": "c"}]
    [message] = read(messages=[{"role": "user", "content": parts}]).messages or []
    assert message.text == "a\nc"
    assert len(message.parts) == 3


def test_a_thousand_messages_pass_and_one_more_does_not():
    messages = [{"role": "user", "content": "x"}] * 1_001
    assert read(messages=messages[1:])
    assert problems(messages=messages) == [("messages", "too_many_messages")]


def test_a_pending_tool_call_in_a_message_stays_an_unknown_field():
    message = {"role": "assistant", "content": "", "toolCalls": [{"id": "call_1", "name": "refund"}]}
    request = read(messages=[message])
    assert [part.text for part in (request.messages or [])[0].parts] == [""]
    assert request.to_wire() == {"messages": [message]}


@pytest.mark.parametrize(
    "name", ["a.b", "_agent", "secret:X", "x" * 300, "", " a", "secrets", "messages", "a}b", "a\n"]
)
def test_an_input_name_that_could_be_mistaken_is_refused(name: str):
    assert problems(inputs={name: 1}) == [("inputs", "invalid_input_name")]
    assert problems(variables={name: 1}) == [("variables", "invalid_input_name")]


@pytest.mark.parametrize(
    "name", ["topic", "user_message", "Kundennummer", "größe", "line-2", "$where", "constructor"]
)
def test_an_ordinary_input_name_passes(name: str):
    assert read(inputs={name: {"__proto__": 1, "_x.y": 2}}).merged_inputs == {
        name: {"__proto__": 1, "_x.y": 2}
    }


def test_an_input_cannot_take_the_name_of_a_step():
    flow = {"name": "Tides", "steps": [{**PROMPT, "name": "verdict"}]}
    assert problems(flow=flow, inputs={"verdict": 1}) == [("inputs", "invalid_input_name")]


def test_inputs_win_over_variables():
    assert read(inputs={"a": 1}, variables={"a": 2, "b": 3}).merged_inputs == {"a": 1, "b": 3}


@pytest.mark.parametrize(("field", "value"), [("flowMode", "x"), ("recordMode", "VIRTUAL"), ("flowMode", 1)])
def test_an_unknown_option_value_is_refused(field: str, value: object):
    assert problems(options={field: value}) == [(f"options.{field}", "invalid_option")]


@pytest.mark.parametrize(
    ("mode", "flow"), [("existing", FLOW), ("create", {"id": "flow_01"}), ("upsert", {"id": "flow_01"})]
)
def test_a_flow_mode_that_does_not_fit_the_flow_is_refused(mode: str, flow: dict[str, Any]):
    assert problems(flow=flow, options={"flowMode": mode}) == [("options.flowMode", "invalid_option")]


@pytest.mark.parametrize("value", ["true", 1, 0, "no"])
def test_a_switch_is_true_or_false(value: object):
    assert problems(options={"streamResponse": value}) == [("options.streamResponse", "invalid_type")]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"streamResponse": False}, False),
        ({"options": {"streamResponse": False}}, False),
        ({"options": {"streamResponse": True}, "streamResponse": False}, True),
        ({"options": {"streamResponse": None}, "streamResponse": False}, False),
        ({"options": {}}, True),
    ],
)
def test_an_answer_streams_unless_it_is_told_not_to(fields: dict[str, Any], expected: bool):
    assert read(**fields).wants_stream is expected


@pytest.mark.parametrize("metadata", [[], "x", 5])
def test_record_metadata_is_an_object(metadata: object):
    assert problems(record={"metadata": metadata}) == [("record.metadata", "invalid_type")]


def test_record_metadata_has_a_size():
    assert problems(record={"metadata": {"a": "x" * 600_000}}) == [("record.metadata", "too_large")]


def test_a_record_has_a_name_and_type_of_some_length():
    assert problems(record={"name": "", "type": "x" * 256}) == [
        ("record.name", "too_short"),
        ("record.type", "too_long"),
    ]


@pytest.mark.parametrize("timeout", [0, -1, 1.5, "10", 1e12, True, float("nan"), 2**63])
def test_an_approval_timeout_is_a_number_of_milliseconds_up_to_30_days(timeout: object):
    tools = {"approval": {"require": True, "timeout": timeout}}
    step = {"type": "prompt", "config": {"tools": tools}}
    assert problems(agent={**AGENT, "tools": tools}) == [("agent.tools.approval.timeout", "out_of_range")]
    assert problems(flow={"name": "Tides", "steps": [step]}) == [
        ("flow.steps.0.config.tools.approval.timeout", "out_of_range")
    ]


def test_the_settings_of_an_agent_have_ranges():
    agent = {**AGENT, "temperature": 3, "topP": -0.1, "maxTurns": 101, "loopConfig": {"maxTurns": 0}}
    assert problems(agent=agent) == [
        (f"agent.{field}", "out_of_range")
        for field in ("temperature", "topP", "maxTurns", "loopConfig.maxTurns")
    ]
    assert read(agent={**AGENT, "temperature": 0, "maxTurns": 100, "loopConfig": {"maxCost": 0.5}})


SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}}


def test_a_client_tool_is_read():
    tool = {"name": "find_goods", "description": "Looks", "parametersSchema": SCHEMA, "origin": "webmcp"}
    request = read(clientTools=[tool, {"name": "ping", "description": ""}])
    schemas = [tool.schema_or_empty for tool in request.client_tools or []]
    assert schemas == [SCHEMA, {"type": "object", "properties": {}}]
    assert len(request.admitted_client_tools) == 2


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"origin": "server"}, "origin", "invalid_option"),
        ({"name": ""}, "name", "invalid_tool_name"),
        ({"name": "a b"}, "name", "invalid_tool_name"),
        ({"name": None}, "name", "invalid_tool_name"),
        ({"description": None}, "description", "invalid_type"),
        ({"parametersSchema": []}, "parametersSchema", "invalid_schema"),
        ({"parametersSchema": {}}, "parametersSchema", "invalid_schema"),
        ({"parametersSchema": {"type": "array"}}, "parametersSchema", "invalid_schema"),
        ({"parametersSchema": {"type": "object", "x": "y" * 70_000}}, "parametersSchema", "invalid_schema"),
    ],
)
def test_a_client_tool_with_a_mistake_is_refused(change: dict[str, Any], path: str, code: str):
    tool = {"name": "find_goods", "description": "Looks", **change}
    assert problems(clientTools=[tool]) == [(f"clientTools.0.{path}", code)]


@pytest.mark.parametrize(
    "inner",
    [
        {"$ref": "#"},
        {"$ref": "https://schemas.example/a.json"},
        {"$ref": "other.json#/a"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#/$defs/loop"},
        {"items": [{"$ref": "#/$defs/first"}]},
        {"$dynamicRef": "#node"},
    ],
)
def test_a_schema_that_leaves_itself_or_goes_in_circles_is_refused(inner: dict[str, Any]):
    definitions = {
        "loop": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/loop"}]},
        "first": {"properties": {"x": {"$ref": "#/$defs/second"}}},
        "second": {"properties": {"y": {"$ref": "#/$defs/first"}}},
    }
    schema = {"type": "object", "properties": {"q": inner}, "$defs": definitions}
    found = problems(clientTools=[{"name": "t", "description": "", "parametersSchema": schema}])
    assert found == [("clientTools.0.parametersSchema", "invalid_schema")]
    tools = {"runtimeTools": [{"name": "t", "parametersSchema": schema}]}
    assert problems(agent={**AGENT, "tools": tools}) == [
        ("agent.tools.runtimeTools.0.parametersSchema", "invalid_schema")
    ]


def test_a_schema_may_refer_to_its_own_parts_and_hold_ref_as_data():
    schema = {
        "type": "object",
        "properties": {
            "a": {"$ref": "#/$defs/p~1q"},
            "b": {"$ref": "#/$defs/p~1q"},
            "$ref": {"type": "string"},
        },
        "default": {"$ref": "https://data.example"},
        "$defs": {
            "p/q": {"type": "object", "properties": {"c": {"$ref": "#/$defs/list/0"}}},
            "list": [{"type": "null"}],
        },
    }
    assert read(clientTools=[{"name": "t", "description": "", "parametersSchema": schema}])


def test_two_client_tools_cannot_share_a_name():
    tool = {"name": "t", "description": ""}
    assert problems(clientTools=[tool, tool]) == [("clientTools.1.name", "duplicate_tool")]


@pytest.mark.parametrize(
    ("allowlist", "admitted"),
    [(None, ["find_a", "find_b", "lib"]), ([], ["lib"]), (["*"], ["find_a", "find_b", "lib"])]
    + [(["find_a"], ["find_a", "lib"]), (["find_*"], ["find_a", "find_b", "lib"]), (["fin"], ["lib"])],
)
def test_the_callers_policy_narrows_the_tools_of_the_page_only(
    allowlist: list[str] | None, admitted: list[str]
):
    tools = [{"name": name, "description": "", "origin": "webmcp"} for name in ("find_a", "find_b")]
    tools.append({"name": "lib", "description": "", "origin": "sdk"})
    policy = {} if allowlist is None else {"allowlist": allowlist}
    request = read(clientTools=tools, clientToolsPolicy=policy)
    assert [tool.name for tool in request.admitted_client_tools] == admitted


@pytest.mark.parametrize("pattern", ["", "a*b", "**", "*a", 5, "a b"])
def test_an_allowlist_holds_names_and_trailing_wildcards(pattern: object):
    assert problems(clientToolsPolicy={"allowlist": [pattern]}) == [
        ("clientToolsPolicy.allowlist.0", "invalid_option")
    ]


@pytest.mark.parametrize(
    ("secrets", "code"),
    [({"a": 5}, "invalid_type"), ([], "invalid_type"), ({"a.b": "x"}, "invalid_secret_name")],
)
def test_secrets_map_names_to_texts(secrets: object, code: str):
    assert problems(secrets=secrets) == [("secrets", code)]


def test_secrets_are_neither_shown_nor_stored():
    request = read(secrets={"key": "hush-hush"}, inputs={"a": 1})
    assert "hush-hush" not in repr(request) and "hush-hush" not in str(request)
    assert request.storable() == {"inputs": {"a": 1}}
    assert request.to_wire()["secrets"] == {"key": "hush-hush"}


def test_unknown_fields_are_kept_named_and_can_be_refused():
    request = read(flowId="flow_01", strem="x", **{"weird\n<name>é": 1})
    assert ignored_fields(request) == ["strem", "weird\\ufffd\\ufffdname\\ufffd\\xe9"]
    with pytest.raises(WireError) as caught:
        refuse_unknown(read(flwo={}, zzzz=1))
    assert [(d["path"], d["code"]) for d in caught.value.details] == [
        ("flwo", "unknown_field"),
        ("zzzz", "unknown_field"),
    ]
    assert "did you mean flow" in caught.value.details[0]["message"]
    refuse_unknown(read(flowId="flow_01"))


def test_a_request_that_names_the_agent_in_the_address_needs_no_target():
    request = AgentExecuteRequest.model_validate(
        {"messages": [{"role": "user", "content": "Hi"}], "streamResponse": False}
    )
    assert not request.wants_stream


APPROVE = {"executionId": "exec_1", "approvalId": "appr_1", "decision": "approved"}


def test_a_decision_is_read():
    request = ApproveRequest.model_validate(
        {**APPROVE, "reason": "fine", "remember": True, "parameters": {"x": 1}}
    )
    assert (request.decision, request.reason, request.wants_stream) == ("approved", "fine", True)
    assert ignored_fields(request) == ["parameters"]


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"decision": "maybe"}, "decision", "invalid_decision"),
        ({"decision": True}, "decision", "invalid_decision"),
        ({"decision": "timeout"}, "decision", "invalid_decision"),
        ({"executionId": ""}, "executionId", "invalid_id"),
        ({"approvalId": 5}, "approvalId", "invalid_id"),
        ({"reason": "x" * 4_001}, "reason", "too_long"),
    ],
)
def test_a_decision_with_a_mistake_is_refused(change: dict[str, Any], path: str, code: str):
    assert [(d["path"], d["code"]) for d in refusal(ApproveRequest, {**APPROVE, **change}).details] == [
        (path, code)
    ]


@pytest.mark.parametrize("missing", list(APPROVE))
def test_every_part_of_a_decision_is_required(missing: str):
    payload = {key: value for key, value in APPROVE.items() if key != missing}
    assert refusal(ApproveRequest, payload).status == 400


def test_tool_outputs_may_be_anything_and_may_be_absent():
    outputs = {"call_1": "A", "ask_user_question": {"q": ["a"]}, "call_2": None}
    assert ResumeRequest.model_validate({"executionId": "e", "toolOutputs": outputs}).tool_outputs == outputs
    assert ResumeRequest.model_validate({"executionId": "e"}).tool_outputs == {}
    assert (
        refusal(ResumeRequest, {"executionId": "e", "toolOutputs": []}).details[0]["code"] == "invalid_type"
    )


OUTPUTS = {"toolOutputs": {"call_1": "x"}}
DECISION = {"approvalId": "appr_1", "decision": "denied", "reason": "no"}


@pytest.mark.parametrize(
    "continuation",
    [
        OUTPUTS,
        {"type": "toolOutputs", **OUTPUTS},
        {"kind": "tool-output", **OUTPUTS},
        {"type": "tool_output", **OUTPUTS},
    ]
    + [{"type": "tool-outputs", **OUTPUTS}, {"type": "something", **OUTPUTS}],
)
def test_a_continuation_with_outputs_is_a_resume(continuation: dict[str, Any]):
    request = ContinueRequest.model_validate(
        {"executionId": "exec_1", "continuation": continuation}
    ).normalised()
    assert isinstance(request, ResumeRequest)
    assert (request.execution_id, request.tool_outputs, request.wants_stream) == (
        "exec_1",
        {"call_1": "x"},
        True,
    )


@pytest.mark.parametrize(
    "continuation", [DECISION, {"type": "approval", **DECISION}, {"kind": "approval", **DECISION}]
)
def test_a_continuation_with_a_decision_is_an_approve(continuation: dict[str, Any]):
    payload = {"executionId": "exec_1", "continuation": continuation, "streamResponse": False}
    request = ContinueRequest.model_validate(payload).normalised()
    assert isinstance(request, ApproveRequest)
    assert (request.execution_id, request.decision, request.reason, request.wants_stream) == (
        "exec_1",
        "denied",
        "no",
        False,
    )


@pytest.mark.parametrize(
    ("continuation", "path", "code"),
    [
        ({}, "continuation", "invalid_continuation"),
        ({"type": "else"}, "continuation", "invalid_continuation"),
        ({**OUTPUTS, **DECISION}, "continuation", "ambiguous_target"),
        ({"type": "approval"}, "continuation.approvalId", "missing_field"),
        ({"decision": "yes", "approvalId": "a"}, "continuation.decision", "invalid_decision"),
        ({"toolOutputs": 5}, "continuation.toolOutputs", "invalid_type"),
    ],
)
def test_a_continuation_that_is_neither_is_refused(continuation: dict[str, Any], path: str, code: str):
    with pytest.raises(WireError) as caught:
        ContinueRequest.model_validate({"executionId": "e", "continuation": continuation}).normalised()
    assert caught.value.status == 400
    detail = caught.value.details[0]
    assert (detail["path"], detail["code"]) == (path, code)


def test_the_execution_of_a_continuation_cannot_be_smuggled_in():
    payload = {"executionId": "exec_1", "continuation": {**DECISION, "executionId": "exec_other"}}
    assert ContinueRequest.model_validate(payload).normalised().execution_id == "exec_1"


def test_the_models_describe_themselves_for_the_api_document():
    schema = json.dumps(DispatchRequest.model_json_schema())
    for name in ("flowId", "clientToolsPolicy", "systemPrompt", "outputVariable"):
        assert f'"{name}"' in schema


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
free = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
free_objects = st.dictionaries(texts, free, max_size=3)
strange_keys = st.sampled_from(
    ["__class__", "__proto__", "model_dump", "to_wire", "layout", "x", "parts", "text", "é "]
)
extras = st.dictionaries(strange_keys, free, max_size=2)
id_texts = st.from_regex(r"[a-z]{1,6}_[0-9a-z]{1,8}", fullmatch=True)
switch = st.none() | st.booleans()
maybe_text = st.none() | texts


def objects(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    known = st.fixed_dictionaries(required, optional=optional)
    return st.tuples(extras, known).map(lambda pair: {**pair[0], **pair[1]})


steps = objects(
    {"type": st.sampled_from(["prompt", "fetch-url", "made-up"])},
    {
        "name": maybe_text.map(lambda name: name and f"step {name}"),
        "order": st.none() | st.integers(0, 9) | st.just(1.0),
        "enabled": switch,
        "when": st.none() | texts | st.booleans(),
        "config": st.dictionaries(texts.map("c_{}".format), free, max_size=3),
        "outputVariable": maybe_text,
        "streamOutput": switch,
        "errorHandling": st.none() | st.just("continue") | free_objects,
        "defaultValue": free,
    },
)
messages = st.lists(
    objects(
        {
            "role": st.sampled_from(["user", "assistant", "system"]),
            "content": texts
            | st.lists(objects({"type": st.just("text")}, {}).map(lambda o: {**o, "text": "x"}), max_size=2),
        },
        {"id": texts, "createdAt": texts},
    ),
    max_size=3,
)
flows = objects(
    {"name": st.just("Tides"), "steps": st.lists(steps, min_size=1, max_size=3)}, {"description": maybe_text}
)
targets = st.one_of(
    flows.map(lambda flow: {"flow": flow}),
    id_texts.map(lambda flow_id: {"flow": {"id": flow_id}}),
    id_texts.map(lambda flow_id: {"flowId": flow_id, "agent": None}),
    id_texts.map(lambda agent_id: {"agent": {"agentId": agent_id}}),
    extras.map(lambda extra: {"agent": {**AGENT, **extra, "tools": None}}),
    st.just({}),
)
dispatches = st.tuples(
    objects(
        {},
        {
            "record": objects(
                {}, {"name": st.just("Q4"), "type": st.just("report"), "metadata": free_objects}
            ),
            "messages": messages,
            "inputs": st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), free, max_size=3),
            "context": st.none() | free_objects,
            "metadata": free_objects,
            "clientTools": st.just(
                [{"name": "t", "description": "", "parametersSchema": SCHEMA, "annotations": None}]
            ),
            "secrets": st.dictionaries(st.just("KEY"), texts),
            "conversationId": id_texts,
            "options": objects(
                {}, {"streamResponse": switch, "recordMode": st.just("virtual"), "debugMode": switch}
            ),
            "streamResponse": switch,
        },
    ),
    targets,
).map(lambda pair: {**pair[0], **pair[1]})


@given(payload=dispatches)
def test_importing_any_valid_request_and_exporting_it_changes_nothing(payload: dict[str, Any]):
    text = json.dumps(payload)
    assert json.dumps(
        DispatchRequest.model_validate(json.loads(text)).to_wire(), sort_keys=True
    ) == json.dumps(json.loads(text), sort_keys=True)


@given(
    payload=free
    | st.dictionaries(st.sampled_from(["flow", "agent", "messages", "inputs", "options", "record"]), free)
)
def test_any_json_is_read_or_refused_in_words(payload: Any):
    try:
        DispatchRequest.model_validate(payload)
    except ValidationError as exc:
        error = from_validation(exc)
        assert error.status in (400, 422)
        assert error.details and all(detail["message"] and detail["code"] for detail in error.details)
