"""Fake vendors, and routers that reach them through the guarded client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from dashboard.engine.ports import (
    Message,
    ModelChosen,
    ModelDone,
    ModelFailure,
    ModelRequest,
    ReasoningChunk,
    TextChunk,
)
from dashboard.models_ai.connections import Connection
from dashboard.models_ai.router import ModelCache, Router
from dashboard.net.client import MODEL_LIMITS, MODEL_TIMEOUTS, build_client
from dashboard.net.policy import AddressPolicy
from tests.fake_vendors.fixtures import fake_anthropic, fake_openai
from tests.fake_vendors.server import FakeVendor

__all__ = ["fake_anthropic", "fake_openai"]

KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def _empty_cache() -> None:
    """This room has no Django cache to empty."""


@dataclass
class Answer:
    """An answer, read to its end."""

    chosen: ModelChosen | None = None
    text: str = ""
    reasoning: str = ""
    done: ModelDone | None = None
    failure: ModelFailure | None = None
    chunks: list[Any] = field(default_factory=list)

    @property
    def stop_reason(self) -> str | None:
        return self.done.stop_reason if self.done else None

    @property
    def cost(self) -> Decimal | None:
        return self.done.cost if self.done else None


async def ask(
    router: Router, model: str = "gpt-4", prompt: str = "How did the quarter go?", **more: Any
) -> Answer:
    """Ask and read all there is; a failure is part of the answer."""
    answer = Answer()
    try:
        async for chunk in router.stream(ModelRequest(model, [Message("user", prompt)], **more)):
            answer.chunks.append(chunk)
            match chunk:
                case ModelChosen():
                    answer.chosen = chunk
                case TextChunk(text):
                    answer.text += text
                case ReasoningChunk(text):
                    answer.reasoning += text
                case ModelDone():
                    answer.done = chunk
    except ModelFailure as failure:
        answer.failure = failure
    return answer


@pytest.fixture(autouse=True, scope="session")
def _vendor_libraries_are_loaded() -> None:
    """Importing them takes seconds, which would count as an answer's time in whichever test came first."""
    asyncio.run(ModelCache.warm_up([Connection("openai"), Connection("anthropic")]))


RouterFor = Callable[..., Router]


@pytest.fixture
async def router_for() -> AsyncIterator[RouterFor]:
    """Make a router whose connections lead to the given fake vendors, which are all it may contact."""
    made: list[ModelCache] = []

    def make(
        vendor: FakeVendor | None = None,
        *,
        as_vendor: str = "",
        key: str = KEY,
        fallback: Any = "",
        idle_timeout_s: float = 90.0,
    ) -> Router:
        allowed = frozenset({("127.0.0.1", vendor.port)}) if vendor else frozenset()
        policy = AddressPolicy(allow_hosts=allowed)

        def http(connection: Connection) -> httpx2.AsyncClient:
            return build_client(lambda: policy, timeouts=MODEL_TIMEOUTS, limits=MODEL_LIMITS)

        connections = {}
        if vendor:
            name = as_vendor or vendor.dialect().name
            connections[name] = Connection(name, vendor.base_url, key, trusted=True)
        made.append(cache := ModelCache(http, idle_timeout_s=idle_timeout_s))
        return Router(lambda: connections, http, fallback, cache=cache, demo_delay_s=0)

    yield make
    for cache in made:
        await cache.aclose()
