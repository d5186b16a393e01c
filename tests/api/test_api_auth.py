"""Who gets in: keys in one header, never cookies, never addresses; and the scope of every route."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.api.auth import FailureCount
from dashboard.api.router import api, scopes_by_operation
from dashboard.models import SCOPES, ApiKey, Run
from tests.api.conftest import ALL, FLOW, Caller

MISSING = "flow_00000000000000000000000000"
GONE = "exec_00000000000000000000000000"

# operation: (method, path, body, answer to a key that may but names nothing that exists)
ROUTES: dict[str, tuple[str, str, Any, int]] = {
    "dispatch": ("POST", "/v1/dispatch", {"flow": {"id": MISSING}}, 404),
    "listFlows": ("GET", "/v1/flows", None, 200),
    "getFlow": ("GET", f"/v1/flows/{MISSING}", None, 404),
    "createFlow": ("POST", "/v1/flows", {"name": ""}, 400),
    "updateFlow": ("PUT", f"/v1/flows/{MISSING}", {"name": "x"}, 404),
    "archiveFlow": ("DELETE", f"/v1/flows/{MISSING}", None, 404),
    "listExecutions": ("GET", "/v1/executions", None, 200),
    "getExecution": ("GET", f"/v1/executions/{GONE}", None, 404),
    "cancelExecution": ("POST", f"/v1/executions/{GONE}/cancel", None, 404),
    "streamExecutionEvents": ("GET", f"/v1/executions/{GONE}/events", None, 404),
    "streamAgentExecutionEvents": ("GET", f"/v1/agents/virtual/executions/{GONE}/events", None, 404),
}
NEEDED = scopes_by_operation(api)


def test_every_route_is_in_the_table() -> None:
    assert set(ROUTES) == set(NEEDED)


@pytest.mark.parametrize("scope", [scope.value for scope in SCOPES])
@pytest.mark.parametrize("operation", ROUTES)
def test_a_key_passes_with_one_of_the_scopes_and_with_no_other(
    caller: Any, operation: str, scope: str
) -> None:
    method, path, body, granted = ROUTES[operation]
    if operation == "dispatch" and scope == "flows:inline":
        body, granted = {"flow": {"name": "F"}}, 400
    answer = caller(scope)(method, path, body)
    if scope in NEEDED[operation]:
        assert answer.status_code == granted, answer.content
        return
    said = answer.json()
    assert (answer.status_code, said["code"]) == (403, "INSUFFICIENT_SCOPE")
    assert all(needed in said["message"] for needed in NEEDED[operation])
    assert said["requiredScopes"] == list(NEEDED[operation])


@pytest.mark.parametrize("operation", ROUTES)
def test_a_stranger_is_told_to_bring_a_key(db: None, operation: str) -> None:
    method, path, body, _ = ROUTES[operation]
    answer = Caller("")(method, path, body)
    assert (answer.status_code, answer.json()["code"]) == (401, "MISSING_API_KEY")
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["error"] == "Unauthorized"


@pytest.mark.parametrize("operation", ROUTES)
def test_a_session_cookie_opens_nothing(signed_in_client: Any, operation: str) -> None:
    method, path, _, _ = ROUTES[operation]
    answer = signed_in_client("admin").generic(method, path)
    assert (answer.status_code, answer.json()["code"]) == (401, "MISSING_API_KEY")


def test_a_key_beside_a_cookie_wins(signed_in_client: Any, api_key: Any, other_workspace: Any) -> None:
    _, text = api_key("flows:write", "flows:read", workspace=other_workspace)
    client = signed_in_client("admin")
    client.generic(
        "POST",
        "/v1/flows",
        b'{"name":"Theirs"}',
        content_type="application/json",
        headers={"authorization": text},
    )
    found = client.get("/v1/flows", headers={"authorization": text}).json()["data"]
    assert [flow["organizationId"] for flow in found] == [str(other_workspace.pk)]


def test_a_key_is_taken_with_and_without_the_word_bearer(caller: Any) -> None:
    call = caller()
    for value in (call.text, f"Bearer {call.text}", f"bearer {call.text}", f"  Bearer   {call.text} "):
        assert call("GET", "/v1/flows", authorization=value).status_code == 200, value


@pytest.mark.parametrize("name", ["key", "api_key", "apiKey", "token", "access_token", "authorization", "x"])
def test_a_key_in_the_address_is_refused_even_beside_a_good_one(caller: Any, name: str) -> None:
    call = caller()
    answer = call("GET", f"/v1/flows?{name}={call.text}")
    assert (answer.status_code, answer.json()["code"]) == (401, "API_KEY_IN_URL")
    assert call.text not in answer.content.decode()


def test_two_authorization_headers_are_a_bad_request(caller: Any) -> None:
    call = caller()
    answer = call("GET", "/v1/flows", authorization=f"Bearer {call.text},Bearer {call.text}")
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer x",
        "Basic dXNlcjpwYXNz",
        "Bearer sb_live_short_x_0000",
        "sb_live_' OR 1=1 --",
        "Bearer sb_live_abcdefgh_" + "a" * 32 + "_00000",
        "\N{SNOWMAN}".encode().decode("latin-1"),
        "Bearer " + "a" * 10_000,
    ],
)
def test_what_cannot_be_a_key_is_refused_before_any_query(db: None, header: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        answer = Caller("")("GET", "/v1/flows", authorization=header)
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_API_KEY")
    assert len(queries) == 0


def test_a_wrong_secret_and_an_unknown_key_look_the_same(caller: Any) -> None:
    call = caller()
    wrong = call.text[:20] + ("b" if call.text[20] != "b" else "c") + call.text[21:]
    unknown = "sb_live_zzzzzzzz" + call.text[16:]
    answers = [call("GET", "/v1/flows", authorization=text) for text in (wrong, unknown)]
    said = [{**answer.json(), "requestId": ""} for answer in answers]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert said[0] == said[1]
    assert said[0]["code"] == "INVALID_API_KEY"


def test_a_revoked_key_is_refused_at_once(caller: Any) -> None:
    call = caller()
    assert call("GET", "/v1/flows").status_code == 200
    ApiKey.objects.filter(pk=call.key.pk).revoke()
    answer = call("GET", "/v1/flows")
    assert (answer.status_code, answer.json()["code"]) == (401, "API_KEY_REVOKED")


def test_an_expired_key_is_called_expired_only_to_who_knows_its_secret(caller: Any) -> None:
    call = caller(expires_at=timezone.now() - timedelta(seconds=1))
    assert call("GET", "/v1/flows").json()["code"] == "API_KEY_EXPIRED"
    wrong = call.text[:20] + ("b" if call.text[20] != "b" else "c") + call.text[21:]
    assert call("GET", "/v1/flows", authorization=wrong).json()["code"] == "INVALID_API_KEY"


def test_use_is_noted_once_a_minute(caller: Any) -> None:
    call = caller()
    call("GET", "/v1/flows")
    first = ApiKey.objects.get(pk=call.key.pk).last_used_at
    with CaptureQueriesContext(connection) as queries:
        call("GET", "/v1/flows")
    assert first is not None
    assert ApiKey.objects.get(pk=call.key.pk).last_used_at == first
    assert not [query for query in queries.captured_queries if query["sql"].startswith("UPDATE")]
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=2))
    call("GET", "/v1/flows")
    again = ApiKey.objects.get(pk=call.key.pk).last_used_at
    assert again is not None
    assert again >= first


def test_inline_flows_need_their_own_scope_and_stored_ones_theirs(caller: Any) -> None:
    stored = caller("flows:write")("POST", "/v1/flows", FLOW).json()["id"]
    assert caller("runs:start").dispatch({"flow": FLOW}).json()["requiredScopes"] == ["flows:inline"]
    assert caller("flows:inline").dispatch({"flow": {"id": stored}}).json()["requiredScopes"] == [
        "runs:start"
    ]
    assert caller("runs:start").dispatch({"flow": {"id": stored}}).status_code == 200
    assert Run.objects.count() == 1


@pytest.mark.parametrize("mode", ["create", "upsert"])
def test_storing_takes_the_scopes_of_storing(caller: Any, mode: str) -> None:
    body = {"flow": FLOW, "options": {"flowMode": mode}}
    assert caller("flows:inline", "runs:start").dispatch(body).json()["requiredScopes"] == ["flows:write"]
    record = {"flow": FLOW, "record": {"type": "t", "name": "n"}, "options": {"recordMode": mode}}
    assert caller("flows:inline").dispatch(record).json()["requiredScopes"] == ["records:write"]
    assert caller("flows:inline").dispatch({"flow": FLOW, "record": {"id": "record_1"}}).json()[
        "requiredScopes"
    ] == ["records:read"]
    assert not Run.objects.exists()


def test_too_many_bad_keys_from_one_address_are_told_to_wait_and_good_ones_are_not(
    caller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FailureCount, "MOST", 5)
    call = caller()
    answers = [call("GET", "/v1/flows", authorization="Bearer wrong") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 2
    assert 1 <= int(answers[-1]["Retry-After"]) <= 61
    assert call("GET", "/v1/flows").status_code == 200


def test_the_count_of_failures_forgets_old_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FailureCount, "ADDRESSES", 3)
    count = FailureCount()
    for address in "abcde":
        count.note(address)
    assert list(count._seen) == ["c", "d", "e"]


def test_every_scope_can_be_given_to_a_key() -> None:
    assert {scope for needed in NEEDED.values() for scope in needed} <= set(ALL)
