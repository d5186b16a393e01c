"""Requests of the chat widget, which come with a client token from a browser."""

from typing import Any

import pytest
from pydantic import ValidationError

from dashboard.wire.base import SentModel
from dashboard.wire.errors import from_validation
from dashboard.wire.requests import ClientApprove, ClientChat, ClientFeedback, ClientInit, ClientResume

MESSAGE = {"id": "msg_1", "role": "user", "content": "Hi", "displayContent": "Hi!"}
SAMPLES: list[tuple[type[SentModel], dict[str, Any]]] = [
    (
        ClientInit,
        {"token": "ct_test_1", "flowId": "agent_1", "sessionId": "cs_1", "visitorHistory": {"x": None}},
    ),
    (
        ClientInit,
        {
            "token": "ct_test_1",
            "identityProof": {"provider": "site", "token": "jwt"},
            "durableRecovery": True,
        },
    ),
    (
        ClientChat,
        {
            "sessionId": "cs_1",
            "messages": [MESSAGE],
            "clientTools": [],
            "clientToolsFingerprint": "2:abc.def",
            "submitMode": "interrupt",
            "turnId": "turn_1",
            "context": {"page": None},
        },
    ),
    (
        ClientResume,
        {"sessionId": "cs_1", "executionId": "exec_1", "toolOutputs": {"call_1": None}, "after": 12},
    ),
    (
        ClientApprove,
        {"sessionId": "cs_1", "executionId": "exec_1", "approvalId": "appr_1", "decision": "denied"},
    ),
    (ClientFeedback, {"sessionId": "cs_1", "token": "ct_1", "type": "upvote", "messageId": "msg_1"}),
    (ClientFeedback, {"sessionId": "cs_1", "token": "ct_1", "type": "nps", "rating": 0, "comment": "fine"}),
]


def problems(model: type[SentModel], payload: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(payload)
    return [(detail["path"], detail["code"]) for detail in from_validation(caught.value).details]


@pytest.mark.parametrize(("model", "payload"), SAMPLES)
def test_a_request_of_the_widget_is_read_and_kept(model: type[SentModel], payload: dict[str, Any]):
    assert model.model_validate(payload).to_wire() == payload


@pytest.mark.parametrize(
    ("model", "required"),
    [
        (ClientInit, {"token"}),
        (ClientChat, {"sessionId", "messages"}),
        (ClientResume, {"sessionId", "executionId"}),
        (ClientApprove, {"sessionId", "executionId", "approvalId", "decision"}),
        (ClientFeedback, {"sessionId", "token", "type"}),
    ],
)
def test_what_is_required_is_asked_for(model: type[SentModel], required: set[str]):
    assert set(problems(model, {})) == {(field, "missing_field") for field in required}


def test_a_session_starts_from_one_past():
    payload = {"token": "ct_1", "sessionId": "cs_1", "conversationId": "conv_1"}
    assert problems(ClientInit, payload) == [("conversationId", "invalid_value")]


def test_no_client_tools_is_not_the_same_as_an_empty_list():
    base = {"sessionId": "cs_1", "executionId": "exec_1"}
    assert ClientResume.model_validate(base).client_tools is None
    assert ClientResume.model_validate({**base, "clientTools": []}).client_tools == []


def test_a_fingerprint_has_a_length():
    payload = {"sessionId": "cs_1", "messages": [], "clientToolsFingerprint": "x" * 129}
    assert problems(ClientChat, payload) == [("clientToolsFingerprint", "too_long")]


@pytest.mark.parametrize("after", [-2, "3", 1.5, True])
def test_a_cursor_is_a_whole_number(after: object):
    payload = {"sessionId": "cs_1", "executionId": "exec_1", "after": after}
    assert problems(ClientResume, payload) == [("after", "out_of_range")]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"type": "upvote"}, ("messageId", "missing_field")),
        ({"type": "csat"}, ("rating", "out_of_range")),
        ({"type": "csat", "rating": 0}, ("rating", "out_of_range")),
        ({"type": "csat", "rating": 6}, ("rating", "out_of_range")),
        ({"type": "nps", "rating": 11}, ("rating", "out_of_range")),
        ({"type": "nps", "rating": "9"}, ("rating", "out_of_range")),
        ({"type": "love"}, ("type", "invalid_option")),
        ({"type": "nps", "rating": 1, "comment": "x" * 4_001}, ("comment", "too_long")),
    ],
)
def test_feedback_fits_its_kind(change: dict[str, Any], expected: tuple[str, str]):
    assert problems(ClientFeedback, {"sessionId": "cs_1", "token": "ct_1", **change}) == [expected]


def test_a_token_is_never_shown():
    init = ClientInit.model_validate(
        {"token": "ct_live_x", "visitorToken": "vt_x", "identityProof": {"provider": "p", "token": "jwt_x"}}
    )
    assert not any(secret in repr(init) for secret in ("ct_live_x", "vt_x", "jwt_x"))
