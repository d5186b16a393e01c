"""Answers of vendors, over real sockets and the guarded client."""

import asyncio
from decimal import Decimal

import pytest

from dashboard.engine.ports import Message, ModelRequest, ReasoningChunk, TextChunk
from tests.fake_vendors.scripts import Talk
from tests.fake_vendors.server import FakeVendor
from tests.models_ai.conftest import KEY, RouterFor, ask

MODELS = {"openai": "gpt-4", "anthropic": "claude-sonnet-4-5"}


@pytest.fixture(params=["fake_openai", "fake_anthropic"])
def vendor(request: pytest.FixtureRequest) -> FakeVendor:
    return request.getfixturevalue(request.param)


def model_of(vendor: FakeVendor) -> str:
    return MODELS[vendor.dialect().name]


async def test_an_answer_arrives_in_pieces_with_its_usage_and_price(
    vendor: FakeVendor, router_for: RouterFor
) -> None:
    answer = await ask(router_for(vendor), model_of(vendor))
    assert answer.failure is None
    assert answer.chosen == answer.chunks[0]
    assert (answer.chosen.model, answer.chosen.vendor) == (model_of(vendor), vendor.dialect().name)
    assert answer.chosen.fallback_reason is None
    assert answer.text == vendor.talk.text
    assert sum(isinstance(chunk, TextChunk) for chunk in answer.chunks) == len(vendor.talk.pieces)
    assert answer.stop_reason == "end_turn"
    assert (answer.done.input_tokens, answer.done.output_tokens) == (91, 12)
    assert isinstance(answer.cost, Decimal)
    assert 0 < answer.cost < 1


async def test_the_price_of_gpt_4_is_the_list_price(fake_openai: FakeVendor, router_for: RouterFor) -> None:
    answer = await ask(router_for(fake_openai), "gpt-4")
    # 30 and 60 dollars per million tokens.
    assert answer.cost == (91 * Decimal(30) + 12 * Decimal(60)) / 1_000_000


async def test_a_model_without_a_list_price_has_an_unknown_cost(
    fake_openai: FakeVendor, router_for: RouterFor
) -> None:
    answer = await ask(router_for(fake_openai), "openai:homemade-model")
    assert answer.failure is None
    assert answer.cost is None
    assert answer.done.output_tokens == 12


async def test_a_local_server_never_has_a_price(fake_openai: FakeVendor, router_for: RouterFor) -> None:
    answer = await ask(router_for(fake_openai, as_vendor="vllm"), "vllm:gpt-4")
    assert answer.text == fake_openai.talk.text
    assert answer.cost is None


async def test_the_key_and_the_model_go_to_the_vendor(vendor: FakeVendor, router_for: RouterFor) -> None:
    await ask(router_for(vendor), model_of(vendor))
    (asked,) = vendor.requests
    assert asked.key == KEY
    assert asked.path.split("?")[0] == vendor.dialect().path
    assert asked.body["model"] == model_of(vendor)
    assert asked.body["stream"] is True


async def test_nothing_of_the_machines_environment_goes_to_the_vendor(
    fake_openai: FakeVendor, router_for: RouterFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-somebody")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-of-somebody")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody")
    await ask(router_for(fake_openai, as_vendor="vllm", key=""), "vllm:llama3")
    assert "somebody" not in str(fake_openai.requests[0].headers)


async def test_the_anthropic_key_of_the_environment_is_not_used(
    fake_anthropic: FakeVendor, router_for: RouterFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-of-somebody")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token-of-somebody")
    await ask(router_for(fake_anthropic), "claude-sonnet-4-5")
    assert "somebody" not in str(fake_anthropic.requests[0].headers)
    assert fake_anthropic.requests[0].key == KEY


async def test_the_conversation_arrives_in_order_with_its_roles(
    fake_openai: FakeVendor, router_for: RouterFor
) -> None:
    history = [Message("user", "One"), Message("assistant", "Two"), Message("user", "Three")]
    request = ModelRequest("gpt-4", history, system="Be brief.")
    async for _ in router_for(fake_openai).stream(request):
        pass
    sent = [(m["role"], m["content"]) for m in fake_openai.requests[0].body["messages"]]
    assert sent == [("system", "Be brief."), ("user", "One"), ("assistant", "Two"), ("user", "Three")]


async def test_the_system_prompt_goes_where_anthropic_wants_it(
    fake_anthropic: FakeVendor, router_for: RouterFor
) -> None:
    await ask(router_for(fake_anthropic), "claude-sonnet-4-5", system="Be brief.")
    body = fake_anthropic.requests[0].body
    assert "Be brief." in str(body["system"])
    assert [message["role"] for message in body["messages"]] == ["user"]


async def test_pictures_of_a_message_arrive_and_unknown_parts_do_not(
    fake_openai: FakeVendor, router_for: RouterFor
) -> None:
    content = [
        {"type": "text", "text": "Look"},
        {"type": "image", "image": "data:image/png;base64,iVBORw0KGgo=", "mimeType": "image/png"},
        {"type": "hologram", "data": "?"},
    ]
    async for _ in router_for(fake_openai).stream(ModelRequest("gpt-4o", [Message("user", content)])):
        pass
    parts = fake_openai.requests[0].body["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url"]
    assert parts[1]["image_url"]["url"] == "data:image/png;base64,iVBORw0KGgo="


async def test_a_picture_that_is_not_base64_is_refused_before_anything_is_sent(
    fake_openai: FakeVendor, router_for: RouterFor
) -> None:
    router = router_for(fake_openai)
    answer = await ask(router, "gpt-4o", prompt=[{"type": "image", "image": "data:image/png;base64,@@@"}])  # type: ignore[arg-type]
    assert answer.failure.code == "INVALID_CONTENT"
    assert fake_openai.requests == []


async def test_reasoning_comes_apart_from_the_text(vendor: FakeVendor, router_for: RouterFor) -> None:
    vendor.script = "reasoning"
    answer = await ask(router_for(vendor), model_of(vendor))
    assert answer.reasoning == "Let me think."
    assert answer.text == vendor.talk.text
    kinds = [type(chunk) for chunk in answer.chunks]
    assert kinds.index(ReasoningChunk) < kinds.index(TextChunk)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("length", "length"),
        ("content-filter", "content_filter"),
        ("normal", "end_turn"),
        ("unknown-finish", "unknown"),
    ],
)
async def test_stop_reasons_are_the_wires(
    vendor: FakeVendor, router_for: RouterFor, script: str, expected: str
) -> None:
    vendor.script = script
    answer = await ask(router_for(vendor), model_of(vendor))
    assert answer.stop_reason == expected


async def test_a_refusal_is_shown_and_marked(vendor: FakeVendor, router_for: RouterFor) -> None:
    vendor.script = "refusal"
    answer = await ask(router_for(vendor), model_of(vendor))
    assert answer.text == "I will not write that."
    assert answer.stop_reason == "content_filter"


@pytest.mark.parametrize("script", ["no-usage", "wild-usage"])
async def test_usage_that_is_missing_or_absurd_is_unknown(
    fake_openai: FakeVendor, router_for: RouterFor, script: str
) -> None:
    fake_openai.script = script
    answer = await ask(router_for(fake_openai))
    assert answer.failure is None
    assert (answer.done.input_tokens, answer.done.output_tokens, answer.cost) == (None, None, None)


@pytest.mark.parametrize(
    "script",
    ["gzipped", "byte-order-mark-and-crlf", "split-everywhere", "unknown-event"],
)
async def test_odd_but_whole_answers_are_read(vendor: FakeVendor, router_for: RouterFor, script: str) -> None:
    vendor.script = script
    answer = await ask(router_for(vendor), model_of(vendor))
    assert answer.failure is None, answer.failure.message
    assert answer.text == vendor.talk.text
    assert answer.stop_reason == "end_turn"


async def test_what_comes_after_the_end_is_not_part_of_the_answer(
    fake_openai: FakeVendor, router_for: RouterFor
) -> None:
    fake_openai.script = "done-twice-and-more"
    answer = await ask(router_for(fake_openai))
    assert (answer.failure, answer.text) == (None, fake_openai.talk.text)


@pytest.mark.parametrize("script", ["no-text", "reasoning-only"])
async def test_an_answer_without_text_is_an_empty_one(
    vendor: FakeVendor, router_for: RouterFor, script: str
) -> None:
    vendor.script = script
    answer = await ask(router_for(vendor), model_of(vendor))
    assert (answer.failure, answer.text, answer.stop_reason) == (None, "", "end_turn")


async def _until(condition: object, seconds: float = 1.0) -> float:
    """Seconds until the condition held."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not condition():  # type: ignore[operator]
        assert loop.time() - began < seconds, "it did not happen in time"
        await asyncio.sleep(0.002)
    return loop.time() - began


async def test_cancelling_the_reader_closes_the_vendors_socket_at_once(
    vendor: FakeVendor, router_for: RouterFor
) -> None:
    vendor.script = "endless"
    reader = asyncio.create_task(ask(router_for(vendor), model_of(vendor)))
    await _until(lambda: vendor.streaming == 1, 10)
    await asyncio.sleep(0.05)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert await _until(lambda: vendor.open_connections == 0) < 0.5
    assert vendor.requests[0].left_early


async def test_a_reader_that_stops_reading_closes_the_vendors_socket_at_once(
    vendor: FakeVendor, router_for: RouterFor
) -> None:
    vendor.script = "endless"
    stream = router_for(vendor).stream(ModelRequest(model_of(vendor), [Message("user", "Go on")]))
    async for chunk in stream:
        if isinstance(chunk, TextChunk):
            break
    await stream.aclose()
    assert await _until(lambda: vendor.open_connections == 0) < 0.5


async def test_cancelling_before_the_first_byte_closes_the_socket(
    vendor: FakeVendor, router_for: RouterFor
) -> None:
    vendor.script = "never"
    reader = asyncio.create_task(ask(router_for(vendor), model_of(vendor)))
    await _until(lambda: vendor.streaming == 1, 10)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert await _until(lambda: vendor.open_connections == 0) < 0.5


async def test_one_connection_and_one_model_serve_two_requests(
    fake_openai: FakeVendor, router_for: RouterFor
) -> None:
    router = router_for(fake_openai)
    await ask(router)
    first = dict(router._cache._models)
    await ask(router)
    assert router._cache._models == first
    assert len(first) == 1
    assert fake_openai.connections == 1
    assert len(fake_openai.requests) == 2


async def test_fifty_answers_stream_at_the_same_time(fake_openai: FakeVendor, router_for: RouterFor) -> None:
    fake_openai.talk = Talk.of_length(20, delay_s=0.01)
    router = router_for(fake_openai)
    await ask(router)
    answers = await asyncio.gather(*(ask(router, prompt=f"Question {n}") for n in range(50)))
    assert [a.failure for a in answers] == [None] * 50
    assert {a.text for a in answers} == {fake_openai.talk.text}
    assert fake_openai.most_streaming == 50
