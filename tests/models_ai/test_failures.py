"""Vendors that fail: each ends in a sentence, a code, and nothing secret."""

import asyncio
import time

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.models_ai.connections import Connection
from dashboard.models_ai.failures import failure_from, scrubbed
from dashboard.models_ai.router import Router
from dashboard.models_ai.table import BY_NAME
from dashboard.net.client import build_client
from dashboard.net.policy import AddressPolicy
from tests.fake_vendors.server import FakeVendor
from tests.models_ai.conftest import KEY, RouterFor, ask

MODELS = {"openai": "gpt-4", "anthropic": "claude-sonnet-4-5"}


@pytest.fixture(params=["fake_openai", "fake_anthropic"])
def vendor(request: pytest.FixtureRequest) -> FakeVendor:
    return request.getfixturevalue(request.param)


def title_of(vendor: FakeVendor) -> str:
    return BY_NAME[vendor.dialect().name].title


@pytest.mark.parametrize(
    ("script", "status", "code", "retryable"),
    [
        ("fail-400", 400, "MODEL_REQUEST_REJECTED", False),
        ("fail-401", 401, "MODEL_KEY_REFUSED", False),
        ("fail-403", 403, "MODEL_KEY_REFUSED", False),
        ("fail-404", 404, "MODEL_NOT_AVAILABLE", False),
        ("fail-429", 429, "MODEL_RATE_LIMITED", True),
        ("fail-500", 500, "MODEL_VENDOR_ERROR", True),
        ("fail-502", 502, "MODEL_VENDOR_ERROR", True),
        ("fail-503", 503, "MODEL_OVERLOADED", True),
        ("fail-529", 529, "MODEL_OVERLOADED", True),
    ],
)
async def test_a_status_becomes_a_sentence_with_the_vendor_and_the_number(
    vendor: FakeVendor, router_for: RouterFor, script: str, status: int, code: str, retryable: bool
) -> None:
    vendor.script = script
    failure = (await ask(router_for(vendor), MODELS[vendor.dialect().name])).failure
    assert (failure.code, failure.status, failure.retryable) == (code, status, retryable)
    assert failure.message.startswith(title_of(vendor))
    assert f"(HTTP {status})" in failure.message
    assert len(vendor.requests) == 1, "the libraries must not try again by themselves"


async def test_a_refused_key_says_where_to_look(fake_openai: FakeVendor, router_for: RouterFor) -> None:
    fake_openai.script = "fail-401"
    failure = (await ask(router_for(fake_openai))).failure
    assert failure.message == "OpenAI refused the key (HTTP 401). Check it under Settings → Models."


async def test_a_rate_limit_says_how_long_to_wait(fake_openai: FakeVendor, router_for: RouterFor) -> None:
    fake_openai.script = "fail-429"
    failure = (await ask(router_for(fake_openai))).failure
    assert failure.message.endswith("It says: “Slow down” It asks to wait 7 seconds.")


async def test_a_wait_of_thirty_years_is_not_passed_on(
    fake_openai: FakeVendor, router_for: RouterFor
) -> None:
    fake_openai.script = "fail-429"
    fake_openai.talk.retry_after = "1000000000"
    began = time.monotonic()
    failure = (await ask(router_for(fake_openai))).failure
    assert "wait" not in failure.message
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "script",
    [
        "cut-mid-stream",
        "cut-mid-line",
        "cut-mid-character",
        "end-mid-line",
        "end-without-finish",
        "done-without-finish",
        "cut-after-finish",
    ],
)
async def test_an_answer_that_broke_off_is_never_a_success(
    vendor: FakeVendor, router_for: RouterFor, script: str
) -> None:
    vendor.script = script
    answer = await ask(router_for(vendor), MODELS[vendor.dialect().name])
    assert answer.done is None
    assert answer.text == vendor.talk.text
    assert (answer.failure.code, answer.failure.retryable) == ("MODEL_ANSWER_INCOMPLETE", True)
    assert title_of(vendor) in answer.failure.message


@pytest.mark.parametrize("script", ["cut-at-once", "cut-after-headers"])
async def test_a_connection_that_breaks_before_any_text_can_be_tried_again(
    vendor: FakeVendor, router_for: RouterFor, script: str
) -> None:
    vendor.script = script
    failure = (await ask(router_for(vendor), MODELS[vendor.dialect().name])).failure
    assert failure.retryable
    assert failure.code == "MODEL_ANSWER_INCOMPLETE"


@pytest.mark.parametrize(
    "script",
    [
        "html-200",
        "error-200",
        "empty-stream",
        "no-content-204",
        "broken-json",
        "redirect-inwards",
        "header-flood",
    ],
)
async def test_an_answer_that_is_none_is_a_failure_in_words(
    vendor: FakeVendor, router_for: RouterFor, script: str
) -> None:
    vendor.script = script
    answer = await ask(router_for(vendor), MODELS[vendor.dialect().name])
    assert answer.done is None
    assert answer.failure.code.startswith("MODEL_")
    assert answer.failure.message.startswith(title_of(vendor))
    assert answer.failure.message.endswith((".", "?", "”"))
    assert "169.254" not in answer.failure.message


@pytest.mark.parametrize("script", ["one-huge-line", "gzip-bomb"])
async def test_a_frame_without_end_is_given_up_on_after_a_megabyte(
    vendor: FakeVendor, router_for: RouterFor, script: str
) -> None:
    vendor.script = script
    failure = (await ask(router_for(vendor), MODELS[vendor.dialect().name])).failure
    assert (failure.code, failure.retryable) == ("MODEL_ANSWER_INVALID", False)
    assert "larger than 1 MB" in failure.message


async def test_an_error_in_the_middle_of_an_answer_is_quoted(
    vendor: FakeVendor, router_for: RouterFor
) -> None:
    vendor.script = "error-frame"
    answer = await ask(router_for(vendor), MODELS[vendor.dialect().name])
    assert answer.text == vendor.talk.text
    assert "The model tripped over the carpet" in answer.failure.message
    assert answer.failure.retryable


async def test_a_key_that_the_vendor_repeats_is_hidden(vendor: FakeVendor, router_for: RouterFor) -> None:
    vendor.script = "key-echo"
    key = "Zq9xP2mW7rT4vB8nC3kL"
    failure = (await ask(router_for(vendor, key=key), MODELS[vendor.dialect().name])).failure
    assert all(key[at : at + 8] not in failure.message for at in range(len(key) - 7))
    assert "\x1b" not in failure.message
    assert len(failure.message) < 400
    assert "[key] is wrong" in failure.message


async def test_a_vendor_that_never_answers_is_given_up_on_time(
    vendor: FakeVendor, router_for: RouterFor
) -> None:
    router = router_for(vendor)
    await ask(router, MODELS[vendor.dialect().name])
    vendor.script = "never"
    began = time.monotonic()
    failure = (await ask(router, MODELS[vendor.dialect().name], timeout_s=0.3)).failure
    assert 0.25 < time.monotonic() - began < 2
    assert (failure.code, failure.retryable) == ("MODEL_TIMEOUT", True)
    assert failure.message == f"{title_of(vendor)} did not finish its answer within 0.3 seconds."


@pytest.mark.parametrize("script", ["trickle", "pings-only", "endless"])
async def test_bytes_without_end_do_not_outlast_the_time_limit(
    vendor: FakeVendor, router_for: RouterFor, script: str
) -> None:
    vendor.script = script
    failure = (await ask(router_for(vendor), MODELS[vendor.dialect().name], timeout_s=0.5)).failure
    assert failure.code == "MODEL_TIMEOUT"
    async with asyncio.timeout(1):
        while vendor.open_connections:
            await asyncio.sleep(0.005)


async def test_silence_in_the_middle_of_an_answer_ends_it_although_pings_go_on(
    vendor: FakeVendor, router_for: RouterFor
) -> None:
    vendor.script = "silent-after-text"
    router = router_for(vendor, idle_timeout_s=0.2)
    answer = await ask(router, MODELS[vendor.dialect().name], timeout_s=30)
    assert answer.text == vendor.talk.text
    assert answer.failure.code == "MODEL_TIMEOUT"
    assert "fell silent" in answer.failure.message


async def test_an_address_that_may_not_be_contacted_is_refused_in_words(fake_openai: FakeVendor) -> None:
    connections = {"openai": Connection("openai", fake_openai.base_url, KEY)}
    router = Router(lambda: connections, lambda connection: build_client(AddressPolicy))
    failure = (await ask(router)).failure
    await router.aclose()
    assert (failure.code, failure.retryable) == ("MODEL_ADDRESS_REFUSED", False)
    assert "administrator" in failure.message.lower()
    assert fake_openai.connections == 0


async def test_a_server_that_is_not_there_is_said_to_be_unreachable(router_for: RouterFor) -> None:
    class Nobody:
        port = 9
        base_url = "http://127.0.0.1:9/v1"

    router = router_for(Nobody, as_vendor="ollama")
    failure = (await ask(router, "ollama:llama3")).failure
    assert (failure.code, failure.retryable) == ("MODEL_UNREACHABLE", True)
    assert failure.message.startswith("Ollama could not be reached: ")


async def test_an_error_nobody_expected_still_becomes_a_sentence() -> None:
    failure = failure_from(RuntimeError("what is sk-abcdefgh"), BY_NAME["openai"], KEY)
    assert failure.message == "OpenAI sent an answer that could not be read."
    assert failure.code == "MODEL_ANSWER_INVALID"
    bare = failure_from(httpx2.ReadError("no sentence of ours"), BY_NAME["openai"], KEY)
    assert bare.code.startswith("MODEL_")


@settings(deadline=None)
@given(
    st.text(max_size=60),
    st.text(alphabet="abcdefghij0123456789", min_size=9, max_size=40),
    st.text(max_size=60),
)
def test_no_piece_of_a_key_survives(before: str, key: str, after: str) -> None:
    shown = scrubbed(before + key + after, key)
    assert all(key[at : at + 8] not in shown for at in range(len(key) - 7))


@settings(deadline=None)
@given(st.text(max_size=2000))
def test_what_is_quoted_is_one_short_line(text: str) -> None:
    shown = scrubbed(text, KEY)
    assert len(shown) <= 300
    assert "\n" not in shown


@pytest.mark.parametrize(
    "said",
    [
        "Incorrect API key provided: sk-proj-ab*****xyz.",
        "use Bearer abcdefgh",
        "AIzaSyD-1234567 is bad",
        "gsk-abcd1234",
    ],
)
def test_other_peoples_keys_are_hidden_too(said: str) -> None:
    assert "[key]" in scrubbed(said, "")
