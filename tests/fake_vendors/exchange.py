"""One request to a fake vendor, and the ways to answer it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fake_vendors.dialects import Dialect, Usage


@dataclass
class Talk:
    """What is said in answers that say something."""

    pieces: tuple[str, ...] = ("The ", "quarter ", "went ", "well: ", "18 % ", "growth. ", "✓")
    usage: Usage = (91, 12)
    delay_s: float = 0.0
    first_after_s: float = 0.0
    retry_after: str | None = "7"

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @classmethod
    def of_length(cls, tokens: int, **settings: Any) -> "Talk":
        return cls(tuple(f"word{number} " for number in range(tokens)), usage=(10, tokens), **settings)


@dataclass
class Exchange:
    """One request, and the ways to answer it."""

    dialect: Dialect
    talk: Talk
    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    writer: asyncio.StreamWriter
    gone: asyncio.Event
    closes: bool = False
    left_early: bool = False
    _extra: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The key that came with the request."""
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        return self.headers.get("x-api-key", bearer)

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(
        self, status: int, body: bytes, content_type: str = "application/json", **headers: str
    ) -> None:
        extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {status} Fake\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
        await self.raw(head.encode("latin-1") + body)

    async def refuse(self, status: int, message: str, **headers: str) -> None:
        await self.answer(status, json.dumps(self.dialect.error(status, message)).encode(), **headers)

    async def open(self, content_type: str = "text/event-stream; charset=utf-8", **headers: str) -> None:
        extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n{extra}\r\n"
        await self.raw(head.encode())

    async def chunk(self, data: bytes) -> None:
        if data:
            await self.raw(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def chunks(self, frames: list[bytes]) -> None:
        for one in frames:
            await self.chunk(one)

    async def end(self) -> None:
        await self.raw(b"0\r\n\r\n")

    def cut(self) -> None:
        """Close the socket without a proper end."""
        self.closes = True
        self.writer.transport.abort()

    async def begin(self) -> None:
        await self.open()
        await self.chunks(self.dialect.opening(str(self.body.get("model", "")), self.talk.usage))

    async def say(self, pieces: tuple[str, ...] | None = None) -> None:
        await asyncio.sleep(self.talk.first_after_s)
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number, piece in enumerate(pieces or self.talk.pieces, start=1):
            await self.chunks(self.dialect.text(piece))
            # By the clock rather than by pauses, so that a measured rate is the rate that was asked for.
            if self.talk.delay_s:
                await asyncio.sleep(max(0.0, began + number * self.talk.delay_s - loop.time()))

    async def close_well(self, reason: str | None = "stop", usage: Any = ...) -> None:
        counts = self.talk.usage if usage is ... else usage
        await self.chunks(self.dialect.finish(reason, counts))
        await self.chunks(self.dialect.done())
        await self.end()


Script = Callable[[Exchange], Awaitable[None]]
SCRIPTS: dict[str, Script] = {}


def script(function: Script) -> Script:
    SCRIPTS[function.__name__.strip("_").replace("_", "-")] = function
    return function
