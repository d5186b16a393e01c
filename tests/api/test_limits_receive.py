"""What the application behind `LimitBody` hears on its receive channel."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.api.limits import LimitBody

Message = dict[str, Any]


@pytest.mark.parametrize("body", [b"", b"a=1"])
async def test_after_its_body_the_application_hears_only_that_the_client_left(body: bytes) -> None:
    """Servers hand out the empty body of a request without one as well; Django takes a second body for a broken server."""
    heard: list[Message] = []
    waiting: list[Message] = [
        {"type": "http.request", "body": body, "more_body": False},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return waiting.pop(0)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        heard.extend([await receive(), await receive()])

    headers = [(b"content-length", str(len(body)).encode())] if body else []
    scope = {
        "type": "http",
        "method": "POST" if body else "GET",
        "path": "/runs",
        "query_string": b"",
        "headers": headers,
    }
    await LimitBody(application)(scope, receive, lambda message: None)  # type: ignore[arg-type,return-value]
    assert heard == [{"type": "http.request", "body": body, "more_body": False}, {"type": "http.disconnect"}]
