"""The fakes themselves: other tests and the benchmark lean on them."""

import asyncio
import json
import subprocess
import sys
import time

import httpx2
import pytest

from tests.fake_vendors.dialects import Anthropic, OpenAi
from tests.fake_vendors.scripts import SCRIPTS
from tests.fake_vendors.server import FakeVendor, in_thread

BODY = {"model": "gpt-4", "stream": True, "messages": []}


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_a_fake_vendor_starts_from_a_shell_and_keeps_its_pace(protocol: str) -> None:
    command = [
        sys.executable,
        "-m",
        f"tests.fake_vendors.{protocol}",
        "--tokens",
        "10",
        "--tokens-per-second",
        "50",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            base_url = process.stdout.readline().strip()
            assert base_url.startswith("http://127.0.0.1:")
            path = "/chat/completions" if protocol == "openai" else "/v1/messages"
            began = time.monotonic()
            answer = httpx2.post(base_url + path, json=BODY, trust_env=False)
            assert 0.2 <= time.monotonic() - began < 2
            assert answer.text.count("word") == 10
        finally:
            process.terminate()


@pytest.mark.parametrize("dialect", [OpenAi, Anthropic])
def test_a_fake_vendor_in_a_thread_answers_in_one_piece_too(dialect: type) -> None:
    with in_thread(dialect) as vendor:
        answer = httpx2.post(vendor.origin + dialect.path, json={**BODY, "stream": False}, trust_env=False)
        assert vendor.talk.text in json.dumps(answer.json(), ensure_ascii=False)
        assert vendor.requests[0].body["model"] == "gpt-4"


def test_a_models_name_can_choose_the_script() -> None:
    with in_thread(OpenAi) as vendor:
        url = vendor.origin + OpenAi.path
        assert httpx2.post(url, json={**BODY, "model": "gpt-4~fail-429"}, trust_env=False).status_code == 429
        assert httpx2.post(url, json=BODY, trust_env=False).status_code == 200


async def test_a_fake_vendor_notices_that_its_client_left(fake_openai: FakeVendor) -> None:
    fake_openai.script = "endless"
    async with (
        httpx2.AsyncClient(trust_env=False) as client,
        client.stream("POST", fake_openai.base_url + "/chat/completions", json=BODY) as answer,
    ):
        await anext(answer.aiter_bytes())
        assert fake_openai.streaming == 1
    deadline = time.monotonic() + 2
    while fake_openai.streaming and time.monotonic() < deadline:
        await asyncio.sleep(0.005)
    assert fake_openai.requests[0].left_early


def test_there_is_a_script_for_every_kind_of_trouble() -> None:
    assert len(SCRIPTS) > 40
    assert all(name == name.lower() and "_" not in name for name in SCRIPTS)
