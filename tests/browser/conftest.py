"""A real server on a free port and a real Chromium: what the browser tests stand on.

The server runs in a thread of this process against the test database (a file), so a test may prepare rows with the ORM and
look at them afterwards. Run these tests as a pytest call of their own: Playwright's loop and asyncio tests do not mix.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from dashboard.asgi import application
from dashboard.models import Member

# Nothing here looks at a graphics card, and a browser under test has nobody to call.
FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-software-rasterizer",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = Path(__file__).parent / "vendor" / "axe" / "axe.min.js"
WIDE, PHONE = (1280, 900), (390, 844)
OpenPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("NO BROWSER TEST RAN: Chromium is not installed (apt-get install chromium)")
    # Playwright keeps a loop running in this thread; the ORM refuses to work beside one unless told that it is meant.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    playwright: Playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server_url(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The address of the product, served by uvicorn as in production."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(application, log_level="warning", timeout_graceful_shutdown=1, lifespan="on")
    server = uvicorn.Server(config)
    with django_db_blocker.unblock():
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline, "the server did not start within 30 s"
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(15)
        assert not thread.is_alive(), "the server did not stop within 15 s"


class Watch:
    """What a page said that it should not have: errors of scripts, of the console, of the content security policy."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        page.on("console", self._heard)
        page.on("requestfailed", lambda request: self.complaints.append(f"request: {request.url}"))

    def _heard(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"console: {message.text}")


@pytest.fixture(scope="session")
def stranger(chromium: Browser, server_url: str) -> Iterator[BrowserContext]:
    """A plain browser that keeps its cache of static files from test to test, and nothing else."""
    context = _context(chromium, server_url, WIDE, "light")
    yield context
    context.close()


def _context(
    chromium: Browser, server_url: str, size: tuple[int, int], scheme: Any, **options: Any
) -> BrowserContext:
    context = chromium.new_context(
        base_url=server_url,
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        **options,
    )
    context.set_default_timeout(10_000)
    return context


@pytest.fixture
def open_page(
    chromium: Browser, stranger: BrowserContext, server_url: str, transactional_db: None
) -> Iterator[OpenPage]:
    """`open_page("/runs", member=ana, size=PHONE, scheme="dark")` is that page, signed in, watched by `page.watch`."""
    contexts: list[BrowserContext] = []

    def open_it(
        path: str,
        member: Member | None = None,
        size: tuple[int, int] = WIDE,
        scheme: str = "light",
        **options: Any,
    ) -> Page:
        plain = member is None and not options and (size, scheme) == (WIDE, "light")
        context = stranger if plain else _context(chromium, server_url, size, scheme, **options)
        if not plain:
            contexts.append(context)
        if member is not None:
            sign_in(context, server_url, member)
        page = context.new_page()
        vars(page)["watch"] = Watch(page)
        page.goto(path)
        return page

    yield open_it
    for context in contexts:
        context.close()
    for page in stranger.pages:
        page.close()
    stranger.clear_cookies()


@pytest.fixture
def signed_in_page(open_page: OpenPage, member: Callable[..., Member]) -> Callable[..., Page]:
    """`signed_in_page("author", "/flows")` is a page of a new member with this role; `page.member` says who."""

    def open_as(role: str, path: str = "/", **options: Any) -> Page:
        who = member(role)
        page = open_page(path, member=who, **options)
        vars(page)["member"] = who
        return page

    return open_as


def sign_in(context: BrowserContext, server_url: str, member: Member) -> None:
    client = Client()
    client.force_login(member.user, backend="django.contrib.auth.backends.ModelBackend")
    name = django_settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": server_url}])


def overflow(page: Page) -> int:
    """By how many pixels the page scrolls sideways."""
    wide: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wide


def axe(page: Page) -> list[str]:
    """What axe-core finds serious or critical on the page, one line each.

    It goes in through the debugger, past the content security policy; look at `page.watch` before, because axe itself
    tries inline styles.
    """
    source = (
        f"{AXE.read_text()};axe.run({{resultTypes: ['violations']}}).then(r => r.violations.map(v => "
        "({impact: v.impact, id: v.id, nodes: v.nodes.map(n => n.target.join(' ')).slice(0, 5)})))"
    )
    client = page.context.new_cdp_session(page)
    answer = client.send(
        "Runtime.evaluate", {"expression": source, "awaitPromise": True, "returnByValue": True}
    )
    assert "value" in answer["result"], answer
    found = answer["result"]["value"]
    return [f"{v['impact']} {v['id']}: {v['nodes']}" for v in found if v["impact"] in {"serious", "critical"}]
