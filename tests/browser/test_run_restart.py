"""A server killed in the middle of a run and started again: the open page heals by itself and repeats nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.rel.processes import Site, kill, site

pytestmark = pytest.mark.crash

LONG = "Tell me slowly about " + " ".join(f"item{n}: value{n}," for n in range(60))
STEPS: list[dict[str, Any]] = [
    {"id": "first", "name": "First", "type": "prompt", "config": {"model": "demo", "userPrompt": "Say hi"}},
    {"id": "slow", "name": "Slow", "type": "prompt", "config": {"model": "demo", "userPrompt": LONG}},
    {"id": "last", "name": "Last", "type": "prompt", "config": {"model": "demo", "userPrompt": "Say bye"}},
]


def start(here: Site) -> str:
    """Start a run through the API and walk away from its stream; the run's id."""
    body = {"flow": {"name": "Crash", "steps": STEPS}, "options": {"streamResponse": True}}
    with here.client() as client, client.stream("POST", "/v1/dispatch", json=body) as answer:
        assert answer.status_code == 200, answer.read()
        return str(answer.headers["X-Execution-Id"])


def sign_in(page: Page, here: Site) -> None:
    here.manage(
        "add_member",
        "ana@example.org",
        "--role",
        "author",
        "--password-stdin",
        stdin="correct horse battery\n",
    )
    page.goto(f"{here.url}/sign-in")
    page.locator("input[name=username]").fill("ana@example.org")
    page.locator("input[name=password]").fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()


def test_the_open_page_heals_when_the_server_comes_back(chromium: Browser, tmp_path: Path) -> None:
    with site(tmp_path / "data") as here:
        server = here.serve()
        context = chromium.new_context()
        page = context.new_page()
        sign_in(page, here)
        run_id = start(here)
        page.goto(f"{here.url}/runs/{run_id}")
        expect(page.locator("#step-slow .block--live .block__text")).not_to_be_empty(timeout=20_000)
        expect(page.locator("#step-first [data-state]")).to_have_attribute("data-state", "completed")
        first = page.locator("#step-first").inner_text()
        kill(server)
        expect(page.locator("#run-connection")).to_have_text("Reconnecting", timeout=8_000)
        here.serve()
        expect(page.locator("#run-end")).to_contain_text("Completed in", timeout=45_000)
        expect(page.locator("#run-connection")).to_have_text("")
        assert page.locator("#step-first").inner_text() == first
        expect(page.locator("#step-slow")).to_contain_text("attempt 2")
        healed = page.locator("#transcript").inner_text()
        page.reload()
        assert page.locator("#transcript").inner_text() == healed
        context.close()
