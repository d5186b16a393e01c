"""Who answers."""

import asyncio
import subprocess
import sys

from dashboard.engine.ports import ModelChosen
from dashboard.models_ai.connections import Connection
from dashboard.models_ai.router import ModelCache, Router
from dashboard.net.client import build_client
from dashboard.net.policy import AddressPolicy
from tests.fake_vendors.server import FakeVendor
from tests.models_ai.conftest import KEY, RouterFor, ask


async def test_without_a_connection_the_failure_says_what_to_configure(router_for: RouterFor) -> None:
    failure = (await ask(router_for(), "gpt-4")).failure
    assert failure.code == "MODEL_NOT_CONFIGURED"
    assert failure.message == (
        "gpt-4 needs a connection to OpenAI, and there is none. "
        "Set OPENAI_API_KEY or add a connection under Settings → Models."
    )
    assert not failure.retryable


async def test_without_a_connection_the_demo_answers_where_it_may_and_says_why(router_for: RouterFor) -> None:
    answer = await ask(router_for(fallback="demo"), "claude-sonnet-4-6")
    assert answer.chunks[0] == ModelChosen(
        model="demo",
        vendor="demo",
        fallback_reason="No connection to Anthropic is configured, so the built-in demo model answered.",
    )
    assert "built-in demo model" in answer.text
    assert answer.cost == 0


async def test_a_name_that_leads_nowhere_is_not_available(router_for: RouterFor) -> None:
    failure = (await ask(router_for(), "gtp-4")).failure
    assert failure.code == "MODEL_NOT_AVAILABLE"
    assert "“gtp-4”" in failure.message


async def test_for_a_name_that_leads_nowhere_the_demo_gives_that_reason(router_for: RouterFor) -> None:
    answer = await ask(router_for(fallback="demo"), "gtp-4")
    assert answer.chosen.fallback_reason == "No model is called “gtp-4”, so the built-in demo model answered."


async def test_the_demo_asked_for_by_name_is_no_fallback(router_for: RouterFor) -> None:
    answer = await ask(router_for(), "demo")
    assert answer.chosen == ModelChosen("demo", "demo", None)


async def test_the_demo_never_covers_up_a_vendor_that_failed(
    fake_openai: FakeVendor, router_for: RouterFor
) -> None:
    fake_openai.script = "fail-401"
    answer = await ask(router_for(fake_openai, fallback="demo"))
    assert answer.failure.code == "MODEL_KEY_REFUSED"
    assert answer.text == ""


async def test_a_connection_without_its_key_counts_as_none(router_for: RouterFor) -> None:
    router = router_for()
    router._connections = lambda: {"openai": Connection("openai")}
    assert (await ask(router, "gpt-4")).failure.code == "MODEL_NOT_CONFIGURED"


async def test_names_of_no_family_go_to_the_operators_own_openai_server(
    fake_openai: FakeVendor, router_for: RouterFor
) -> None:
    answer = await ask(router_for(fake_openai), "qwen3-coder")
    assert answer.failure is None
    assert fake_openai.requests[0].body["model"] == "qwen3-coder"


async def test_a_new_key_works_at_once(fake_openai: FakeVendor) -> None:
    policy = AddressPolicy(allow_hosts=frozenset({("127.0.0.1", fake_openai.port)}))
    keys = iter(["first-key-of-all", "second-key-of-all"])
    router = Router(
        lambda: {"openai": Connection("openai", fake_openai.base_url, next(keys))},
        lambda connection: build_client(lambda: policy),
    )
    await ask(router)
    await ask(router)
    await router.aclose()
    assert [asked.key for asked in fake_openai.requests] == ["first-key-of-all", "second-key-of-all"]


async def test_routers_share_a_cache_and_leave_it_open(fake_openai: FakeVendor) -> None:
    policy = AddressPolicy(allow_hosts=frozenset({("127.0.0.1", fake_openai.port)}))
    made = []

    def http(connection: Connection):
        made.append(build_client(lambda: policy))
        return made[-1]

    cache = ModelCache(http)
    for _ in range(3):
        router = Router(
            lambda: {"openai": Connection("openai", fake_openai.base_url, KEY, trusted=True)},
            http,
            cache=cache,
        )
        assert (await ask(router)).failure is None
        await router.aclose()
    assert len(made) == 1
    assert not made[0].is_closed
    await cache.aclose()
    assert made[0].is_closed


async def test_many_first_requests_at_once_build_one_model(
    fake_openai: FakeVendor, router_for: RouterFor
) -> None:
    router = router_for(fake_openai)
    answers = await asyncio.gather(*(ask(router) for _ in range(10)))
    assert [answer.failure for answer in answers] == [None] * 10
    assert len(router._cache._models) == 1
    assert len(router._cache._clients) == 1


async def test_a_router_never_keeps_more_models_than_its_limit(
    fake_openai: FakeVendor, router_for: RouterFor, monkeypatch
) -> None:
    monkeypatch.setattr("dashboard.models_ai.router._MOST_CACHED", 3)
    router = router_for(fake_openai)
    for number in range(6):
        await ask(router, f"openai:model-{number}")
    assert len(router._cache._models) == 3


async def test_warming_up_loads_the_libraries_of_these_connections() -> None:
    await ModelCache.warm_up([Connection("ollama", "http://localhost:1")])
    assert "pydantic_ai.models.openai" in sys.modules
    await ModelCache.warm_up([])


def test_importing_the_router_loads_no_vendor_library() -> None:
    code = (
        "import sys, dashboard.models_ai.router\n"
        "print([m for m in ('pydantic_ai', 'openai', 'anthropic', 'django') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
