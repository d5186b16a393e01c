"""One class per event: what it is called, how it is stamped, written and read."""

import json
import re
import time
import timeit
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dashboard.wire import events as wire
from dashboard.wire.events import (
    EVENT_TYPES,
    ErrorDetail,
    Event,
    ExecutionError,
    Fallback,
    FallbackAttempt,
    StateSnapshot,
    StepComplete,
    StepStart,
    TextDelta,
    TokenCount,
    TurnComplete,
    UnknownEvent,
    event_json_schema,
    parse_event,
)

PUBLISHED_TYPES = [
    "execution_start",
    "execution_complete",
    "execution_error",
    "error",
    "ping",
    "turn_start",
    "turn_complete",
    "step_start",
    "step_complete",
    "step_skip",
    "text_start",
    "text_delta",
    "text_complete",
    "reasoning_start",
    "reasoning_delta",
    "reasoning_complete",
    "tool_start",
    "tool_input_delta",
    "tool_input_complete",
    "tool_output_delta",
    "tool_complete",
    "approval_start",
    "approval_complete",
    "await",
    "media_start",
    "media_delta",
    "media_complete",
    "artifact_start",
    "artifact_delta",
    "artifact_update",
    "artifact_complete",
    "source",
    "state_snapshot",
    "state_delta",
    "custom",
]

# A text JSON can carry and UTF-8 can hold.
texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def test_there_is_one_class_for_each_of_the_35_published_types():
    assert list(EVENT_TYPES) == PUBLISHED_TYPES
    assert len(EVENT_TYPES) == 35


@pytest.mark.parametrize(("kind", "cls"), EVENT_TYPES.items())
def test_the_class_is_named_after_the_type(kind: str, cls: type[Event]):
    expected = "ErrorEvent" if kind == "error" else kind.title().replace("_", "")
    assert cls.__name__ == expected
    assert getattr(wire, expected) is cls
    assert expected in wire.__all__


def test_only_the_two_ends_of_a_run_are_terminal():
    assert {kind for kind, cls in EVENT_TYPES.items() if cls.terminal} == {
        "execution_complete",
        "execution_error",
    }


def test_a_stamped_copy_carries_run_and_number_and_leaves_the_original_alone():
    event = TextDelta(id="text_1", delta="Hel")
    stamped = event.stamped("exec_01", 4)
    assert (event.execution_id, event.seq) == ("", -1)
    assert (stamped.execution_id, stamped.seq) == ("exec_01", 4)
    assert stamped == TextDelta(id="text_1", delta="Hel", execution_id="exec_01", seq=4)
    assert stamped.model_fields_set == {"id", "delta", "execution_id", "seq"}


def test_a_stamped_copy_keeps_unknown_fields():
    event = parse_event({"type": "text_delta", "id": "t", "delta": "", "mood": None})
    assert event.stamped("exec_01", 0).to_json() == (
        '{"type":"text_delta","executionId":"exec_01","seq":0,"id":"t","delta":"","mood":null}'
    )


@pytest.mark.parametrize("event", [TextDelta(id="t", delta=""), TextDelta(id="t", delta="", seq=3)])
def test_an_event_without_its_stamp_cannot_be_written(event: Event):
    with pytest.raises(ValueError, match="text_delta has no execution id and number"):
        event.to_json()


def test_keys_come_in_the_order_of_the_contract():
    written = StepStart(step_type="prompt", attempt=2, id="s1", name="Say").stamped("exec_01", 3).to_json()
    assert written == (
        '{"type":"step_start","executionId":"exec_01","seq":3,"id":"s1","name":"Say","stepType":"prompt","attempt":2}'
    )


def test_absent_fields_are_left_out_and_nulls_that_are_data_are_kept():
    result = {"phone": None, "tags": [None]}
    written = json.loads(StepComplete(id="s1", result=result).stamped("exec_01", 0).to_json())
    assert written == {
        "type": "step_complete",
        "executionId": "exec_01",
        "seq": 0,
        "id": "s1",
        "result": result,
    }


def test_a_required_value_is_written_even_when_it_is_null():
    assert '"state":null' in StateSnapshot(state=None).stamped("exec_01", 0).to_json()


def test_nested_models_leave_out_what_they_do_not_have():
    attempt = FallbackAttempt(attempt=1, type="retry", success=False, error="503")
    turn = TurnComplete(
        id="turn_1",
        role="assistant",
        tokens=TokenCount(input=3, output=4),
        fallback=Fallback(used=True, exhausted=True, attempts=[attempt]),
    )
    assert (
        turn.stamped("exec_01", 0)
        .to_json()
        .endswith(
            '"tokens":{"input":3,"output":4},"fallback":{"used":true,"exhausted":true,'
            '"attempts":[{"attempt":1,"type":"retry","success":false,"error":"503"}]}}'
        )
    )


def test_text_stays_readable_and_on_one_line():
    written = TextDelta(id="t", delta="Öresund\r\n⛵\u2028").stamped("exec_01", 0).to_json()
    assert "Öresund\\r\\n⛵\u2028" in written
    assert "\n" not in written and "\r" not in written


@pytest.mark.parametrize(
    ("delta", "expected"),
    [("a\ud800b", "a\ufffdb"), ("\udc00", "\ufffd"), ("\ud83d\ude00", "😀"), ("é\ud83d", "é\ufffd")],
)
def test_half_a_surrogate_pair_never_reaches_the_wire(delta: str, expected: str):
    written = TextDelta(id="t", delta=delta).stamped("exec_01", 0).to_json()
    assert json.loads(written.encode().decode())["delta"] == expected


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_becomes_null(number: float):
    event = StepComplete(
        id="s", result={"rows": [number, 1.5]}, fallback=Fallback(used=False, exhausted=False)
    )
    written = json.loads(event.stamped("exec_01", 0).to_json(), parse_constant=pytest.fail)
    assert written["result"] == {"rows": [None, 1.5]}
    assert written["fallback"] == {"used": False, "exhausted": False, "attempts": []}


def test_a_value_that_is_no_json_is_refused():
    with pytest.raises(TypeError, match="an event cannot carry a set"):
        StepComplete(id="s", result={1, 2}).stamped("exec_01", 0).to_json()


def test_an_event_of_an_unknown_type_is_kept_whole():
    line = '{"type":"tide_turned","executionId":"exec_01","seq":9,"height":{"m":null},"extra_field":1}'
    event = parse_event(line)
    assert isinstance(event, UnknownEvent)
    assert not event.terminal
    assert event.to_json() == line


@pytest.mark.parametrize(
    "data", ["", "[DONE]", "[]", "1", "null", "{}", '{"type":5}', '{"type":""}', b"\xff", "[" * 9999]
)
def test_what_is_no_event_is_a_value_error(data: str | bytes):
    with pytest.raises(ValueError):
        parse_event(data)


def test_an_event_that_breaks_the_shape_of_its_type_is_a_value_error():
    with pytest.raises(ValidationError):
        parse_event({"type": "text_delta", "id": "t"})
    with pytest.raises(ValidationError):
        TextDelta.model_validate({"type": "text_start", "id": "t", "delta": ""})


def test_the_error_of_a_run_is_a_sentence_or_a_detail():
    plain = parse_event({"type": "execution_error", "kind": "flow", "error": "no"})
    rich = parse_event({"type": "execution_error", "kind": "flow", "error": {"code": "x", "message": "no"}})
    assert isinstance(plain, ExecutionError) and plain.error == "no"
    assert isinstance(rich, ExecutionError) and rich.error == ErrorDetail(code="x", message="no")


def test_bytes_text_and_object_read_alike():
    value = {"type": "ping", "timestamp": "2026-11-20T09:00:00Z", "executionId": "e", "seq": 0}
    text = json.dumps(value)
    assert parse_event(value) == parse_event(text) == parse_event(text.encode())


EXAMPLES: dict[str, dict[str, Any]] = {
    "execution_start": {"kind": "flow", "startedAt": "now"},
    "execution_complete": {
        "kind": "agent",
        "success": True,
        "totalCost": 1,
        "totalTokens": {"input": 1, "output": 2},
    },
    "tool_start": {"toolCallId": "c", "toolName": "t", "toolType": "mcp", "parameters": {"a": None}},
    "custom": {"name": "n", "value": [1, 1.0, None]},
    "source": {"id": "s", "anything": {"else": None}},
    "state_delta": {"patch": [{"op": "remove", "path": "/a"}]},
}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_reading_and_writing_is_the_identity(kind: str):
    line = json.dumps(
        {"type": kind, "executionId": "exec_01", "seq": 0, **EXAMPLES[kind]}, separators=(",", ":")
    )
    assert parse_event(line).to_json() == line


@given(delta=texts, block=texts, seq=st.integers(0, 10**9))
def test_any_text_survives_writing_and_reading(delta: str, block: str, seq: int):
    event = TextDelta(id=block, delta=delta).stamped("exec_01", seq)
    assert parse_event(event.to_json()) == event


@given(result=json_values, extra=st.dictionaries(texts.map("x_{}".format), json_values, max_size=3))
def test_any_json_value_survives_writing_and_reading(result: Any, extra: dict[str, Any]):
    event = parse_event({"type": "step_complete", "id": "s", "result": result, **extra}).stamped("exec_01", 0)
    again = parse_event(event.to_json())
    assert again == event
    assert again.to_wire() == event.to_wire()


@given(kind=texts.filter(lambda kind: bool(kind) and kind not in EVENT_TYPES), value=json_values)
def test_any_unknown_event_survives(kind: str, value: Any):
    event = parse_event({"type": kind, "payload": value}).stamped("exec_01", 0)
    assert parse_event(event.to_json()) == event


def test_the_schema_tells_events_apart_by_type_and_asks_for_the_stamp():
    union, definitions = event_json_schema()
    assert union["discriminator"]["propertyName"] == "type"
    assert list(union["discriminator"]["mapping"]) == PUBLISHED_TYPES
    assert len(union["oneOf"]) == 35
    for kind, ref in union["discriminator"]["mapping"].items():
        definition = definitions[ref.rsplit("/", 1)[1]]
        assert definition["required"][:3] == ["type", "executionId", "seq"]
        assert definition["properties"]["type"]["const"] == kind
        assert "default" not in definition["properties"]["seq"]


def test_every_reference_of_the_schema_leads_somewhere():
    union, definitions = event_json_schema("#/$defs/{model}")
    for ref in re.findall(r'"\$ref": "([^"]+)"', json.dumps([union, definitions])):
        assert ref.removeprefix("#/$defs/") in definitions


def test_a_text_delta_costs_microseconds():
    def one() -> str:
        return (
            TextDelta(id="text_1", delta=" and the wind")
            .stamped("exec_01ka0000000000000000000001", 41)
            .to_json()
        )

    one()
    best = min(timeit.repeat(one, number=2_000, repeat=7, timer=time.process_time)) / 2_000
    # About 4 µs where this was written; the wide margin is for busy machines.
    assert best < 60e-6, f"{best * 1e6:.1f} µs"
