"""What a log says about going on: open blocks are closed, unfinished starts are counted. And what people read of it."""

from typing import Any

import pytest

from dashboard.runs.recovery import recover
from dashboard.runs.transcript import fold
from dashboard.wire.events import Event
from tests.engine.world import fails, run_flow, says

PROMPT = {"id": "a", "name": "Ask", "type": "prompt", "config": {"model": "gpt-4", "userPrompt": "Hi"}}


async def told(*steps: dict[str, Any], **world: Any) -> list[Event]:
    return (await run_flow(*steps, **world)).stored


async def test_a_whole_log_leaves_nothing_to_recover():
    recovery = recover(await told(PROMPT, scripts=[says("x y")]))
    assert recovery.announced and recovery.closing == [] and recovery.attempts == {}


async def test_a_log_cut_inside_a_block_is_closed_with_the_text_so_far():
    events = await told(PROMPT, scripts=[says("one two three")])
    cut = events[: next(i for i, e in enumerate(events) if e.type == "text_delta") + 2]
    recovery = recover(cut)
    assert [(e.type, e.text) for e in recovery.closing] == [("text_complete", "one two")]
    assert recovery.attempts == {"a": 1}


def test_an_empty_log_says_so():
    assert not recover([]).announced


@pytest.mark.parametrize("length", range(10))
async def test_any_prefix_of_a_log_folds_to_the_transcript_of_that_moment(length: int):
    events = await told(PROMPT, {**PROMPT, "id": "b"}, scripts=[says("one two"), fails()])
    transcript = fold(events[:length])
    assert transcript.last_seq == length - 1
    assert [step.id for step in transcript.steps] == [e.id for e in events[:length] if e.type == "step_start"]
    assert not transcript.ended


async def test_a_transcript_shows_text_prompt_model_tokens_and_errors():
    events = await told(
        PROMPT, {**PROMPT, "id": "b"}, scripts=[says("one two", input_tokens=4, output_tokens=2), fails()]
    )
    transcript = fold(events)
    first, second = transcript.steps
    assert (first.state, first.blocks[0].text, first.blocks[0].done) == ("completed", "one two", True)
    assert (first.prompt, first.model, first.input_tokens, first.output_tokens) == ("Hi", "gpt-4", 4, 2)
    assert (second.state, second.error) == ("failed", "OpenAI had a fault (HTTP 500).")
    assert transcript.ended and transcript.success and transcript.final_output == "one two"


async def test_a_later_attempt_replaces_the_interrupted_one():
    first = await told(PROMPT, scripts=[says("lost words")])
    cut = first[:4]
    again = [
        event.stamped("exec_test", 4 + i)
        for i, event in enumerate(
            await told(PROMPT, scripts=[says("kept words")], stretch=2, announced=True, attempts={"a": 1})
        )
    ]
    transcript = fold([*cut, *again])
    assert [(s.id, s.attempt, s.blocks[0].text) for s in transcript.steps] == [("a", 2, "kept words")]


async def test_a_skipped_step_shows_its_condition():
    events = await told({**PROMPT, "when": "no"}, answers={"no": False})
    assert [(s.state, s.when) for s in fold(events).steps] == [("skipped", "no")]


async def test_a_run_that_ended_in_an_error_shows_it_in_words():
    events = await told({**PROMPT, "errorHandling": "fail"}, scripts=[fails()])
    transcript = fold(events)
    assert transcript.ended and not transcript.success and transcript.error_code == "STEP_FAILED"
    assert "Ask" in (transcript.error or "")


async def test_steps_inside_a_step_are_shown_one_level_down_and_take_their_own_text():
    inner = {"id": "in", "type": "prompt", "config": {"model": "gpt-4", "userPrompt": "x"}}
    outer = {"id": "if", "type": "conditional", "config": {"condition": "yes", "trueSteps": [inner]}}
    events = await told(
        outer, {**PROMPT, "id": "b"}, answers={"yes": 1}, scripts=[says("inner text"), says("outer text")]
    )
    steps = fold(events).steps
    assert [(s.id, s.depth, s.state) for s in steps] == [
        ("if", 0, "completed"),
        ("in", 1, "completed"),
        ("b", 0, "completed"),
    ]
    assert [[block.text for block in s.blocks] for s in steps] == [[], ["inner text"], ["outer text"]]


async def test_a_later_attempt_of_a_step_that_holds_steps_keeps_its_place():
    inner = {"id": "in", "type": "set-variable", "config": {"variableName": "x", "value": 1}}
    outer = {"id": "if", "type": "conditional", "config": {"condition": "yes", "trueSteps": [inner, PROMPT]}}
    first = await told(outer, answers={"yes": 1}, scripts=[says("x")])
    cut = first[: [e.type for e in first].index("text_start")]
    memory = (await run_flow(outer, answers={"yes": 1}, scripts=[says("x")])).log.memory
    kept = {key: value for key, value in memory.items() if key == "if/true/in"}
    later = await told(
        outer,
        answers={"yes": 1},
        scripts=[says("kept")],
        stretch=2,
        announced=True,
        memory=kept,
        attempts={"if": 1, "a": 1},
    )
    events = [*cut, *(e.stamped("exec_test", len(cut) + i) for i, e in enumerate(later))]
    steps = fold(events).steps
    assert [(s.id, s.depth, s.attempt, s.state) for s in steps] == [
        ("if", 0, 2, "completed"),
        ("in", 1, 1, "completed"),
        ("a", 1, 2, "completed"),
    ]
