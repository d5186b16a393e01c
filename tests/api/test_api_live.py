"""The API with everything behind it: the server on a socket, the worker, the log, the demo model."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator

from dashboard.api import streams
from dashboard.models import ApiKey, Run
from dashboard.relay import follow
from dashboard.wire import grammar
from dashboard.wire.events import Event, parse_event
from dashboard.wire.sse import Decoder
from tests.server import RunningServer, running_server

pytestmark = pytest.mark.django_db(transaction=True)

SAMPLE = (Path(__file__).parent / "sales-analysis.json").read_bytes()
JSON = {"Content-Type": "application/json"}
FRAME = re.compile(rb"id: (\d+)\nevent: ([a-z_]+)\ndata: (\{[^\r\n]*\})\n\n")


@pytest.fixture
def live(settings: Any) -> Iterator[RunningServer]:
    settings.MODEL_FALLBACK = "demo"
    with running_server() as server:
        yield server


def _flow(**config: Any) -> dict[str, Any]:
    step = {
        "id": "say",
        "type": "prompt",
        "config": {"model": "demo", "userPrompt": "Say hello to {{name}}", **config},
    }
    return {"flow": {"name": "Hello", "steps": [step]}, "inputs": {"name": "Ada"}}


def _events(raw: bytes) -> list[Event]:
    return [parse_event(json.loads(frame.data)) for frame in Decoder().feed(raw)]


def _replay(client: httpx2.Client, execution: str, query: str = "", **headers: str) -> bytes:
    answer = client.get(f"/v1/executions/{execution}/events{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.content


def test_the_documented_request_runs_verbatim(live: RunningServer, api_key: Any) -> None:
    _, text = api_key("flows:inline", "runs:read")
    with live.client(text) as client:
        answer = client.post("/v1/dispatch", content=SAMPLE, headers=JSON)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["x-request-id"].startswith("req_")
        frames = FRAME.findall(answer.content)
        assert FRAME.sub(b"", answer.content) == b""
        said = [json.loads(data) for _, _, data in frames]
        assert (
            [int(number) for number, _, _ in frames]
            == list(range(len(frames)))
            == [each["seq"] for each in said]
        )
        assert [kind.decode() for _, kind, _ in frames] == [each["type"] for each in said]

        events = _events(answer.content)
        assert grammar.violations(events) == []
        assert {event.execution_id for event in events} == {answer.headers["x-execution-id"]}
        assert [events[0].type, events[1].type, events[-1].type] == [
            "execution_start",
            "step_start",
            "execution_complete",
        ]
        done = next(each for each in said if each["type"] == "step_complete")
        assert done["success"] is True
        assert "Q4 2024" in done["result"]["processedPrompt"]
        assert done["fallback"]["used"] is True
        assert said[-1]["finalOutput"] == done["result"]["response"]
        assert _replay(client, answer.headers["x-execution-id"]) == answer.content


def test_a_client_that_leaves_does_not_stop_the_run_and_can_read_all_of_it_later(
    live: RunningServer, api_key: Any
) -> None:
    _, text = api_key("flows:inline", "runs:read")
    with live.client(text) as client:
        seen = b""
        with client.stream("POST", "/v1/dispatch", content=SAMPLE, headers=JSON) as answer:
            execution = answer.headers["x-execution-id"]
            for chunk in answer.iter_raw():
                seen += chunk
                if seen.count(b"\n\n") > 5:
                    break
        assert Run.objects.get(public_id=execution).finished_at is None
        whole = _replay(client, execution)
        assert Run.objects.get(public_id=execution).state == "completed"
        assert whole.startswith(seen)
        assert grammar.violations(_events(whole)) == []

        heads = [found.start() for found in FRAME.finditer(whole)]
        last = len(heads) - 1
        assert _replay(client, execution, "?after=0") == whole[heads[1] :]
        assert _replay(client, execution, "?after=0", **{"Last-Event-ID": "3"}) == whole[heads[4] :]
        assert _replay(client, execution, f"?after={last}") == b""
        assert _replay(client, execution, f"?after={last + 1}") == b": reset\n\n" + whole
        twin = client.get(f"/v1/agents/virtual/executions/{execution}/events?after=2&conversationId=c")
        assert twin.content == whole[heads[3] :]


def test_a_waiting_answer_is_one_json_body(live: RunningServer, api_key: Any) -> None:
    _, text = api_key("flows:inline", "runs:read")
    body = {**_flow(outputVariable="greeting"), "options": {"streamResponse": False}}
    with live.client(text) as client:
        answer = client.post("/v1/dispatch", json=body)
        said, document = answer.json(), client.get("/v1/openapi.json").json()
        stored = client.get(f"/v1/executions/{said['executionId']}").json()
    schema = {"$ref": "#/components/schemas/SyncResult", "components": document["components"]}
    Draft202012Validator(schema).validate(said)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert (said["success"], said["status"], said["kind"]) == (True, "completed", "flow")
    assert said["flow"] == {"name": "Hello"}
    assert "Ada" in said["steps"][0]["result"]["processedPrompt"]
    assert (
        said["result"]
        == said["finalOutput"]
        == said["results"]["greeting"]
        == said["steps"][0]["result"]["response"]
    )
    assert said["usage"]["outputTokens"] > 0
    assert said["stopReason"] == "end_turn"
    assert said["events"][-1]["finalOutput"] == said["finalOutput"]
    assert (stored["status"], stored["finalOutput"], stored["usage"]) == (
        "completed",
        said["result"],
        said["usage"],
    )


@pytest.mark.parametrize(
    ("handling", "status", "success"), [("continue", "completed", True), ("fail", "failed", False)]
)
def test_a_failed_step_is_told_in_words_and_the_answer_is_still_200(
    live: RunningServer, api_key: Any, settings: Any, handling: str, status: str, success: bool
) -> None:
    settings.MODEL_FALLBACK = ""
    _, text = api_key("flows:inline")
    body = {**_flow(model="gpt-4"), "streamResponse": False}
    body["flow"]["steps"][0]["errorHandling"] = handling
    with live.client(text) as client:
        answer = client.post("/v1/dispatch", json=body)
    said = answer.json()
    assert answer.status_code == 200
    assert (said["status"], said["success"]) == (status, success), said
    assert said["steps"][0]["success"] is False
    assert len(said["steps"][0]["error"]) > 20
    if not success:
        assert said["error"]
        assert said["code"] == said["events"][-1]["code"]


def test_a_running_execution_can_be_cancelled(live: RunningServer, api_key: Any) -> None:
    _, text = api_key("flows:inline", "runs:read", "runs:cancel")
    with live.client(text) as client, live.client(text) as other:
        raw = b""
        with client.stream("POST", "/v1/dispatch", content=SAMPLE, headers=JSON) as answer:
            for chunk in answer.iter_raw():
                if not raw:
                    path = f"/v1/executions/{answer.headers['x-execution-id']}/cancel"
                    assert other.post(path).json()["cancelled"] is True
                raw += chunk
        events = _events(raw)
        assert grammar.violations(events) == []
        assert (events[-1].type, events[-1].error.code) == ("execution_error", "CANCELLED")


def test_a_revoked_key_loses_its_open_stream(
    live: RunningServer, api_key: Any, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "RECHECK_S", 0.05)
    key, text = api_key("runs:read")
    run = make_run(state="running", owner="nobody-here")
    Run.objects.filter(pk=run.pk).update(state="queued", available_at="2100-01-01T00:00:00Z", owner="")
    with (
        live.client(text) as client,
        client.stream("GET", f"/v1/executions/{run.public_id}/events") as answer,
    ):
        assert answer.status_code == 200
        assert _eventually(lambda: streams._open[key.pk] == 1)
        ApiKey.objects.filter(pk=key.pk).revoke()
        assert list(answer.iter_raw()) == []
    assert _eventually(lambda: not streams._open[key.pk])


def test_twenty_callers_at_once_each_get_their_own_answer(live: RunningServer, api_key: Any) -> None:
    key, text = api_key("flows:inline")

    def call(name: str) -> Any:
        with live.client(text) as client:
            return client.post(
                "/v1/dispatch", json={**_flow(), "inputs": {"name": name}, "streamResponse": False}
            ).json()

    names = [f"Caller-{number}" for number in range(20)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(call, names))
    assert [said["status"] for said in answers] == ["completed"] * 20
    assert len({said["executionId"] for said in answers}) == 20
    for name, said in zip(names, answers, strict=True):
        assert name in said["steps"][0]["result"]["processedPrompt"]
    assert _eventually(lambda: not streams._open[key.pk])


def test_what_stands_in_front_of_django_is_there(live: RunningServer) -> None:
    with live.client() as client:
        refused = client.post("/v1/dispatch", content=SAMPLE, headers=JSON)
        assert (refused.status_code, refused.json()["code"]) == (401, "MISSING_API_KEY")
        assert refused.headers["connection"] == "close"
        unknown = client.get("/v1/unknown")
        assert (unknown.status_code, unknown.json()["error"]) == (404, "Not Found")
        assert client.get("/v1/docs").headers["content-type"].startswith("text/html")


def _eventually(check: Any, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
