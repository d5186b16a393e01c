"""A caller of the API without a server: Django's test client with a key."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.test.client import MULTIPART_CONTENT

from dashboard.api.auth import failures
from dashboard.models import SCOPES, ApiKey, Run, RunState, Source, Workspace
from dashboard.runs import control
from dashboard.runs.control import Order

SAMPLE = json.loads((Path(__file__).parent / "sales-analysis.json").read_text())
FLOW: dict[str, Any] = {
    "name": "Greeting",
    "steps": [{"id": "a", "type": "prompt", "config": {"userPrompt": "Hello"}}],
}
ALL = tuple(scope.value for scope in SCOPES)


class Caller:
    """Calls `/v1` with a key. Bodies are JSON unless they are bytes; the answer has `.json()` and `.status_code`."""

    def __init__(self, text: str, key: ApiKey | None = None) -> None:
        self.text, self.key = text, key
        self._client = Client()

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        kind = headers.pop("content_type", "application/json" if body is not None else "")
        given = {"authorization": f"Bearer {self.text}"} if self.text else {}
        return self._client.generic(
            method, path, sent, content_type=kind or MULTIPART_CONTENT, headers={**given, **headers}
        )

    def dispatch(self, body: Any, **headers: str) -> Any:
        return self("POST", "/v1/dispatch", body, **headers)


@pytest.fixture(autouse=True)
def _no_failures_yet() -> Iterator[None]:
    failures.clear()
    yield


@pytest.fixture
def caller(api_key: Any) -> Callable[..., Caller]:
    """`caller("runs:read")` calls with a new key of these scopes; `caller()` with all of them."""

    def make(*scopes: str, **fields: Any) -> Caller:
        key, text = api_key(*(scopes or ALL), **fields)
        return Caller(text, key)

    return make


@pytest.fixture
def make_run(workspace: Workspace, api_key: Any) -> Callable[..., Run]:
    """A queued run of an inline flow; `state=` moves it without anybody driving it."""

    def make(key: ApiKey | None = None, state: str = RunState.QUEUED, **changes: Any) -> Run:
        actor = key or api_key(*ALL)[0]
        run = control.start(actor, Order(definition=FLOW, flow_name="Greeting"), Source.API)
        Run.objects.filter(pk=run.pk).update(state=state, **changes)
        run.refresh_from_db()
        return run

    return make
