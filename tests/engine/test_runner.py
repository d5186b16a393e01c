"""The runner tells a flow in the contract's order, and goes on from what is remembered."""

from decimal import Decimal
from typing import Any

import pytest

from dashboard.engine.context import RunInput
from dashboard.engine.ports import Message, ReasoningChunk, Remembered, TextChunk
from dashboard.engine.walker import step_keys
from dashboard.wire.grammar import violations
from dashboard.wire.requests import StepDefinition
from tests.engine.world import fails, run_flow, says


def prompt(step_id: str = "s1", **config: Any) -> dict[str, Any]:
    body = {"model": "gpt-4", "userPrompt": "Hello", **config}
    return {"id": step_id, "name": f"Step {step_id}", "type": "prompt", "config": body}


def variable(step_id: str, name: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "type": "set-variable", "config": {"variableName": name, "value": value}, **more}


async def test_one_prompt_is_told_in_the_order_of_the_contract():
    ran = await run_flow(
        prompt(), scripts=[says("Hello there", input_tokens=3, output_tokens=2, cost=Decimal("0.01"))]
    )
    assert ran.story == [
        "execution_start",
        "step_start",
        "text_start",
        "text_delta",
        "text_delta",
        "text_complete",
        "step_complete",
        "execution_complete",
    ]
    assert violations(ran.stored) == []
    done = ran.of("step_complete")[0]
    assert done.success and done.result["response"] == "Hello there"
    assert done.result["tokens"] == {"input": 3, "output": 2, "total": 5}
    assert done.tokens_used == 5 and done.cost == 0.01 and done.stop_reason == "end_turn"
    assert ran.finished.final_output == "Hello there" and ran.finished.state == "completed"


async def test_a_later_step_reads_what_an_earlier_one_set():
    ran = await run_flow(
        variable("a", "who", "Ada"),
        prompt("b", userPrompt="Greet {{who}}", outputVariable="greeting"),
        variable("c", "copy", "{{greeting}}!"),
        scripts=[says("Hi Ada")],
    )
    assert ran.models.requests[0].messages[-1].content == "Greet Ada"
    assert ran.finished.final_output == "Hi Ada!"


async def test_a_step_can_be_read_by_its_name():
    ran = await run_flow(
        {**prompt("a"), "name": "Draft reply"},
        variable("b", "x", "{{draft_reply.response}} / {{Draft reply.response}}"),
        scripts=[says("Dear all")],
    )
    assert ran.finished.final_output == "Dear all / Dear all"


async def test_a_value_that_is_one_reference_keeps_its_type():
    ran = await run_flow(variable("a", "x", "{{rows}}"), given=RunInput(inputs={"rows": [1, {"b": 2}]}))
    assert ran.log.memory["a"].value == [1, {"b": 2}]


async def test_a_name_that_nothing_answers_to_is_reported_and_left_empty():
    ran = await run_flow(variable("a", "x", "Dear {{nobody.name}}, {{nobody.name}}"))
    assert ran.of("step_complete")[0].unresolved_variables == ["nobody.name"]
    assert ran.finished.final_output == "Dear , "


async def test_values_never_become_templates():
    ran = await run_flow(
        variable("a", "x", "{{payload}}"),
        variable("b", "y", "say {{x}}"),
        given=RunInput(inputs={"payload": "{{secret:KEY}} {{user_message}}"}),
    )
    assert ran.finished.final_output == "say {{secret:KEY}} {{user_message}}"


async def test_a_false_condition_skips_the_step_without_a_start():
    ran = await run_flow(
        variable("a", "x", 1),
        variable("b", "y", 2, when="tier === 'gold'"),
        answers={"tier === 'gold'": False},
    )
    assert ran.story == ["execution_start", "step_start", "step_complete", "step_skip", "execution_complete"]
    skip = ran.of("step_skip")[0]
    assert (skip.when, skip.index, skip.total_steps) == ("tier === 'gold'", 1, 2)
    assert violations(ran.stored) == []


async def test_references_in_a_condition_become_literals_and_never_code():
    evil = "'; throw 1; '"
    ran = await run_flow(
        variable("a", "x", 1, when="{{name}} === 'Ada'"),
        answers={f"\"{evil}\" === 'Ada'": False},
        given=RunInput(inputs={"name": evil}),
    )
    assert ran.conditions.asked == [f"\"{evil}\" === 'Ada'"]


async def test_a_condition_that_cannot_be_evaluated_fails_the_step_in_words():
    ran = await run_flow(variable("a", "x", 1, when="tier ==="))
    done = ran.of("step_complete")[0]
    assert done.success is False and "tier ===" in done.error and "valid JavaScript" in done.error
    assert violations(ran.stored) == []


async def test_a_failed_step_lets_the_flow_go_on_by_default():
    ran = await run_flow(prompt("a"), variable("b", "x", "after"), scripts=[fails()])
    assert ran.story[-3:] == ["step_start", "step_complete", "execution_complete"]
    end = ran.of("execution_complete")[0]
    assert (end.success, end.failed_steps, end.successful_steps, end.step_error_count) == (True, 1, 1, 1)
    assert ran.of("step_complete")[0].error == "OpenAI had a fault (HTTP 500)."


async def test_a_failed_step_stops_the_flow_where_it_says_so():
    ran = await run_flow({**prompt("a"), "errorHandling": "fail"}, variable("b", "x", 1), scripts=[fails()])
    assert ran.story[-2:] == ["step_complete", "execution_error"]
    end = ran.of("execution_error")[0]
    assert end.error.message == "Step “Step a” failed: OpenAI had a fault (HTTP 500)."
    assert ran.finished.state == "failed" and ran.finished.error == end.error.message
    assert violations(ran.stored) == []


async def test_text_that_came_before_a_failure_is_closed_before_the_step_is():
    ran = await run_flow(prompt(), scripts=[[*says("Half an")[:-1], fails()]])
    assert ran.story[2:7] == ["text_start", "text_delta", "text_delta", "text_complete", "step_complete"]
    assert violations(ran.stored) == []


async def test_reasoning_and_text_never_nest():
    script = says("Answer")
    script[1:1] = [ReasoningChunk("Let me "), ReasoningChunk("think")]
    ran = await run_flow(
        prompt(), scripts=[[*script[:-1], ReasoningChunk("more"), TextChunk("end"), script[-1]]]
    )
    blocks = [
        e.type
        for e in ran.stored
        if e.type.startswith(("text", "reasoning")) and not e.type.endswith("delta")
    ]
    assert blocks == ["reasoning_start", "reasoning_complete", "text_start", "text_complete"] * 2
    assert violations(ran.stored) == []


async def test_retries_are_counted_on_the_wire():
    step = {**prompt("a"), "errorHandling": {"retry": {"maxAttempts": 2, "backoffMs": 0}}}
    ran = await run_flow(step, scripts=[fails(), fails(), says("third time")])
    note = ran.of("step_complete")[0].fallback
    assert note.used and not note.exhausted
    assert [(a.type, a.success) for a in note.attempts] == [("retry", False), ("retry", True)]
    assert ran.finished.final_output == "third time"
    assert violations(ran.stored) == []


async def test_a_fallback_model_is_asked_and_named():
    policy = {"onError": "fallback", "fallbacks": [{"type": "model", "model": "claude-sonnet-4-6"}]}
    ran = await run_flow({**prompt("a"), "errorHandling": policy}, scripts=[fails(), says("rescued")])
    assert [r.model for r in ran.models.requests] == ["gpt-4", "claude-sonnet-4-6"]
    assert [e.value["phase"] for e in ran.of("custom")] == ["start", "complete"]
    note = ran.of("step_complete")[0].fallback
    assert (note.model, note.exhausted, note.attempts[0].success) == ("claude-sonnet-4-6", False, True)


async def test_a_fallback_message_is_said_when_models_are_used_up():
    policy = {
        "fallbacks": [{"type": "model", "model": "gpt-5"}, {"type": "message", "message": "Please call us."}],
        "onError": "fallback",
    }
    ran = await run_flow(
        {**prompt("a", outputVariable="x"), "errorHandling": policy}, scripts=[fails(), fails()]
    )
    assert ran.finished.final_output == "Please call us."
    assert [a.type for a in ran.of("step_complete")[0].fallback.attempts] == ["model", "message"]
    assert violations(ran.stored) == []


async def test_used_up_fallbacks_leave_the_default_value():
    policy = {
        "onError": "fallback",
        "fallbacks": [{"type": "model", "model": "gpt-5"}],
        "defaultValue": "n/a",
    }
    ran = await run_flow(
        {**prompt("a", outputVariable="x"), "errorHandling": policy},
        variable("b", "y", "got {{x}}"),
        scripts=[fails(), fails()],
    )
    assert ran.of("step_complete")[0].fallback.exhausted
    assert ran.finished.final_output == "got n/a"


async def test_a_wrong_error_policy_is_named():
    ran = await run_flow({**prompt("a"), "errorHandling": {"retry": {"maxAttempts": 99}}})
    assert "errorHandling.retry.maxAttempts" in ran.of("step_complete")[0].error


async def test_an_unknown_kind_is_stored_and_fails_in_words():
    ran = await run_flow({"id": "x", "type": "teleport", "config": {}})
    assert ran.of("step_complete")[0].error == "Unsupported step type “teleport”."
    assert violations(ran.stored) == []


async def test_disabled_steps_leave_no_trace():
    ran = await run_flow(variable("a", "x", 1, enabled=False), variable("b", "y", 2))
    assert [e.id for e in ran.of("step_start")] == ["b"]
    assert ran.of("execution_start")[0].total_steps == 1


async def test_steps_run_by_their_order():
    ran = await run_flow(variable("late", "x", 1, order=2), variable("early", "x", 2, order=1))
    assert [e.id for e in ran.of("step_start")] == ["early", "late"]


async def test_hidden_output_is_not_streamed_and_still_returned():
    ran = await run_flow({**prompt("a"), "streamOutput": False}, scripts=[says("quiet words")])
    assert ran.of("text_delta") == [] and ran.finished.final_output == "quiet words"


async def test_record_metadata_is_appended_when_the_prompt_reads_none_of_it():
    record = {"name": "R", "metadata": {"region": "North"}}
    ran = await run_flow(prompt(), scripts=[says("ok")], given=RunInput(record=record))
    sent = ran.models.requests[0].messages[-1].content
    assert sent.startswith("Hello\n\nRecord metadata:\n") and '"region": "North"' in sent
    assert ran.of("step_complete")[0].result["processedPrompt"] == sent


@pytest.mark.parametrize(
    ("text", "append"),
    [("Read {{_record.metadata.region}}", True), ("Hello", False)],
    ids=["reads it", "switched off"],
)
async def test_record_metadata_is_not_appended(text: str, append: bool):
    given = RunInput(record={"name": "R", "metadata": {"region": "North"}}, auto_append_metadata=append)
    ran = await run_flow(prompt(userPrompt=text), scripts=[says("ok")], given=given)
    assert "Record metadata" not in ran.models.requests[0].messages[-1].content


async def test_previous_messages_go_before_the_prompt():
    given = RunInput(messages=(Message("user", "Hi"), Message("assistant", "Hello")))
    ran = await run_flow(
        prompt(userPrompt="And {{user_message}}?", previousMessages="{{messages}}"),
        scripts=[says("ok")],
        given=given,
    )
    assert [(m.role, m.content) for m in ran.models.requests[0].messages] == [
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "And Hi?"),
    ]


@pytest.mark.parametrize("text", ["Use {{secret:API_KEY}}", "Use {{secrets.key}}", "Use {{secrets:X}}"])
async def test_secrets_never_reach_a_model(text: str):
    ran = await run_flow(prompt(userPrompt=text))
    assert "never shown to a model" in ran.of("step_complete")[0].error and ran.models.requests == []


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model": ""}, "names no model"),
        ({"userPrompt": " {{nothing}} "}, "empty"),
        ({"temperature": 3}, "config.temperature"),
    ],
)
async def test_settings_that_cannot_work_are_named(config: dict[str, Any], words: str):
    ran = await run_flow(prompt(**config))
    assert words in ran.of("step_complete")[0].error


async def test_json_answers_are_parsed_and_bad_ones_fail():
    good = await run_flow(
        prompt(responseFormat="json", outputVariable="x"), scripts=[says('```json\n{"a": 1}\n```')]
    )
    assert good.log.memory["s1"].value == {"a": 1}
    bad = await run_flow(prompt(responseFormat="json"), scripts=[says("no json")])
    assert "is not JSON" in bad.of("step_complete")[0].error


async def test_an_unknown_price_makes_the_whole_cost_unknown():
    ran = await run_flow(
        prompt("a"), prompt("b"), scripts=[says("x", cost=Decimal("0.5")), says("y", cost=None)]
    )
    assert ran.finished.totals.cost is None and ran.of("execution_complete")[0].total_cost is None


async def test_remembered_steps_are_not_run_or_told_again():
    first = await run_flow(
        prompt("a", outputVariable="x"), scripts=[says("once", input_tokens=1, output_tokens=1)]
    )
    again = await run_flow(
        prompt("a", outputVariable="x"),
        variable("b", "y", "{{x}} more"),
        memory=first.log.memory,
        announced=True,
        stretch=2,
        attempts={"b": 1},
    )
    assert again.models.requests == []
    assert again.story == ["step_start", "step_complete", "execution_complete"]
    assert again.of("step_start")[0].attempt == 2
    assert again.finished.final_output == "once more"
    assert again.finished.totals.input_tokens == 1 and again.finished.totals.succeeded == 2


async def test_block_ids_of_a_later_stretch_cannot_meet_those_of_an_earlier():
    first = await run_flow(prompt("a"), scripts=[says("x")])
    second = await run_flow(prompt("a"), scripts=[says("x")], stretch=2, announced=True)
    assert {e.id for e in first.of("text_start")}.isdisjoint(e.id for e in second.of("text_start"))


async def test_a_remembered_failure_still_stops_a_flow_that_fails_hard():
    memory = {"a": Remembered("a", "failure", bindings={"_error": "no luck"})}
    ran = await run_flow({**prompt("a"), "errorHandling": "fail"}, memory=memory, announced=True, stretch=2)
    assert ran.finished.state == "failed" and "no luck" in ran.finished.error


def test_repeated_and_missing_ids_get_keys_of_their_own():
    steps = [StepDefinition(type="x", id=i) for i in ("a", "a", None, "a")]
    assert step_keys(steps) == ["a", "a#2", "step_3", "a#3"]


async def test_debug_mode_tells_what_each_step_was_given():
    given = RunInput(inputs={"who": "Ada", "long": "x" * 5000}, debug=True)
    ran = await run_flow(variable("a", "x", "{{who}}"), given=given)
    told = ran.of("custom")[0]
    assert told.name == "signalbox.debug" and told.value["variables"]["who"] == "Ada"
    assert told.value["config"]["value"] == "{{who}}" and len(told.value["variables"]["long"]) == 2001
    assert violations(ran.stored) == []
    assert (await run_flow(variable("a", "x", 1))).of("custom") == []


SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


async def test_a_json_answer_is_held_to_its_schema():
    good = await run_flow(prompt(responseFormat="json", responseSchema=SCHEMA), scripts=[says('{"n": 1}')])
    assert good.log.memory["s1"].value == {"n": 1}
    assert good.models.requests[0].response_format.schema == SCHEMA
    bad = await run_flow(prompt(responseFormat="json", responseSchema=SCHEMA), scripts=[says('{"n": "x"}')])
    assert "does not fit the schema: n:" in bad.of("step_complete")[0].error


@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {"$ref": "http://127.0.0.1:1/schema.json"}])
async def test_a_schema_that_is_none_is_named_and_nothing_is_fetched(schema: dict[str, Any]):
    ran = await run_flow(prompt(responseFormat="json", responseSchema=schema), scripts=[says("1")])
    assert "JSON Schema of this step" in ran.of("step_complete")[0].error


async def test_a_schema_may_come_as_openai_writes_it():
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    ran = await run_flow(prompt(responseFormat=wanted), scripts=[says('{"n": 2}')])
    asked = ran.models.requests[0].response_format
    assert (asked.kind, asked.name, asked.schema) == ("json", "n", SCHEMA)


async def test_a_condition_may_stand_inside_the_config():
    ran = await run_flow(
        {"id": "a", "type": "set-variable", "config": {"variableName": "x", "value": 1, "when": "no"}},
        answers={"no": 0},
    )
    assert ran.story[1] == "step_skip" and ran.of("step_skip")[0].when == "no"
