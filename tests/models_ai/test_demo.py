"""The demo model's behaviour as a model."""

import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.engine.ports import (
    Message,
    ModelDone,
    ModelFailure,
    ModelRequest,
    ReasoningChunk,
    ResponseFormat,
    Sampling,
    TextChunk,
)
from dashboard.models_ai.demo import Demo, words
from dashboard.models_ai.demo_reading import read

SALES = (
    "Analyze the sales performance for Q4 2024 in North America.\n\nRecord metadata:\n"
    '{"growth_rate": "18%", "total_revenue": "$2.5M", "top_products": ["Product A", "Product B"]}'
)


def request(prompt: str = SALES, **more) -> ModelRequest:
    return ModelRequest("demo", [Message("user", prompt)], **more)


async def chunks(wanted: ModelRequest, delay_s: float = 0) -> list:
    return [chunk async for chunk in Demo(delay_s).stream(wanted)]


async def text(wanted: ModelRequest) -> str:
    return "".join(chunk.text for chunk in await chunks(wanted) if isinstance(chunk, TextChunk))


@pytest.mark.parametrize("kind", ["text", "markdown", "json"])
async def test_the_same_request_has_the_same_chunks(kind: Any) -> None:
    wanted = request(response_format=ResponseFormat(kind), reasoning="low")
    assert await chunks(wanted) == await chunks(wanted)


async def test_other_prompts_have_other_answers() -> None:
    assert await text(request("What is 2 plus 2?")) != await text(request("What is 3 plus 3?"))


@pytest.mark.parametrize("kind", ["text", "markdown", "json"])
async def test_it_says_that_it_is_the_demo_and_what_it_was_asked(kind: Any) -> None:
    answer = await text(request(response_format=ResponseFormat(kind)))
    assert "built-in demo model" in answer
    assert "Analyze the sales performance for Q4 2024 in North America." in answer


async def test_facts_numbers_and_names_of_the_prompt_are_in_the_answer() -> None:
    answer = await text(request(response_format=ResponseFormat("markdown")))
    for expected in ("growth_rate", "18%", "total_revenue", "$2.5M", "Product A, Product B", "North America"):
        assert expected in answer
    assert answer.startswith("## ")
    assert "| --- | --- |" in answer


async def test_a_fact_cannot_break_out_of_its_table_cell() -> None:
    answer = await text(request("Look:\ncode: a | b \\| c", response_format=ResponseFormat("markdown")))
    assert "| code | a \\| b \\\\\\| c |" in answer


async def test_an_answer_comes_word_by_word_after_who_answers_and_before_the_counts() -> None:
    got = await chunks(request())
    pieces = [chunk.text for chunk in got[1:-1]]
    assert len(pieces) > 20
    assert all(len(piece.split()) == 1 for piece in pieces if piece.strip())
    assert isinstance(got[-1], ModelDone)
    assert got[-1].cost == Decimal(0)
    assert got[-1].input_tokens is not None
    assert got[-1].output_tokens is not None
    assert min(got[-1].input_tokens, got[-1].output_tokens) > 20


async def test_the_pause_between_words_is_the_one_asked_for() -> None:
    wanted = request("Hi")
    count = len(await chunks(wanted)) - 2
    began = time.monotonic()
    await chunks(wanted, delay_s=0.005)
    assert time.monotonic() - began >= count * 0.005


async def test_reasoning_comes_first_and_only_when_asked_for() -> None:
    got = await chunks(request(reasoning="high"))
    kinds = [type(chunk) for chunk in got]
    assert kinds.index(ReasoningChunk) == 1
    assert kinds.index(TextChunk) > max(i for i, kind in enumerate(kinds) if kind is ReasoningChunk)
    assert ReasoningChunk not in [type(chunk) for chunk in await chunks(request())]


async def test_the_longest_answer_is_respected() -> None:
    got = await chunks(request(sampling=Sampling(max_tokens=5)))
    assert got[-1].stop_reason == "length"
    assert got[-1].output_tokens == 5
    assert (await chunks(request(sampling=Sampling(max_tokens=100_000))))[-1].stop_reason == "end_turn"


async def test_a_stop_sequence_ends_the_answer_before_it() -> None:
    answer = await text(request(sampling=Sampling(stop=("You asked",))))
    assert answer.startswith("This answer comes from")
    assert "You asked" not in answer


async def test_the_time_limit_holds_for_the_demo_too() -> None:
    with pytest.raises(ModelFailure) as caught:
        await chunks(request(timeout_s=0.03), delay_s=0.02)
    assert caught.value.code == "MODEL_TIMEOUT"


async def test_the_conversation_and_the_instructions_are_noticed() -> None:
    history = [Message("user", "One"), Message("assistant", "Two"), Message("user", "And three?")]
    answer = await text(ModelRequest("demo", history, system="Speak like a pirate. Always."))
    assert "And three?" in answer
    assert "2 messages" in answer
    assert "Speak like a pirate." in answer


async def test_json_is_json_and_follows_an_example_in_the_prompt() -> None:
    free = json.loads(await text(request(response_format=ResponseFormat("json"))))
    assert free["facts"]["growth_rate"] == "18%"
    prompt = 'Answer as JSON like {"mood": "good", "score": 0.5, "tags": ["x"]}. The score: 7'
    shaped = json.loads(await text(request(prompt, response_format=ResponseFormat("json"))))
    assert set(shaped) == {"mood", "score", "tags"}
    assert isinstance(shaped["score"], int | float)


async def test_a_json_schema_is_met_and_facts_find_their_property() -> None:
    schema = {"type": "object", "properties": {"growthRate": {"type": "integer"}}, "required": ["growthRate"]}
    answer = json.loads(await text(request(response_format=ResponseFormat("json", schema))))
    assert answer == {"growthRate": 18}


async def test_a_schema_that_nothing_fits_is_a_failure_in_words() -> None:
    impossible = ResponseFormat("json", {"type": "integer", "minimum": 3, "maximum": 2})
    with pytest.raises(ModelFailure, match="cannot write JSON that fits this schema") as caught:
        await chunks(request(response_format=impossible))
    assert caught.value.code == "SCHEMA_NOT_MET"


@settings(deadline=None)
@given(st.text(max_size=400))
def test_words_joined_are_the_text(whole: str) -> None:
    assert "".join(words(whole)) == whole


@settings(deadline=None)
@given(st.text(max_size=600))
async def test_no_prompt_makes_it_fail(prompt: str) -> None:
    for kind in ("text", "markdown", "json"):
        assert await text(request(prompt, response_format=ResponseFormat(kind)))


@pytest.mark.parametrize(
    "prompt",
    [
        "{" * 50_000,
        "a: " * 50_000,
        "A" * 100_000,
        "1," * 50_000,
        "A b " * 50_000,
        '{"a":' * 20_000,
        "x: y, " * 30_000,
    ],
)
def test_a_huge_or_nasty_prompt_is_read_quickly(prompt: str) -> None:
    began = time.monotonic()
    read(request(prompt))
    assert time.monotonic() - began < 1


def test_addresses_are_not_taken_for_facts() -> None:
    reading = read(request("See http://example.com for more.\nRegion: EMEA, Team: Alpha"))
    assert dict(reading.facts) == {"Region": "EMEA", "Team": "Alpha"}


def test_the_question_is_preferred_to_the_first_sentence() -> None:
    assert read(request("Here is a report. What went wrong? Be brief.")).question == "What went wrong?"


def test_text_parts_are_read_and_pictures_are_not() -> None:
    content = [{"type": "image", "image": "data:…"}, {"type": "text", "text": "What is this?"}]
    assert read(ModelRequest("demo", [Message("user", content)])).question == "What is this?"
