"""A response goes on after the application has finished, and stops when its reader is gone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dashboard.relay.handoff import Handoff


class Wire:
    """An ASGI server's side: what was sent, and a way to hang up."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.hung_up = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(dict(message))

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


def app(make_body: Any, finished: list[str]) -> Any:
    async def django(scope: Any, receive: Any, send: Any) -> None:
        if make_body is not None:
            scope["signalbox.body"].append(make_body)
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-length", b"0"), (b"x", b"y")],
            }
        )
        await send({"type": "http.response.body", "body": b"" if make_body else b"plain"})
        finished.append("django")

    return django


async def serve(make_body: Any, wire: Wire, finished: list[str] | None = None) -> None:
    await Handoff(app(make_body, finished if finished is not None else []))(
        {"type": "http"}, wire.receive, wire.send
    )


async def test_the_body_follows_once_the_application_is_done():
    finished: list[str] = []

    async def body() -> AsyncIterator[bytes]:
        assert finished == ["django"]
        yield b"one "
        yield b"two"

    wire = Wire()
    await serve(body, wire, finished)
    assert wire.sent[0]["headers"] == [(b"x", b"y")]
    assert wire.body == b"one two"
    assert [m.get("more_body") for m in wire.sent[1:]] == [True, True, False]


async def test_an_ordinary_response_passes_untouched():
    wire = Wire()
    await serve(None, wire)
    assert wire.body == b"plain" and wire.sent[0]["headers"][0] == (b"content-length", b"0")


async def test_a_reader_who_hangs_up_ends_the_body():
    closed = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.sleep(60)
        finally:
            closed.set()

    wire = Wire()
    task = asyncio.create_task(serve(body, wire))
    await asyncio.sleep(0.05)
    wire.hung_up.set()
    async with asyncio.timeout(2):
        await task
    assert closed.is_set() and wire.body == b"first"


async def test_a_body_that_breaks_is_not_passed_off_as_complete():
    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        raise RuntimeError("broken")

    wire = Wire()
    with pytest.raises(RuntimeError, match="broken"):
        await serve(body, wire)
    assert all(m.get("more_body", True) for m in wire.sent)


async def test_other_protocols_pass():
    seen = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    await Handoff(inner)({"type": "websocket"}, None, None)  # type: ignore[arg-type]
    assert seen == ["websocket"]
