"""What a fake vendor does with one request. Each script is an async function; its name, with dashes, is in SCRIPTS."""

import asyncio
import gzip
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


@script
async def normal(x: Exchange) -> None:
    """A whole answer; in one piece when no stream was asked for."""
    if not x.body.get("stream"):
        await x.answer(
            200, json.dumps(x.dialect.whole(str(x.body["model"]), x.talk.text, x.talk.usage)).encode()
        )
        return
    await x.begin()
    await x.say()
    await x.close_well()


@script
async def endless(x: Exchange) -> None:
    """Words for ever, until the client leaves."""
    await x.begin()
    while True:
        await x.say(("again ",))
        await asyncio.sleep(0.005)


@script
async def never(x: Exchange) -> None:
    """Accepted, never answered."""
    await asyncio.Event().wait()


@script
async def silent_after_text(x: Exchange) -> None:
    await x.begin()
    await x.say()
    while True:
        await x.chunk(x.dialect.ping())
        await asyncio.sleep(0.01)


@script
async def pings_only(x: Exchange) -> None:
    await x.begin()
    while True:
        await x.chunk(x.dialect.ping())
        await asyncio.sleep(0.01)


@script
async def trickle(x: Exchange) -> None:
    """One byte of a long line at a time."""
    await x.open()
    await x.chunk(b"data: ")
    while True:
        await x.chunk(b"a")
        await asyncio.sleep(0.02)


@script
async def cut_at_once(x: Exchange) -> None:
    x.cut()


@script
async def cut_after_headers(x: Exchange) -> None:
    await x.open()
    x.cut()


@script
async def cut_mid_stream(x: Exchange) -> None:
    await x.begin()
    await x.say()
    # Without this the reset overtakes what was written.
    await asyncio.sleep(0.05)
    x.cut()


@script
async def cut_mid_line(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.chunk(b'data: {"id": "cut')
    await asyncio.sleep(0.05)
    x.cut()


@script
async def cut_mid_character(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.chunk("data: ✓".encode()[:-1])
    await asyncio.sleep(0.05)
    x.cut()


@script
async def end_without_finish(x: Exchange) -> None:
    """A proper end of the HTTP answer, after some text and before the protocol's own end."""
    await x.begin()
    await x.say()
    await x.end()


@script
async def end_mid_line(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.chunk(b'data: {"id": "half')
    await x.end()


@script
async def done_without_finish(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.close_well(reason=None)


@script
async def cut_after_finish(x: Exchange) -> None:
    """Everything but the protocol's last word, then a broken connection."""
    await x.begin()
    await x.say()
    await x.chunks(x.dialect.finish("stop", None))
    await asyncio.sleep(0.05)
    x.cut()


@script
async def empty_stream(x: Exchange) -> None:
    await x.open()
    await x.end()


@script
async def no_content_204(x: Exchange) -> None:
    await x.raw(b"HTTP/1.1 204 No Content\r\n\r\n")


@script
async def redirect_inwards(x: Exchange) -> None:
    await x.answer(301, b"", Location="http://169.254.169.254/latest/meta-data/")


@script
async def html_200(x: Exchange) -> None:
    await x.answer(200, b"<html><body><h1>Please sign in</h1></body></html>", "text/html")


@script
async def error_200(x: Exchange) -> None:
    """An error as plain JSON under a status of success."""
    await x.refuse(200, "The upstream model is on fire")


@script
async def error_frame(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.chunk(x.dialect.error_frame("The model tripped over the carpet"))
    await x.end()


@script
async def key_echo(x: Exchange) -> None:
    """An error that repeats the key it was given, whole and in part, with an escape sequence and a lot of padding."""
    echo = (
        f"\x1b[31mKey {x.key} is wrong (starts with {x.key[:12]}). Authorization: Bearer {x.key} "
        + "pad " * 500
    )
    await x.refuse(400, echo)


@script
async def content_filter(x: Exchange) -> None:
    await x.begin()
    await x.say(("I will ",))
    await x.close_well("content_filter")


@script
async def refusal(x: Exchange) -> None:
    await x.begin()
    await x.chunks(x.dialect.refusal("I will not write that."))
    await x.close_well("content_filter" if x.dialect.name == "anthropic" else "stop")


@script
async def length(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.close_well("length")


@script
async def unknown_finish(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.close_well("solar_flare")


@script
async def reasoning(x: Exchange) -> None:
    await x.begin()
    for piece in ("Let me ", "think."):
        await x.chunks(x.dialect.reasoning(piece))
    await x.say()
    await x.close_well()


@script
async def reasoning_only(x: Exchange) -> None:
    await x.begin()
    await x.chunks(x.dialect.reasoning("Nothing comes of this."))
    await x.close_well()


@script
async def no_text(x: Exchange) -> None:
    await x.begin()
    await x.close_well()


@script
async def no_usage(x: Exchange) -> None:
    await x.begin() if x.dialect.name == "openai" else await _begin_without_usage(x)
    await x.say()
    await x.close_well(usage=None)


async def _begin_without_usage(x: Exchange) -> None:
    await x.open()
    await x.chunks(x.dialect.opening(str(x.body.get("model", "")), None))


@script
async def wild_usage(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.close_well(usage=(-5, 10**18))


@script
async def gzipped(x: Exchange) -> None:
    """Compressed although nobody asked for it."""
    frames = [
        *x.dialect.opening(str(x.body.get("model", "")), x.talk.usage),
        *(part for piece in x.talk.pieces for part in x.dialect.text(piece)),
        *x.dialect.finish("stop", x.talk.usage),
        *x.dialect.done(),
    ]
    await x.answer(200, gzip.compress(b"".join(frames)), "text/event-stream", Content_Encoding="gzip")


@script
async def gzip_bomb(x: Exchange) -> None:
    await x.answer(
        200, gzip.compress(b": " + b"a" * 40_000_000), "text/event-stream", Content_Encoding="gzip"
    )


@script
async def byte_order_mark_and_crlf(x: Exchange) -> None:
    await x.open()
    frames = [
        *x.dialect.opening(str(x.body.get("model", "")), x.talk.usage),
        *(part for piece in x.talk.pieces for part in x.dialect.text(piece)),
        *x.dialect.finish("stop", x.talk.usage),
        *x.dialect.done(),
    ]
    await x.chunk(b"\xef\xbb\xbf: hello\r\n\r\n")
    for one in frames:
        await x.chunk(one.replace(b"\n", b"\r\n"))
    await x.end()


@script
async def done_twice_and_more(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.chunks(x.dialect.finish("stop", x.talk.usage))
    await x.chunks(x.dialect.done())
    await x.chunks(x.dialect.text("after the end"))
    await x.chunks(x.dialect.done())
    await x.end()


@script
async def split_everywhere(x: Exchange) -> None:
    """Every byte in a chunk of its own, characters of three bytes included."""
    await x.open()
    frames = [
        *x.dialect.opening(str(x.body.get("model", "")), x.talk.usage),
        *(part for piece in x.talk.pieces for part in x.dialect.text(piece)),
        *x.dialect.finish("stop", x.talk.usage),
        *x.dialect.done(),
    ]
    for byte in b"".join(frames):
        await x.chunk(bytes((byte,)))
    await x.end()


@script
async def broken_json(x: Exchange) -> None:
    await x.begin()
    await x.say()
    await x.chunk(b'data: {"id": NaN, "choices": [}\n\n')
    await x.end()


@script
async def not_an_object(x: Exchange) -> None:
    await x.begin()
    await x.chunk(b'data: ["surprise"]\n\n')
    await x.close_well()


@script
async def unknown_event(x: Exchange) -> None:
    await x.begin()
    await x.chunk(b'event: party\ndata: {"type": "party", "hats": 12}\n\n')
    await x.say()
    await x.close_well()


@script
async def one_huge_line(x: Exchange) -> None:
    """A line of 100 MB that never ends."""
    await x.open()
    await x.chunk(b"data: ")
    for _ in range(100):
        await x.chunk(b"a" * 1_000_000)
    await x.end()


@script
async def header_flood(x: Exchange) -> None:
    flood = "".join(f"X-Flood-{number}: {'y' * 200}\r\n" for number in range(2000))
    await x.raw(f"HTTP/1.1 200 OK\r\n{flood}\r\n".encode())


@script
async def fail_429(x: Exchange) -> None:
    wait = {"Retry_After": x.talk.retry_after} if x.talk.retry_after else {}
    await x.refuse(429, "Slow down", **wait)


def _failing(status: int, message: str) -> Script:
    async def fail(x: Exchange) -> None:
        await x.refuse(status, message)

    return fail


for _status, _message in (
    (400, "Temperature is out of range"),
    (401, "Incorrect API key provided"),
    (403, "Your country is not supported"),
    (404, "The model does not exist"),
    (500, "Internal error"),
    (502, "Bad gateway"),
    (503, "Try later"),
    (529, "Overloaded"),
):
    SCRIPTS[f"fail-{_status}"] = _failing(_status, _message)
