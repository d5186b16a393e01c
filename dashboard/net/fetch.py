"""One request, one complete answer: what steps and tools ask for."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from ssl import SSLContext

import httpx2

from dashboard.net.backend import Resolver, system_resolver
from dashboard.net.client import (
    FETCH_LIMITS,
    FETCH_TIMEOUTS,
    FINAL_URL_KEY,
    MAX_BYTES_KEY,
    GuardedTransport,
    Limits,
    PolicySource,
    Timeouts,
)
from dashboard.net.errors import BadRequest, NetError, TimedOut, translate
from dashboard.net.headers import user_headers
from dashboard.net.urls import check_url, host_of

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
TOTAL_SECONDS = 60.0
MAX_BYTES = 5_000_000


@dataclass(frozen=True)
class OutboundRequest:
    """What to send. `timeout` is the total in seconds, `max_bytes` the decoded size of the answer; both
    are capped.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout: float = TOTAL_SECONDS
    max_bytes: int = MAX_BYTES


@dataclass(frozen=True)
class InboundResponse:
    """What came back, whatever the status. `content` is decoded; `final_url` is where the last redirect
    led.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    content: bytes
    final_url: str
    elapsed_ms: int

    def header(self, name: str) -> str | None:
        """The first value of a header, case-insensitively."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def text(self) -> str:
        """The content as text in the charset the server named, else UTF-8; broken bytes become U+FFFD."""
        return httpx2.Response(200, headers=list(self.headers), content=self.content).text


class Fetcher:
    """Sends OutboundRequests through one GuardedTransport, with a limit on the total time."""

    def __init__(
        self,
        policy_source: PolicySource,
        *,
        timeouts: Timeouts = FETCH_TIMEOUTS,
        limits: Limits = FETCH_LIMITS,
        total_seconds: float = TOTAL_SECONDS,
        resolver: Resolver = system_resolver,
        ssl_context: SSLContext | None = None,
    ) -> None:
        self._total_seconds = total_seconds
        self._transport = GuardedTransport(
            policy_source, timeouts=timeouts, limits=limits, resolver=resolver, ssl_context=ssl_context
        )

    async def fetch(self, request: OutboundRequest) -> InboundResponse:
        """Send the request and read the whole answer. Raises a NetError, and nothing else, if that fails."""
        outgoing = _prepare(request)
        host = host_of(outgoing.url)
        started = time.monotonic()
        try:
            async with asyncio.timeout(min(request.timeout, self._total_seconds)):
                response, content = await self._exchange(outgoing)
        except NetError:
            raise
        except TimeoutError as error:
            raise TimedOut(f"{host} did not answer completely in time.") from error
        except Exception as error:
            raise translate(error, host) from error
        return InboundResponse(
            status=response.status_code,
            headers=tuple(response.headers.multi_items()),
            content=content,
            final_url=str(response.extensions[FINAL_URL_KEY]),
            elapsed_ms=round((time.monotonic() - started) * 1000),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _exchange(self, outgoing: httpx2.Request) -> tuple[httpx2.Response, bytes]:
        response = await self._transport.handle_async_request(outgoing)
        try:
            return response, await response.aread()
        finally:
            await response.aclose()


def _prepare(request: OutboundRequest) -> httpx2.Request:
    method = request.method.upper()
    if method not in METHODS:
        raise BadRequest(
            f"The method {request.method[:20]!r} is not supported; use one of {', '.join(sorted(METHODS))}."
        )
    if request.timeout <= 0 or request.max_bytes <= 0:
        raise BadRequest("The time limit and the size limit must be larger than zero.")
    return httpx2.Request(
        method,
        check_url(request.url),
        headers=user_headers(request.headers),
        content=request.body,
        extensions={MAX_BYTES_KEY: request.max_bytes},
    )
