"""The layer in front of Django, on a real socket: what is too much is refused while it arrives."""

import asyncio
import contextlib
import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from django.conf import settings

from dashboard.api.limits import LimitBody, Limits, Message, Receive, Scope, Send, names_a_key

MB = 1024 * 1024
KEY = b"Authorization: Bearer sb_live_x\r\n"


class Recorder:
    """The application behind the limits: notes every request it gets and answers with the size of its body."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []
        self.after: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.seen.append((scope["path"], len(body)))
        if scope["path"] == "/wait":
            self.after.append((await receive())["type"])
            return
        text = str(len(body)).encode()
        start: Message = {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", b"%d" % len(text))],
        }
        await send(start)
        await send({"type": "http.response.body", "body": text})


class Server:
    """A listening server, and raw ways to talk to it."""

    def __init__(self, port: int, app: Recorder) -> None:
        self.port, self.app = port, app

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def answer(self, *pieces: bytes, pause: float = 0.0) -> "Answer":
        """Send the pieces, as far as the server takes them, and read the one answer."""
        with self.connect() as link:
            for piece in pieces:
                try:
                    link.sendall(piece)
                except OSError:
                    break
                time.sleep(pause)
            return Answer(link)


class Answer:
    """Status, headers and body of one answer."""

    def __init__(self, link: socket.socket) -> None:
        file = link.makefile("rb")
        self.status = int(file.readline().split()[1])
        self.headers: dict[str, str] = {}
        while line := file.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            self.headers[name.lower()] = value.strip()
        self.body = file.read(int(self.headers.get("content-length", "0")))

    @property
    def code(self) -> str:
        said = json.loads(self.body)
        return str(said["details"][0]["code"] if "details" in said else said["code"].lower())


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """`serve(limits)` starts a server of its own."""
    stack = contextlib.ExitStack()

    def start(limits: Limits | None = None) -> Server:
        app, listener = Recorder(), socket.socket()
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            LimitBody(app, limits), lifespan="off", log_config=None, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)

        def stop() -> None:
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive()

        stack.callback(stop)
        return Server(listener.getsockname()[1], app)

    with stack:
        yield start


def _post(path: str, *headers: bytes, length: int | None = None, key: bytes = KEY) -> bytes:
    size = b"" if length is None else b"Content-Length: %d\r\n" % length
    more = b"".join(header + b"\r\n" for header in headers)
    return b"POST %s HTTP/1.1\r\nHost: x\r\n" % path.encode() + key + size + more + b"\r\n"


def _chunks(total: int, piece: bytes) -> Iterator[bytes]:
    framed = b"%x\r\n" % len(piece) + piece + b"\r\n"
    for _ in range(total // len(piece)):
        yield framed


def _rss() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


CHUNKED = b"Transfer-Encoding: chunked"


def test_bodies_arrive_whole_and_connections_are_kept(serve: Callable[..., Server]) -> None:
    server = serve()
    with server.connect() as link:
        link.sendall(_post("/v1/dispatch", length=7) + b'{"a":')
        time.sleep(0.05)
        link.sendall(b"1}")
        assert Answer(link).body == b"7"
        link.sendall(_post("/v1/dispatch", CHUNKED) + b"4\r\n[1,2\r\n1\r\n]\r\n0\r\n\r\n")
        assert Answer(link).body == b"5"
        link.sendall(b"GET /v1/flows HTTP/1.1\r\nHost: x\r\n\r\n")
        assert Answer(link).body == b"0"
    assert server.app.seen == [("/v1/dispatch", 7), ("/v1/dispatch", 5), ("/v1/flows", 0)]


@pytest.mark.parametrize(("path", "most"), [("/v1/dispatch", MB), ("/flows/import", 10 * MB)])
def test_a_body_of_just_the_limit_passes_and_one_byte_more_does_not(
    serve: Callable[..., Server], path: str, most: int
) -> None:
    server = serve()
    assert server.answer(_post(path, length=most), b" " * most).body == str(most).encode()
    assert server.answer(_post(path, length=most + 1)).status == 413
    assert (
        server.answer(_post(path, CHUNKED), *_chunks(most, b" " * MB), b"1\r\n \r\n", b"0\r\n\r\n").status
        == 413
    )
    assert server.app.seen == [(path, most)]


def test_two_hundred_megabytes_are_refused_without_being_kept(serve: Callable[..., Server]) -> None:
    server = serve()
    before, began = _rss(), time.monotonic()
    answer = server.answer(_post("/v1/dispatch", CHUNKED), *_chunks(200 * MB, b" " * 65_536))
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert time.monotonic() - began < 5
    assert _rss() - before < 50 * MB
    assert server.app.seen == []


def test_a_stranger_is_refused_before_the_body_is_read(serve: Callable[..., Server]) -> None:
    server = serve()
    for declared in (
        _post("/v1/dispatch", length=200 * MB, key=b""),
        _post("/v1/dispatch", CHUNKED, key=b""),
    ):
        began = time.monotonic()
        answer = server.answer(declared)
        assert (answer.status, answer.code) == (401, "missing_api_key")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert time.monotonic() - began < 0.5
    assert server.answer(_post("/v1/dispatch?api_key=x", length=5, key=b"")).code == "api_key_in_url"
    assert server.answer(b"GET /v1/flows HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n").status == 401
    assert server.app.seen == []


def test_a_client_that_stalls_is_timed_out(serve: Callable[..., Server]) -> None:
    server = serve(Limits(body_seconds=0.3))
    began = time.monotonic()
    answer = server.answer(_post("/v1/dispatch", length=100) + b'{"a":')
    assert (answer.status, answer.code) == (408, "request_timeout")
    assert 0.25 < time.monotonic() - began < 3
    drip = [b"1\r\n \r\n"] * 10
    assert server.answer(_post("/v1/dispatch", CHUNKED), *drip, pause=0.1).status == 408
    assert server.app.seen == []


def test_a_client_that_leaves_in_the_middle_reaches_nobody(serve: Callable[..., Server]) -> None:
    server = serve()
    with server.connect() as link:
        link.sendall(_post("/v1/dispatch", length=100) + b"{")
    assert server.answer(_post("/v1/dispatch", length=2) + b"{}").body == b"2"
    assert server.app.seen == [("/v1/dispatch", 2)]


def test_what_comes_after_the_body_is_the_disconnect(serve: Callable[..., Server]) -> None:
    server = serve()
    with server.connect() as link:
        link.sendall(_post("/wait", length=2) + b"{}")
        time.sleep(0.1)
    deadline = time.monotonic() + 5
    while not server.app.after and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.app.after == ["http.disconnect"]


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"GZIP, identity", b"x-odd"])
def test_compressed_bodies_are_refused(serve: Callable[..., Server], coding: bytes) -> None:
    body = gzip.compress(b"{}")
    server = serve()
    answer = server.answer(_post("/v1/dispatch", b"Content-Encoding: " + coding, length=len(body)) + body)
    assert (answer.status, answer.code) == (415, "unsupported_encoding")
    plain = server.answer(_post("/v1/dispatch", b"Content-Encoding: identity", length=2) + b"{}")
    assert plain.status == 200


def test_long_addresses_and_headers_are_refused(serve: Callable[..., Server]) -> None:
    server = serve()
    for length, status in ((20_000, 414), (100_000, 400)):  # beyond 64 KB the HTTP parser itself gives up
        long_url = b"GET /v1/flows?search=" + b"x" * length + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        assert server.answer(long_url).status == status
    many = b"".join(b"X-H%d: %s\r\n" % (number, b"y" * 1000) for number in range(40))
    assert server.answer(b"GET /v1/flows HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n").status == 431
    odd = server.answer(b"GET /v1/flows?a=\xff HTTP/1.1\r\nHost: x\r\n\r\n")
    assert odd.status == 400
    assert server.app.seen == []


@pytest.mark.parametrize(
    ("piece", "code"),
    [(b"[],", "too_many_nodes"), (b"[", "too_deep"), (b'{"a":', "too_deep"), (b"0,", "too_many_nodes")],
)
def test_ten_megabytes_of_brackets_are_refused_at_their_beginning(
    serve: Callable[..., Server], piece: bytes, code: str
) -> None:
    server = serve(Limits(api_body=20 * MB))
    before, began = _rss(), time.monotonic()
    bomb = b"[" + piece * (10 * MB // len(piece))
    answer = server.answer(_post("/v1/dispatch", length=len(bomb)), bomb[:MB])
    assert (answer.status, answer.code) == (400, code)
    assert time.monotonic() - began < 2
    assert _rss() - before < 50 * MB
    assert server.app.seen == []


def test_both_ways_to_say_a_length_are_refused(serve: Callable[..., Server]) -> None:
    server = serve()
    assert server.answer(_post("/v1/dispatch", CHUNKED, length=2) + b"0\r\n\r\n").status == 400
    assert server.app.seen == []


def test_pages_are_answered_in_words_and_the_api_in_json(serve: Callable[..., Server]) -> None:
    server = serve()
    page, call = (server.answer(_post(path, length=99 * MB)) for path in ("/flows", "/v1/flows"))
    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert b"10240 KB" in page.body
    assert call.headers["content-type"] == "application/json; charset=utf-8"
    assert json.loads(call.body)["requestId"] == call.headers["x-request-id"]
    assert {page.headers["connection"], call.headers["connection"]} == {"close"}


def test_a_client_that_sends_everything_first_still_sees_the_answer(serve: Callable[..., Server]) -> None:
    server = serve()
    with server.connect() as link:
        link.sendall(_post("/v1/dispatch", length=3 * MB))
        link.sendall(b" " * 3 * MB)
        assert Answer(link).status == 413


async def test_other_kinds_of_connection_pass_through() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    await LimitBody(app)({"type": "lifespan"}, nothing, nothing)
    assert seen == ["lifespan"]


def test_django_keeps_what_passes_in_memory() -> None:
    assert Limits().other_body <= settings.FILE_UPLOAD_MAX_MEMORY_SIZE


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", False),
        ("key=x", True),
        ("a=1&API_KEY=x", True),
        ("q=sb_live_abc", True),
        ("search=key", False),
        ("k=v", False),
    ],
)
def test_keys_in_addresses_are_recognised(query: str, named: bool) -> None:
    assert names_a_key(query) is named
