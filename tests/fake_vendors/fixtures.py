"""Fixtures to import into a conftest: `from tests.fake_vendors.fixtures import fake_anthropic, fake_openai`."""

from collections.abc import AsyncIterator

import pytest

from tests.fake_vendors.dialects import Anthropic, OpenAi
from tests.fake_vendors.server import FakeVendor, serving


@pytest.fixture
async def fake_openai() -> AsyncIterator[FakeVendor]:
    async with serving(OpenAi) as vendor:
        yield vendor


@pytest.fixture
async def fake_anthropic() -> AsyncIterator[FakeVendor]:
    async with serving(Anthropic) as vendor:
        yield vendor
