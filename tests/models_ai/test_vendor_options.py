"""What a request asks for, in the words each vendor takes."""

import pytest

from dashboard.engine.ports import ResponseFormat, Sampling
from tests.fake_vendors.server import FakeVendor
from tests.models_ai.conftest import RouterFor, ask


async def test_a_json_schema_is_handed_to_the_vendor(fake_openai: FakeVendor, router_for: RouterFor) -> None:
    schema = {"type": "object", "properties": {"mood": {"type": "string"}}, "required": ["mood"]}
    wanted = ResponseFormat("json", schema, name="mood report")
    await ask(router_for(fake_openai), "gpt-4o", response_format=wanted)
    sent = fake_openai.requests[0].body["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["name"] == "mood_report"
    assert sent["json_schema"]["schema"]["properties"]["mood"]["type"] == "string"


async def test_a_json_schema_is_handed_to_anthropic(
    fake_anthropic: FakeVendor, router_for: RouterFor
) -> None:
    schema = {"type": "object", "properties": {"mood": {"type": "string"}}, "required": ["mood"]}
    await ask(router_for(fake_anthropic), "claude-sonnet-4-5", response_format=ResponseFormat("json", schema))
    assert "mood" in str(fake_anthropic.requests[0].body["output_config"])


@pytest.mark.parametrize(
    ("model", "as_vendor", "schema"),
    [
        ("gpt-4", "openai", {"type": "object", "properties": {"mood": {}}}),
        ("gpt-4o", "openai", {"type": "array", "items": {"const": "mood"}}),
        ("openai-compatible:any", "openai-compatible", {"type": "object", "properties": {"mood": {}}}),
    ],
)
async def test_where_no_schema_can_be_handed_over_the_prompt_asks_for_it(
    fake_openai: FakeVendor, router_for: RouterFor, model: str, as_vendor: str, schema: dict[str, object]
) -> None:
    router = router_for(fake_openai, as_vendor=as_vendor)
    await ask(router, model, response_format=ResponseFormat("json", schema))
    body = fake_openai.requests[0].body
    assert "response_format" not in body
    assert "mood" in body["messages"][0]["content"]


async def test_plain_json_uses_the_vendors_json_mode_where_there_is_one(
    fake_openai: FakeVendor, router_for: RouterFor
) -> None:
    router = router_for(fake_openai)
    await ask(router, "gpt-4o", response_format=ResponseFormat("json"))
    await ask(router, "gpt-4", response_format=ResponseFormat("json"))
    assert fake_openai.requests[0].body["response_format"] == {"type": "json_object"}
    assert "response_format" not in fake_openai.requests[1].body
    assert all("JSON" in asked.body["messages"][0]["content"] for asked in fake_openai.requests)


SAMPLING = Sampling(
    temperature=1.5,
    max_tokens=300,
    top_p=0.9,
    top_k=40,
    frequency_penalty=0.5,
    presence_penalty=-0.5,
    seed=7,
    stop=("END",),
)


async def test_openai_gets_the_options_it_knows(fake_openai: FakeVendor, router_for: RouterFor) -> None:
    await ask(router_for(fake_openai), "gpt-4o", sampling=SAMPLING)
    body = fake_openai.requests[0].body
    assert (body["temperature"], body["top_p"], body["max_tokens"], body["seed"]) == (1.5, 0.9, 300, 7)
    assert (body["frequency_penalty"], body["presence_penalty"], body["stop"]) == (0.5, -0.5, ["END"])
    assert "top_k" not in body


async def test_openai_models_that_reason_get_no_sampling_options(
    fake_openai: FakeVendor, router_for: RouterFor
) -> None:
    await ask(router_for(fake_openai), "o3", sampling=SAMPLING, reasoning="high")
    body = fake_openai.requests[0].body
    assert body["reasoning_effort"] == "high"
    assert body["max_completion_tokens"] == 300
    assert not body.keys() & {"temperature", "top_p", "stop", "top_k", "max_tokens", "presence_penalty"}


async def test_openai_models_that_do_not_reason_are_not_asked_to(
    fake_openai: FakeVendor, router_for: RouterFor
) -> None:
    await ask(router_for(fake_openai), "gpt-4o", reasoning="high")
    assert "reasoning_effort" not in fake_openai.requests[0].body


async def test_a_budget_becomes_an_effort_where_only_efforts_are_known(
    fake_openai: FakeVendor, router_for: RouterFor
) -> None:
    await ask(router_for(fake_openai), "o3", reasoning=2000)
    assert fake_openai.requests[0].body["reasoning_effort"] == "low"


async def test_openrouter_gets_a_budget_and_top_k(fake_openai: FakeVendor, router_for: RouterFor) -> None:
    router = router_for(fake_openai, as_vendor="openrouter")
    await ask(router, "openrouter:meta-llama/llama-3.3-70b", sampling=SAMPLING, reasoning=2000)
    body = fake_openai.requests[0].body
    assert body["model"] == "meta-llama/llama-3.3-70b"
    assert body["reasoning"] == {"max_tokens": 2000}
    assert body["top_k"] == 40


async def test_anthropic_gets_the_options_it_knows(fake_anthropic: FakeVendor, router_for: RouterFor) -> None:
    await ask(router_for(fake_anthropic), "claude-sonnet-4-5", sampling=SAMPLING)
    body = fake_anthropic.requests[0].body
    assert (body["temperature"], body["top_k"], body["max_tokens"]) == (1.0, 40, 300)
    assert body["stop_sequences"] == ["END"]
    assert not body.keys() & {"top_p", "seed", "frequency_penalty", "presence_penalty"}


async def test_anthropic_always_gets_a_longest_answer(
    fake_anthropic: FakeVendor, router_for: RouterFor
) -> None:
    await ask(router_for(fake_anthropic), "claude-sonnet-4-5")
    assert fake_anthropic.requests[0].body["max_tokens"] >= 4096


async def test_thinking_has_a_budget_beside_the_longest_answer(
    fake_anthropic: FakeVendor, router_for: RouterFor
) -> None:
    await ask(router_for(fake_anthropic), "claude-sonnet-4-5", sampling=SAMPLING, reasoning=5000)
    body = fake_anthropic.requests[0].body
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 5000}
    assert body["max_tokens"] == 5300
    assert not body.keys() & {"temperature", "top_p", "top_k"}


async def test_models_that_size_their_own_thinking_get_an_effort(
    fake_anthropic: FakeVendor, router_for: RouterFor
) -> None:
    await ask(router_for(fake_anthropic), "claude-opus-4-7", sampling=SAMPLING, reasoning=20_000)
    body = fake_anthropic.requests[0].body
    assert body["thinking"]["type"] == "adaptive"
    assert body["output_config"]["effort"] == "high"
    assert not body.keys() & {"temperature", "top_p", "top_k"}
