"""One pool per test: workers belong to the event loop of the test."""

from collections.abc import AsyncIterator

import pytest

from dashboard.sandbox.pool import SandboxPool


@pytest.fixture
async def pool() -> AsyncIterator[SandboxPool]:
    made = SandboxPool(size=2)
    yield made
    await made.close()
