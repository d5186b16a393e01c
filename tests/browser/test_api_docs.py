"""The page that describes the API, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, WIDE, OpenPage, axe, overflow


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1280", "390"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_description_is_quiet_fits_and_is_accessible(
    open_page: OpenPage, size: tuple[int, int], scheme: str
) -> None:
    page = open_page("/v1/docs", size=size, scheme=scheme)
    expect(page.locator("#dispatch")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page.watch.complaints == []
    assert overflow(page) == 0
    assert axe(page) == []


def test_it_reads_without_javascript_and_leads_to_every_operation(open_page: OpenPage) -> None:
    page = open_page("/v1/docs", java_script_enabled=False)
    page.get_by_role("link", name="Cancel an execution").click()
    expect(page.locator("#cancelExecution")).to_be_in_viewport()
    event = page.locator("details", has=page.locator("summary", has_text="step_complete"))
    event.locator("summary").click()
    expect(event.get_by_text("unresolvedVariables")).to_be_visible()


def test_the_document_behind_it_is_a_link_away(open_page: OpenPage) -> None:
    page = open_page("/v1/docs")
    with page.expect_response("**/v1/openapi.json") as answer:
        page.get_by_role("link", name="OpenAPI document").click()
    assert answer.value.json()["openapi"].startswith("3.1")
