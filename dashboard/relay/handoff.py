"""Continues a response after Django has let go of it.

Under ASGI, Django keeps a thread (and what it opened in it) for as long as a response streams. So a view that has authorised
a stream leaves the body's maker in the request's scope and returns an empty response; Django finishes, and this layer sends
the response's head and then the body. Waiting JSON answers use it too.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Body = Callable[[], AsyncIterator[bytes]]

logger = logging.getLogger(__name__)

_SLOT = "signalbox.body"


def continue_with(request: HttpRequest, body: Body, response: HttpResponse) -> HttpResponse:
    """Have `body()` sent as the response's content once Django is done with it. The response itself stays empty."""
    response.signalbox_body = body  # type: ignore[attr-defined]
    if isinstance(request, ASGIRequest) and _SLOT in request.scope:
        request.scope[_SLOT].append(body)
    return response


class Handoff:
    """The ASGI layer around Django that sends what views have handed over."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        bodies: list[Body] = []
        head: list[Message] = []

        async def hold(message: Message) -> None:
            if not bodies:
                await send(message)
            elif message["type"] == "http.response.start":
                head.append(message)

        await self._app({**scope, _SLOT: bodies}, receive, hold)
        if bodies and head:
            await _send_body(head[0], bodies[0], receive, send)


async def _send_body(head: Message, body: Body, receive: Receive, send: Send) -> None:
    headers = [(name, value) for name, value in head["headers"] if name.lower() != b"content-length"]
    await send({**head, "headers": headers})
    gone = asyncio.create_task(_disconnected(receive))
    sending = asyncio.create_task(_pass_on(body, send))
    try:
        await asyncio.wait({gone, sending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        sending.cancel()
        await asyncio.wait({gone, sending})
    if sending.cancelled():
        return
    problem = sending.exception()
    if problem is not None:
        logger.error("A stream broke off.", exc_info=problem)
        raise problem
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _pass_on(body: Body, send: Send) -> None:
    chunks = body()
    try:
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
