"""A small HTTP/1.1 server that plays scripts and remembers what it was asked."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.fake_vendors.dialects import Dialect
from tests.fake_vendors.scripts import SCRIPTS, Exchange, Talk


class _Connection(asyncio.StreamReaderProtocol):
    """Knows when the client has gone, also while nobody reads."""

    def __init__(self, vendor: "FakeVendor") -> None:
        self.gone = asyncio.Event()
        super().__init__(asyncio.StreamReader(limit=64_000_000), self._serve)
        self._vendor = vendor

    def eof_received(self) -> bool | None:
        self.gone.set()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()
        self._vendor.open_connections -= 1
        super().connection_lost(exc)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._vendor.open_connections += 1
        self._vendor.connections += 1
        super().connection_made(transport)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._vendor.serve(reader, writer, self.gone)


@dataclass
class FakeVendor:
    """One fake vendor. `script` names what it plays next; `talk` is what it says.

    `requests` are the requests in the order they came; `open_connections` counts sockets that are open now.
    `dialect` makes one talker per request.
    """

    dialect: Callable[[], Dialect]
    script: str = "normal"
    talk: Talk = field(default_factory=Talk)
    port: int = 0
    requests: list[Exchange] = field(default_factory=list)
    connections: int = 0
    open_connections: int = 0
    streaming: int = 0
    most_streaming: int = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """The address to connect a vendor with."""
        return f"{self.origin}/v1" if self.dialect().name == "openai" else self.origin

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gone: asyncio.Event
    ) -> None:
        try:
            while (exchange := await self._read(reader, writer, gone)) is not None:
                self.requests.append(exchange)
                await self._play(exchange)
                if exchange.closes:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            with suppress(ConnectionError, RuntimeError):
                writer.close()

    async def _play(self, exchange: Exchange) -> None:
        """Play until the script ends or the client goes away."""
        self.streaming += 1
        self.most_streaming = max(self.most_streaming, self.streaming)
        playing = asyncio.ensure_future(SCRIPTS[self._script_for(exchange)](exchange))
        leaving = asyncio.ensure_future(exchange.gone.wait())
        try:
            await asyncio.wait({playing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.streaming -= 1
            exchange.left_early = not playing.done()
            for task in (playing, leaving):
                task.cancel()
                with suppress(asyncio.CancelledError, ConnectionError):
                    await task

    def _script_for(self, exchange: Exchange) -> str:
        _, mark, named = str(exchange.body.get("model", "")).partition("~")
        return named if mark else self.script

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gone: asyncio.Event
    ) -> Exchange | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *rest = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in rest)}
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        body: dict[str, Any] = json.loads(raw) if raw else {}
        return Exchange(self.dialect(), self.talk, method, path, headers, body, writer, gone)


@asynccontextmanager
async def serving(
    dialect: Callable[[], Dialect], *, port: int = 0, **settings: Any
) -> AsyncIterator[FakeVendor]:
    """A fake vendor in this event loop."""
    vendor = FakeVendor(dialect, **settings)
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(vendor), "127.0.0.1", port)
    vendor.port = server.sockets[0].getsockname()[1]
    try:
        yield vendor
    finally:
        server.close()


@contextmanager
def in_thread(dialect: Callable[[], Dialect], *, port: int = 0, **settings: Any) -> Iterator[FakeVendor]:
    """A fake vendor in a thread of its own, for tests without an event loop."""
    started: list[FakeVendor] = []
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        async with serving(dialect, port=port, **settings) as vendor:
            started.append(vendor)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), name="fake-vendor", daemon=True)
    thread.start()
    if not ready.wait(10):
        raise RuntimeError("The fake vendor did not start.")
    try:
        yield started[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)


def command_line(dialect: Callable[[], Dialect]) -> None:
    """Serve until interrupted. The first line printed is the base URL."""
    import argparse

    parser = argparse.ArgumentParser(description="A scripted model vendor on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--tokens", type=int, default=50, help="words in an answer")
    parser.add_argument("--tokens-per-second", type=float, default=0, help="0 sends as fast as it can")
    parser.add_argument("--first-token-after", type=float, default=0, help="seconds before the first word")
    parser.add_argument("--script", choices=sorted(SCRIPTS), default="normal")
    chosen = parser.parse_args()
    delay = 1 / chosen.tokens_per_second if chosen.tokens_per_second else 0.0
    talk = Talk.of_length(chosen.tokens, delay_s=delay, first_after_s=chosen.first_token_after)

    async def run() -> None:
        async with serving(dialect, port=chosen.port, script=chosen.script, talk=talk) as vendor:
            print(vendor.base_url, flush=True)
            await asyncio.Event().wait()

    with suppress(KeyboardInterrupt):
        asyncio.run(run())
