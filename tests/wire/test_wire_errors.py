"""Errors: one table, one shape, and never an echo of what must stay secret."""

import pytest
from pydantic import BaseModel, ValidationError

from dashboard.wire.error_shapes import SHAPES
from dashboard.wire.error_table import RULES
from dashboard.wire.errors import WireError, clip, from_validation, rule_for
from dashboard.wire.requests import DispatchRequest

PROMISED = {
    400: """bad_request invalid_host invalid_json object_expected invalid_number out_of_range too_deep invalid_unicode
        string_too_long ambiguous_target invalid_id unknown_field invalid_role invalid_content too_many_messages
        invalid_input_name invalid_option too_large invalid_type invalid_schema invalid_idempotency_key duplicate_tool
        too_long invalid_last_event_id too_many_nodes duplicate_key""",
    401: "api_key_in_url missing_api_key invalid_api_key api_key_revoked",
    403: """origin_not_allowed insufficient_scope ip_not_allowed policy_cannot_be_weakened not_a_client_tool
        approval_approver_not_end_user self_approval not_an_approver""",
    404: "approval_expired not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    409: """flow_disabled client_tools_resend_required idempotency_in_progress already_resumed
        approval_already_resolved second_approver_required approval_changed""",
    413: "body_too_large",
    414: "uri_too_long",
    415: "unsupported_media_type unsupported_charset unsupported_encoding",
    422: """input_missing input_invalid model_not_available too_many_steps unknown_step_type unresolved_variable
        approval_required_by_policy secret_not_allowed_here newer_version""",
    429: "too_many_concurrent_runs rate_limited too_many_streams",
    503: "unavailable",
}


@pytest.mark.parametrize(
    ("code", "status"), [(code, status) for status, codes in PROMISED.items() for code in codes.split()]
)
def test_a_promised_code_has_its_promised_status(code: str, status: int):
    assert WireError(code).status == status


@pytest.mark.parametrize("code", [*RULES, *SHAPES])
def test_every_error_has_the_promised_shape(code: str):
    body = WireError(code).body("req_1")
    assert isinstance(body["error"], str) and body["error"]
    assert body["code"] == body["code"].upper()
    assert isinstance(body["message"], str) and body["message"]
    assert body["requestId"] == "req_1"
    assert None not in body.values() and "" not in body.values()


def test_no_code_stands_in_both_tables():
    assert not RULES.keys() & SHAPES.keys()


def test_only_the_unknown_route_says_not_found():
    assert [code for code, rule in RULES.items() if rule.error == "Not Found"] == ["not_found"]
    assert WireError("flow_not_found").body()["error"] == "Flow not found"


def test_a_text_the_widget_looks_for_is_exact():
    assert WireError("client_tools_resend_required").error == "client_tools_resend_required"
    assert WireError("approval_already_resolved").body()["code"] == "APPROVAL_ALREADY_RESOLVED"
    assert WireError("execution_not_paused").error == "No paused execution found for this executionId"
    assert WireError("body_too_large").error == "Request body too large"
    assert WireError("invalid_client_token").error == "Invalid client token"


@pytest.mark.parametrize("code", SHAPES)
def test_a_problem_of_shape_is_a_validation_error_with_the_finer_code_in_its_details(code: str):
    body = WireError(code, path="flow.id").body()
    assert (body["error"], body["code"]) == ("Validation failed", "VALIDATION_ERROR")
    assert body["details"] == [{"path": "flow.id", "message": SHAPES[code][0], "code": code}]


def test_a_code_of_shape_at_422_stands_for_itself():
    error = WireError("too_deep", status=422)
    assert (error.status, error.is_shape) == (422, False)
    assert (error.body()["error"], error.body()["code"]) == ("Flow cannot be run", "TOO_DEEP")


@pytest.mark.parametrize("code", [code for code, rule in RULES.items() if rule.status in (429, 503)])
def test_whoever_has_to_wait_is_told_how_long(code: str):
    assert int(WireError(code).headers["Retry-After"]) > 0


def test_a_caller_can_set_headers_and_further_fields():
    error = WireError(
        "payment_required", headers={"Allow": "POST"}, extra={"upgradeUrl": "https://x.example"}
    )
    assert error.headers == {"Allow": "POST"}
    assert error.body()["upgradeUrl"] == "https://x.example"
    assert WireError("rate_limited", headers={"Retry-After": "7"}).headers["Retry-After"] == "7"


def test_whoever_is_not_known_is_told_how_to_sign_in():
    assert WireError("missing_api_key").headers["WWW-Authenticate"].startswith("Bearer")


def test_a_code_nobody_knows_is_a_mistake_of_ours():
    with pytest.raises(KeyError):
        WireError("flow_not_fuond")


def test_the_error_reads_as_its_sentence():
    assert str(WireError("flow_disabled", "The flow Tides is archived.")) == "The flow Tides is archived."
    assert rule_for("too_deep").status == 400


def test_at_most_twenty_details_are_shown():
    steps = [{"type": "prompt", "config": index} for index in range(50)]
    with pytest.raises(ValidationError) as caught:
        DispatchRequest.model_validate({"flow": {"name": "Tides", "steps": steps}})
    body = from_validation(caught.value).body()
    assert len(body["details"]) == 20
    assert body["message"] == "The request has 50 problems."


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("short", "short"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 63 + "…"),
        (5, "5"),
        ("a\nb\0", "a\ufffdb\ufffd"),
    ]
    + [("<b>&", "\ufffdb\ufffd\ufffd"), ("\ud800", "\ufffd"), ("\u202e", "\ufffd")],
)
def test_a_repeated_value_is_cut_and_made_harmless(value: object, expected: str):
    assert clip(value) == expected


def test_a_body_can_always_be_encoded():
    name = "\ud800<script>" + "x" * 500
    with pytest.raises(ValidationError) as caught:
        DispatchRequest.model_validate({"inputs": {f"a.{name}": 1}})
    body = from_validation(caught.value).body()
    assert "<" not in str(body)
    str(body).encode()


def test_a_secret_is_never_repeated():
    secret = "rt_live_very_secret"
    bad = {"secrets": {"key": [secret]}, "messages": secret, "flow": {"id": {"x": secret}}, "options": secret}
    with pytest.raises(ValidationError) as caught:
        DispatchRequest.model_validate(bad)
    assert secret not in str(from_validation(caught.value).body())
    assert secret not in str(caught.value)


def test_paths_name_the_fields_as_the_client_wrote_them():
    with pytest.raises(ValidationError) as caught:
        DispatchRequest.model_validate(
            {
                "flow": {
                    "name": "Tides",
                    "steps": [{"type": "prompt"}, {"type": "prompt", "outputVariable": 5}],
                },
                "options": {"streamResponse": "yes"},
                "clientTools": [{"name": "x", "description": "", "parametersSchema": {"type": "array"}}],
            }
        )
    paths = {detail["path"] for detail in from_validation(caught.value).details}
    assert paths == {
        "flow.steps.1.outputVariable",
        "options.streamResponse",
        "clientTools.0.parametersSchema",
    }


class Nested(BaseModel):
    choice: int | list[str]


class Wrapped(BaseModel):
    body: Nested


def test_a_path_has_no_body_prefix_and_no_brackets_of_unions():
    with pytest.raises(ValidationError) as caught:
        Wrapped.model_validate({"body": {"choice": [1]}})
    paths = {detail["path"] for detail in from_validation(caught.value).details}
    assert "choice.0" in paths
    assert not any("body" in path or "[" in path for path in paths)


def test_a_problem_is_reported_once():
    with pytest.raises(ValidationError) as caught:
        Wrapped.model_validate({"body": {"choice": {}}})
    details = from_validation(caught.value).details
    assert len(details) == len({str(detail) for detail in details})


def test_a_flow_that_cannot_run_is_422_unless_the_request_is_malformed_too():
    flow = {"name": "Tides", "steps": [{"name": "no type"}]}
    with pytest.raises(ValidationError) as caught:
        DispatchRequest.model_validate({"flow": flow})
    error = from_validation(caught.value)
    assert (error.status, error.code, error.body()["code"]) == (422, "unknown_step_type", "UNKNOWN_STEP_TYPE")
    assert error.details[0]["path"] == "flow.steps.0.type"
    with pytest.raises(ValidationError) as caught:
        DispatchRequest.model_validate({"flow": flow, "messages": 5})
    assert from_validation(caught.value).body()["code"] == "VALIDATION_ERROR"
    assert from_validation(caught.value).status == 400
