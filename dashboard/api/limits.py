"""What stands in front of Django: size, time and shape of a request are judged while its bytes arrive.

A body is read into memory, never to disk, and only then handed on; so no thread ever waits for a slow client, and a client
that sends too much is answered before it has sent it all.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from dashboard.api.json_scan import JsonScan, TooMuch
from dashboard.wire.errors import WireError
from dashboard.wire.ids import REQUEST, new_id

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_KEY_PARAMETERS: Final = frozenset(
    {"key", "apikey", "api_key", "api-key", "token", "access_token", "authorization"}
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds. `linger` bounds what is read and thrown away after an early answer."""

    headers: int = 32 * 1024
    url: int = 8 * 1024
    api_body: int = 1024 * 1024
    other_body: int = 10 * 1024 * 1024
    body_seconds: float = 30.0
    linger_seconds: float = 1.0
    linger_bytes: int = 16 * 1024 * 1024


def names_a_key(query: str) -> bool:
    """Whether a query string carries what looks like an API key, by the name of a parameter or by its value."""
    return any(
        name.lower() in _KEY_PARAMETERS or value.startswith("sb_live_") for name, value in parse_qsl(query)
    )


class _ClientGone(Exception):
    """The client left before its request was complete; there is nobody to answer."""


class LimitBody:
    """ASGI middleware for `http`; other kinds of connection pass through untouched."""

    def __init__(self, app: App, limits: Limits | None = None) -> None:
        self._app, self._limits = app, limits or Limits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._judge_head(scope)
            body = await self._read(scope, receive) if _has_body(scope) else b""
        except WireError as refusal:
            await self._refuse(refusal, scope, receive, send)
        except _ClientGone:
            return
        else:
            await self._app(scope, _replay(body, receive), send)

    def _judge_head(self, scope: Scope) -> None:
        query = scope.get("query_string", b"")
        if len(scope.get("raw_path") or scope["path"].encode()) + len(query) > self._limits.url:
            raise WireError("uri_too_long")
        if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > self._limits.headers:
            raise WireError("headers_too_large")
        try:
            text = query.decode()
        except UnicodeDecodeError:
            raise WireError("bad_request", "The address is not UTF-8.") from None
        anonymous = _is_api(scope) and not _header(scope, b"authorization")
        if anonymous and (scope["method"] not in _BODILESS or _has_body(scope)):
            raise WireError("api_key_in_url" if names_a_key(text) else "missing_api_key")
        if _header(scope, b"content-encoding") not in {b"", b"identity"}:
            raise WireError("unsupported_encoding")
        if self._declared(scope) > self._most(scope):
            raise self._too_large(scope)

    def _most(self, scope: Scope) -> int:
        return self._limits.api_body if _is_api(scope) else self._limits.other_body

    def _too_large(self, scope: Scope) -> WireError:
        return WireError(
            "body_too_large", f"The body is larger than the {self._most(scope) // 1024} KB accepted here."
        )

    def _declared(self, scope: Scope) -> int:
        length = _header(scope, b"content-length") or b"0"
        if not length.isdigit():
            raise WireError("bad_request", "Content-Length is not a number.")
        return int(length)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        body, scan = bytearray(), JsonScan() if _is_api(scope) else None
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _ClientGone
                    piece = message.get("body", b"")
                    if len(body) + len(piece) > self._most(scope):
                        raise self._too_large(scope)
                    if scan:
                        scan.feed(piece)
                    body += piece
                    if not message.get("more_body", False):
                        return bytes(body)
        except TooMuch as problem:
            raise WireError(problem.code) from None
        except TimeoutError:
            raise WireError("request_timeout") from None

    async def _refuse(self, refusal: WireError, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer early and close. What is already on its way is read and dropped for a moment, because closing a socket
        with unread bytes resets it, and the client would never see the answer."""
        body, headers = _answer(refusal, _is_api(scope))
        await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": True})
        if _has_body(scope):
            await self._drain(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _drain(self, receive: Receive) -> None:
        dropped = 0
        try:
            async with asyncio.timeout(self._limits.linger_seconds):
                while dropped < self._limits.linger_bytes:
                    message = await receive()
                    dropped += len(message.get("body", b""))
                    if message["type"] == "http.disconnect" or not message.get("more_body", False):
                        return
        except TimeoutError:
            return


def _answer(refusal: WireError, as_json: bool) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    request_id = new_id(REQUEST)
    if as_json:
        kind, text = (
            "application/json; charset=utf-8",
            json.dumps(refusal.body(request_id), ensure_ascii=False),
        )
    else:
        kind, text = "text/plain; charset=utf-8", f"{refusal.error}. {refusal.message}\n"
    body = text.encode()
    headers = {
        "Content-Type": kind,
        "Content-Length": str(len(body)),
        "Connection": "close",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": request_id,
        **refusal.headers,
    }
    return body, [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the whole body at once, and afterwards whatever the server says (a disconnect)."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        while given:
            message = await receive()
            # The server still has the (empty) body of a request without one to give; Django has had its body.
            if message["type"] != "http.request":
                return message
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _is_api(scope: Scope) -> bool:
    path: str = scope["path"]
    return path == "/v1" or path.startswith("/v1/")


def _has_body(scope: Scope) -> bool:
    return bool(_header(scope, b"transfer-encoding")) or _header(scope, b"content-length") not in {b"", b"0"}


def _header(scope: Scope, wanted: bytes) -> bytes:
    """The value of a header, lower case; empty when it is absent, the last one when it is repeated."""
    found = b""
    for name, value in scope["headers"]:
        if name == wanted:
            found = value
    return found.strip().lower()
