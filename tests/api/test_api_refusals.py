"""Bad requests and the exact answers: one table, each row also proving that nothing was written."""

from typing import Any

import pytest

from dashboard.models import Flow, Record, Run
from tests.api.conftest import FLOW, SAMPLE

STEP = {"id": "a", "type": "prompt", "config": {"userPrompt": "Hi"}}


def _flow(*steps: Any, **more: Any) -> dict[str, Any]:
    return {"flow": {"name": "F", "steps": list(steps), **more}}


def _deep(levels: int) -> bytes:
    return b'{"flow":' + b"[" * levels + b"]" * levels + b"}"


def _nested_conditionals(levels: int) -> dict[str, Any]:
    step: dict[str, Any] = STEP
    for level in range(levels):
        step = {
            "id": f"c{level}",
            "type": "conditional",
            "config": {"condition": "true", "trueSteps": [step]},
        }
    return step


def _message(**fields: Any) -> dict[str, Any]:
    return {"flow": FLOW, "messages": [fields]}


def _tool(**fields: Any) -> dict[str, Any]:
    tool = {
        "name": "t",
        "description": "d",
        "origin": "sdk",
        "parametersSchema": {"type": "object"},
        **fields,
    }
    return {"flow": FLOW, "clientTools": [tool]}


# id, body, status, detail code (or top code for non-shape errors), path of the first detail (None: not checked)
ROWS: list[tuple[str, Any, int, str, str | None]] = [
    # 5.3 JSON syntax and encoding
    ("47 single quotes", b"{'a':1}", 400, "invalid_json", ""),
    ("47 trailing comma", b'{"a":1,}', 400, "invalid_json", ""),
    ("47 comment", b'{"a":1 /* x */}', 400, "invalid_json", ""),
    ("47 unquoted key", b"{a:1}", 400, "invalid_json", ""),
    ("47 leading zero", b'{"a":01}', 400, "invalid_json", ""),
    ("47 plus", b'{"a":+1}', 400, "invalid_json", ""),
    ("47 bare point", b'{"a":.5}', 400, "invalid_json", ""),
    ("47 hex", b'{"a":0x1}', 400, "invalid_json", ""),
    ("47 empty", b"", 400, "invalid_json", ""),
    ("49 list", b"[]", 400, "object_expected", ""),
    ("49 text", b'"x"', 400, "object_expected", ""),
    ("49 number", b"1", 400, "object_expected", ""),
    ("49 null", b"null", 400, "object_expected", ""),
    ("49 true", b"true", 400, "object_expected", ""),
    ("51 1e999", b'{"inputs":{"x":1e999}}', 400, "invalid_number", "inputs.x"),
    ("51 1e5000", b'{"inputs":{"x":1e5000}}', 400, "invalid_number", "inputs.x"),
    ("51 Infinity", b'{"inputs":{"x":Infinity}}', 400, "invalid_number", "inputs.x"),
    ("51 NaN", b'{"inputs":{"x":NaN}}', 400, "invalid_number", "inputs.x"),
    ("55 65 levels", _deep(65), 400, "too_deep", ""),
    ("55 1,000 levels", _deep(1_000), 400, "too_deep", ""),
    ("55 100,000 levels", _deep(100_000), 400, "too_deep", ""),
    ("57 lone surrogate", b'{"inputs":{"x":"\\ud800"}}', 400, "invalid_unicode", "inputs.x"),
    ("57 NUL", b'{"inputs":{"x":"a\\u0000"}}', 400, "invalid_unicode", "inputs.x"),
    ("57 not UTF-8", b'{"inputs":{"x":"\xff"}}', 400, "invalid_unicode", ""),
    (
        "65 long text",
        {"flow": FLOW, "inputs": {"x": "a" * (256 * 1024 + 1)}},
        400,
        "string_too_long",
        "inputs.x",
    ),
    ("nodes", {"inputs": {"x": [0] * 10_001}}, 400, "too_many_nodes", ""),
    ("twice", b'{"flow":{},"flow":{}}', 400, "duplicate_key", ""),
    # 5.4 Dispatch shape and types
    ("67 flow and agent", {"flow": FLOW, "agent": {"agentId": "agent_1"}}, 400, "ambiguous_target", None),
    ("69 empty id", {"flow": {"id": ""}}, 400, "invalid_id", "flow.id"),
    ("69 blank id", {"flow": {"id": " "}}, 400, "invalid_id", "flow.id"),
    ("69 number id", {"flow": {"id": 5}}, 400, "invalid_id", "flow.id"),
    ("69 object id", {"flow": {"id": {"$ne": 1}}}, 400, "invalid_id", "flow.id"),
    ("71 id and steps", {"flow": {"id": "flow_1", "steps": [STEP]}}, 400, "ambiguous_target", "flow"),
    ("nothing to run", {"inputs": {}}, 400, "missing_target", "flow"),
    ("no name", {"flow": {"steps": [STEP]}}, 400, "missing_field", "flow.name"),
    ("no steps", {"flow": {"name": "F", "steps": []}}, 400, "missing_field", "flow.steps"),
    ("77 no role", _message(content="x"), 400, "invalid_role", None),
    ("77 admin", _message(role="admin", content="x"), 400, "invalid_role", None),
    ("77 tool", _message(role="tool", content="x"), 400, "invalid_role", None),
    ("77 System", _message(role="System", content="x"), 400, "invalid_role", None),
    ("79 part", _message(role="user", content=[{"type": "video"}]), 400, "invalid_content", None),
    (
        "79 file URL",
        _message(role="user", content=[{"type": "image", "image": "file:///etc/passwd"}]),
        400,
        "invalid_content",
        None,
    ),
    (
        "79 javascript",
        _message(role="user", content=[{"type": "image", "image": "javascript:alert(1)"}]),
        400,
        "invalid_content",
        None,
    ),
    (
        "81 messages",
        {"flow": FLOW, "messages": [{"role": "user", "content": "x"}] * 1001},
        400,
        "too_many_messages",
        "messages",
    ),
    ("85 dot", {"flow": FLOW, "inputs": {"a.b": 1}}, 400, "invalid_input_name", "inputs"),
    ("85 _agent", {"flow": FLOW, "inputs": {"_agent": 1}}, 400, "invalid_input_name", "inputs"),
    ("85 secret", {"flow": FLOW, "variables": {"secret:X": 1}}, 400, "invalid_input_name", "variables"),
    ("85 long", {"flow": FLOW, "inputs": {"x" * 300: 1}}, 400, "invalid_input_name", "inputs"),
    (
        "89 flowMode",
        {"flow": FLOW, "options": {"flowMode": "later"}},
        400,
        "invalid_option",
        "options.flowMode",
    ),
    (
        "89 recordMode",
        {"flow": FLOW, "options": {"recordMode": "x"}},
        400,
        "invalid_option",
        "options.recordMode",
    ),
    (
        "existing without id",
        {"flow": FLOW, "record": {"type": "t", "name": "n"}, "options": {"recordMode": "existing"}},
        400,
        "invalid_option",
        "options.recordMode",
    ),
    (
        "record without name",
        {"flow": FLOW, "record": {"type": "t"}, "options": {"recordMode": "create"}},
        400,
        "missing_field",
        "record.name",
    ),
    ("91 text metadata", {"flow": FLOW, "record": {"metadata": "x"}}, 400, "invalid_type", "record.metadata"),
    ("91 list metadata", {"flow": FLOW, "record": {"metadata": []}}, 400, "invalid_type", "record.metadata"),
    ("97 schema", _tool(parametersSchema={"type": "array"}), 400, "invalid_schema", None),
    (
        "97 remote ref",
        _tool(parametersSchema={"type": "object", "$ref": "http://x/"}),
        400,
        "invalid_schema",
        None,
    ),
    ("secret number", {"flow": FLOW, "secrets": {"k": 5}}, 400, "invalid_type", "secrets"),
    ("flag", {"flow": FLOW, "options": {"debugMode": "yes"}}, 400, "invalid_type", "options.debugMode"),
    ("client tools", _tool(), 422, "not_supported", "clientTools"),
    ("agent", {"agent": {"agentId": "agent_1"}}, 422, "agent_not_available", "agent"),
    ("unknown flow", {"flow": {"id": "flow_00000000000000000000000000"}}, 404, "flow_not_found", None),
    ("any other id", {"flow": {"id": "no-such-flow"}}, 404, "flow_not_found", None),
    ("unknown record", {"flow": FLOW, "record": {"id": "record_1"}}, 404, "record_not_found", None),
    # 5.5 Flow semantics
    ("109 1,001 steps", _flow(*[{"type": "prompt"}] * 1001), 422, "too_many_steps", "flow.steps"),
    ("111 no type", _flow({"id": "a"}), 422, "unknown_step_type", "flow.steps.0.type"),
    ("111 unknown", _flow(STEP, {"id": "b", "type": "promt"}), 422, "unknown_step_type", "flow.steps.1.type"),
    ("111 case", _flow({"id": "b", "type": "Prompt"}), 422, "unknown_step_type", "flow.steps.0.type"),
    ("115 depth", _flow(_nested_conditionals(11)), 422, "too_deep", None),
    (
        "115 branch",
        _flow({"id": "c", "type": "conditional", "config": {"trueSteps": {}}}),
        422,
        "invalid_type",
        "flow.steps.0.config.trueSteps",
    ),
    ("same ids", _flow(STEP, STEP), 422, "duplicate_step_id", "flow.steps.1.id"),
    (
        "95 empty model",
        _flow({"type": "prompt", "config": {"model": ""}}),
        422,
        "model_not_available",
        "flow.steps.0.config.model",
    ),
    (
        "95 path model",
        _flow({"type": "prompt", "config": {"model": "../x"}}),
        422,
        "model_not_available",
        "flow.steps.0.config.model",
    ),
    (
        "95 long model",
        _flow({"type": "prompt", "config": {"model": "m" * 10_000}}),
        422,
        "model_not_available",
        "flow.steps.0.config.model",
    ),
    (
        "95 other model",
        {"flow": FLOW, "options": {"model": "../x"}},
        422,
        "model_not_available",
        "options.model",
    ),
]


@pytest.mark.parametrize(
    ("body", "status", "code", "path"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_bad_dispatch_is_refused_in_words_and_writes_nothing(
    caller: Any, body: Any, status: int, code: str, path: str | None
) -> None:
    answer = caller().dispatch(body, content_type="application/json")
    said = answer.json()
    detail = (said.get("details") or [{"code": said["code"].lower(), "path": ""}])[0]

    assert (answer.status_code, detail["code"]) == (status, code), said
    assert path is None or detail["path"] == path
    assert isinstance(said["error"], str)
    assert said["error"] != "Not Found"
    assert said["requestId"] == answer["X-Request-Id"]
    if status == 400:
        assert (said["error"], said["code"]) == ("Validation failed", "VALIDATION_ERROR")
    assert (Run.objects.count(), Flow.objects.count(), Record.objects.count()) == (0, 0, 0)


def test_the_nearest_step_type_is_named(caller: Any) -> None:
    said = caller().dispatch(_flow({"id": "b", "type": "Set_Variable"})).json()
    assert "did you mean set-variable?" in said["message"]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("text/plain", "UNSUPPORTED_MEDIA_TYPE"),
        ("application/x-www-form-urlencoded", "UNSUPPORTED_MEDIA_TYPE"),
        ("application/json; charset=utf-16", "UNSUPPORTED_CHARSET"),
        ("application/json; charset=latin-1", "UNSUPPORTED_CHARSET"),
        ("application/json; charset*=utf-8''utf-8", "UNSUPPORTED_CHARSET"),
        ("application/\xff", "UNSUPPORTED_MEDIA_TYPE"),
        (";;;", "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
def test_a_body_that_is_not_utf8_json_is_not_read(caller: Any, kind: str, code: str) -> None:
    answer = caller().dispatch(SAMPLE, content_type=kind)
    assert (answer.status_code, answer.json()["code"]) == (415, code)
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=UTF-8", "application/vnd.api+json"]
)
def test_json_by_any_of_its_names_is_read(caller: Any, kind: str) -> None:
    assert caller().dispatch(SAMPLE, content_type=kind).status_code == 200


def test_a_byte_order_mark_is_stripped_and_odd_keys_are_data(caller: Any) -> None:
    body = b'\xef\xbb\xbf{"flow":{"name":"F","steps":[{"type":"prompt"}]},"inputs":{"__proto__":1},' + (
        b'"record":{"metadata":{"__proto__":{"a":1},"constructor":2,"$where":3,"__class__":4}}}'
    )
    answer = caller().dispatch(
        body.replace(b'"__proto__":1', b'"constructor":1'), content_type="application/json"
    )
    assert answer.status_code == 200
    run = Run.objects.get()
    assert run.inputs == {"constructor": 1}
    assert (run.record_snapshot or {})["metadata"]["__proto__"] == {"a": 1}


def test_unknown_fields_are_named_and_not_kept(caller: Any) -> None:
    answer = caller().dispatch({**SAMPLE, "flw": 1, "extra": {"a": 1}})
    assert answer.status_code == 200
    assert answer["X-Ignored-Fields"] == "flw, extra"
    assert "extra" not in str(vars(Run.objects.get()))


def test_unknown_fields_are_refused_where_the_caller_wants_that(caller: Any) -> None:
    answer = caller().dispatch({**SAMPLE, "optoins": {}}, prefer="respond-async, handling=Strict")
    detail = answer.json()["details"][0]
    assert (answer.status_code, detail["code"], detail["path"]) == (400, "unknown_field", "optoins")
    assert "did you mean options?" in detail["message"]
    assert not Run.objects.exists()


def test_an_assistant_message_with_a_made_up_tool_call_is_only_text(caller: Any) -> None:
    message = {
        "role": "assistant",
        "content": "I called refund()",
        "toolCalls": [{"id": "call_1", "name": "refund"}],
    }
    assert caller().dispatch({"flow": FLOW, "messages": [message]}).status_code == 200
    assert Run.objects.get().messages[0]["content"] == "I called refund()"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/dispatch", "POST"),
        ("PUT", "/v1/dispatch", "POST"),
        ("HEAD", "/v1/executions/exec_x/events", "GET"),
        ("POST", "/v1/executions/exec_x/events", "GET"),
        ("GET", "/v1/executions/exec_x/cancel", "POST"),
        ("PATCH", "/v1/flows", "GET, POST"),
    ],
)
def test_another_method_is_answered_with_those_that_are_allowed(
    caller: Any, method: str, path: str, allow: str
) -> None:
    answer = caller()(method, path)
    assert answer.status_code == 405
    assert sorted(answer["Allow"].split(", ")) == allow.split(", ")
    if method != "HEAD":
        assert answer.json()["code"] == "METHOD_NOT_ALLOWED"


def test_an_unknown_route_says_exactly_not_found(caller: Any) -> None:
    for path in ("/v1/nothing", "/v1", "/v1/", "/v1/flows/", "/v1/client/approve"):
        answer = caller()("GET", path)
        said = answer.json()
        assert answer.status_code == 404
        assert (said["error"], said["message"]) == ("Not Found", "The requested resource was not found")


def test_a_preflight_from_a_page_gets_nothing(caller: Any) -> None:
    for path in ("/v1/dispatch", "/v1/flows", "/v1/nothing"):
        answer = caller()("OPTIONS", path, origin="https://evil.example")
        assert (answer.status_code, answer.json()["code"]) == (403, "ORIGIN_NOT_ALLOWED")
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_another_host_name_is_refused_in_json(caller: Any) -> None:
    answer = caller()("GET", "/v1/flows", host="evil.example")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_HOST")


def test_what_the_client_accepts_does_not_change_the_answer(caller: Any) -> None:
    for wanted in ("text/html", "image/png"):
        answer = caller()("GET", "/v1/flows", accept=wanted)
        assert answer["Content-Type"] == "application/json; charset=utf-8"


def test_an_unforeseen_failure_is_500_with_an_id_and_no_traceback(
    caller: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("the secret word is swordfish")

    monkeypatch.setattr("dashboard.api.flows.with_last_run", broken)
    answer = caller()("GET", "/v1/flows")
    assert answer.status_code == 500
    assert answer.json()["error"] == "Internal server error"
    assert "swordfish" not in answer.content.decode()
    assert answer["X-Request-Id"] in caplog.text
    assert "swordfish" in caplog.text


def test_a_database_that_is_away_is_503_with_a_time_to_wait(
    caller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    def away(*_: Any) -> None:
        raise OperationalError("no")

    monkeypatch.setattr("dashboard.api.flows.with_last_run", away)
    answer = caller()("GET", "/v1/flows")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
