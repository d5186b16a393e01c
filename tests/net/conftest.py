"""A scripted HTTP server on loopback that remembers every connection and every request head."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from dashboard.net.policy import AddressPolicy

Handler = Callable[["Exchange"], Awaitable[None]]


@dataclass
class Exchange:
    """One request as the server saw it, and the way to answer it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    writer: asyncio.StreamWriter

    async def send(self, *chunks: bytes) -> None:
        for chunk in chunks:
            self.writer.write(chunk)
            await self.writer.drain()

    async def answer(self, body: bytes = b"ok", status: str = "200 OK", **headers: str) -> None:
        extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
        await self.send(head.encode("latin-1") + body)

    async def redirect(self, location: str, status: str = "302 Found") -> None:
        await self.answer(b"", status, Location=location)


@dataclass
class Server:
    port: int = 0
    connections: int = 0
    seen: list[Exchange] = field(default_factory=list)
    routes: dict[str, Handler] = field(default_factory=dict)

    @property
    def netloc(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def route(self, path: str) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.routes[path] = handler
            return handler

        return register

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while (exchange := await self._read(reader, writer)) is not None:
                self.seen.append(exchange)
                handler = self.routes.get(exchange.target.split("?")[0])
                await (handler(exchange) if handler else exchange.answer())
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *rest = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip(" ") for name, value in (line.split(":", 1) for line in rest)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Exchange(method, target, headers, body, writer)


async def _start() -> tuple[Server, asyncio.Server]:
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    return server, listener


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    started, listener = await _start()
    yield started
    listener.close()


@pytest.fixture
async def other_server() -> AsyncIterator[Server]:
    """A second place, for redirects that must not be followed or must lose something on the way."""
    started, listener = await _start()
    yield started
    listener.close()


@pytest.fixture
def open_policy(server: Server) -> AddressPolicy:
    """A policy under which exactly the scripted server may be contacted, by its address."""
    return AddressPolicy(allow_hosts=frozenset({("127.0.0.1", server.port)}))
