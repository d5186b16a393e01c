"""The guarded transport and the client built on it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ssl import SSLContext
from typing import Any

import httpcore2
import httpx2

from dashboard.net.backend import GuardedBackend, Resolver, system_resolver
from dashboard.net.body import BoundedBody, inflater_for, too_large
from dashboard.net.errors import NetError, ResponseInvalid, ResponseTooLarge, TooManyRedirects, translate
from dashboard.net.headers import MAX_HEADER_BYTES, RawHeaders, check_raw_headers
from dashboard.net.policy import AddressPolicy
from dashboard.net.redirects import Hop, location_of, next_hop
from dashboard.net.urls import check_url, host_of, port_of

PolicySource = Callable[[], AddressPolicy]

MAX_BYTES_KEY = "signalbox_max_bytes"
"""Request extension (int): a lower body limit for this one request."""

FINAL_URL_KEY = "signalbox_final_url"
"""Response extension (str): the URL that answered, after redirects."""


@dataclass(frozen=True)
class Timeouts:
    """Upper bounds in seconds; a request may ask for less, never for more. `read` is the longest silence."""

    connect: float = 5.0
    read: float = 30.0
    write: float = 30.0
    pool: float = 30.0


@dataclass(frozen=True)
class Limits:
    """Caps of one transport: decoded bytes per answer, redirects followed, and the size of its connection
    pool.
    """

    max_response_bytes: int = 5_000_000
    max_redirects: int = 5
    max_connections: int = 100
    max_keepalive: int = 20
    keepalive_seconds: float = 30.0


FETCH_TIMEOUTS = Timeouts()
FETCH_LIMITS = Limits()
# A model may think for minutes before the next byte, streams long answers, and has no business redirecting.
MODEL_TIMEOUTS = Timeouts(read=300.0, write=60.0)
MODEL_LIMITS = Limits(max_response_bytes=64_000_000, max_redirects=0, max_connections=1000, max_keepalive=100)


class GuardedTransport(httpx2.AsyncBaseTransport):
    """An httpx2 transport that contacts only what the policy allows.

    `policy_source` is asked before every request and every redirect; when its answer changes, connections
    made under the old one are not used again. Redirects are followed here (`limits.max_redirects`, 0
    hands the 3xx answer back), so a client on top must keep `follow_redirects=False`. Belongs to one
    event loop. All errors are NetErrors.
    """

    def __init__(
        self,
        policy_source: PolicySource,
        *,
        timeouts: Timeouts = FETCH_TIMEOUTS,
        limits: Limits = FETCH_LIMITS,
        resolver: Resolver = system_resolver,
        ssl_context: SSLContext | None = None,
    ) -> None:
        self._policy_source = policy_source
        self._timeouts = timeouts
        self._limits = limits
        self._resolver = resolver
        self._ssl_context = ssl_context
        self._pool: _Pool | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request, following redirects. The body of the answer is read lazily and closed by the
        caller.
        """
        body = request.stream
        if not isinstance(body, httpx2.AsyncByteStream):
            raise TypeError("GuardedTransport sends async request bodies only.")
        replayable = isinstance(body, httpx2.ByteStream)
        has_body = "Transfer-Encoding" in request.headers or request.headers.get("Content-Length", "0") != "0"
        url = check_url(str(request.url))
        hop = Hop(request.method, url, list(request.headers.raw), body if has_body else None, replayable)
        for _ in range(self._limits.max_redirects + 1):
            response = await self._send(hop, request.extensions)
            try:
                location = location_of(response.status_code, response.headers.raw)
                if location is None or self._limits.max_redirects == 0:
                    return response
                hop = next_hop(hop, response.status_code, location)
            except NetError:
                await response.aclose()
                raise
            await response.aclose()
        raise TooManyRedirects(f"{host_of(url)} redirected more than {self._limits.max_redirects} times.")

    async def aclose(self) -> None:
        """Close idle connections, and the busy ones with them."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.connections.aclose()

    async def _send(self, hop: Hop, extensions: Any) -> httpx2.Response:
        host = host_of(hop.url)
        headers = _on_the_wire(hop)
        pool = await self._current_pool()
        # A pooled connection never reaches the backend again, so what a request alone can show is checked
        # here too.
        pool.policy.check_port(host, port_of(hop.url))
        core_request = httpcore2.Request(
            method=hop.method,
            url=httpcore2.URL(
                scheme=hop.url.raw_scheme, host=hop.url.raw_host, port=hop.url.port, target=hop.url.raw_path
            ),
            headers=headers,
            content=hop.body if hop.body is not None else httpx2.ByteStream(b""),
            extensions={"timeout": self._bounded_timeouts(extensions.get("timeout") or {})},
        )
        pool.in_flight += 1
        try:
            core = await pool.connections.handle_async_request(core_request)
        except BaseException as error:
            await pool.release()
            if isinstance(error, Exception):
                raise translate(error, host) from error
            raise
        return await self._wrap(core, pool, hop, extensions)

    async def _wrap(
        self, core: httpcore2.Response, pool: "_Pool", hop: Hop, extensions: Any
    ) -> httpx2.Response:
        async def close() -> None:
            try:
                await core.aclose()
            finally:
                await pool.release()

        host = host_of(hop.url)
        limit = min(
            self._limits.max_response_bytes, extensions.get(MAX_BYTES_KEY) or self._limits.max_response_bytes
        )
        try:
            headers, inflater = _checked_answer(core, host, limit, hop.method)
        except NetError:
            await close()
            raise
        body = BoundedBody(core.aiter_stream(), close, host=host, limit=limit, inflater=inflater)
        return httpx2.Response(
            status_code=core.status,
            headers=headers,
            stream=body,
            extensions={
                "http_version": core.extensions.get("http_version", b"HTTP/1.1"),
                "reason_phrase": core.extensions.get("reason_phrase", b""),
                FINAL_URL_KEY: str(hop.url),
            },
        )

    async def _current_pool(self) -> "_Pool":
        policy = self._policy_source()
        old = self._pool
        if old is not None and old.policy == policy:
            return old
        self._pool = _Pool(
            policy,
            httpcore2.AsyncConnectionPool(
                ssl_context=self._ssl_context or default_ssl_context(),
                max_connections=self._limits.max_connections,
                max_keepalive_connections=self._limits.max_keepalive,
                keepalive_expiry=self._limits.keepalive_seconds,
                network_backend=GuardedBackend(policy, self._resolver),
            ),
        )
        current = self._pool
        if old is not None:
            await old.retire()
        return current

    def _bounded_timeouts(self, asked: dict[str, float | None]) -> dict[str, float]:
        bounds = {name: getattr(self._timeouts, name) for name in ("connect", "read", "write", "pool")}
        return {name: min(bound, asked.get(name) or bound) for name, bound in bounds.items()}


class _Pool:
    """The connections made under one policy, and how many requests still use them."""

    def __init__(self, policy: AddressPolicy, connections: httpcore2.AsyncConnectionPool) -> None:
        self.policy = policy
        self.connections = connections
        self.in_flight = 0
        self._retired = False

    async def release(self) -> None:
        self.in_flight -= 1
        await self._close_if_done()

    async def retire(self) -> None:
        self._retired = True
        await self._close_if_done()

    async def _close_if_done(self) -> None:
        if self._retired and self.in_flight == 0:
            await self.connections.aclose()


def build_client(
    policy_source: PolicySource,
    *,
    timeouts: Timeouts = FETCH_TIMEOUTS,
    limits: Limits = FETCH_LIMITS,
    resolver: Resolver = system_resolver,
    ssl_context: SSLContext | None = None,
) -> httpx2.AsyncClient:
    """Build a client on a GuardedTransport. It ignores the machine's proxy settings and keeps no cookies."""
    transport = GuardedTransport(
        policy_source, timeouts=timeouts, limits=limits, resolver=resolver, ssl_context=ssl_context
    )
    return httpx2.AsyncClient(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx2.Timeout(
            connect=timeouts.connect, read=timeouts.read, write=timeouts.write, pool=timeouts.pool
        ),
        # One client serves many users; a cookie set for one must not travel with the next.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


@cache
def default_ssl_context() -> SSLContext:
    """The machine's trusted certificates, loaded once; SSL_CERT_FILE and its kin are ignored."""
    return httpx2.create_ssl_context(trust_env=False)


def _on_the_wire(hop: Hop) -> RawHeaders:
    """The headers of one hop: checked, with Host from the URL and no compressed answers asked for."""
    check_raw_headers(hop.headers)
    kept = [
        (name, value)
        for name, value in hop.headers
        if name.lower() not in (b"host", b"accept-encoding", b"connection")
    ]
    return [(b"Host", hop.url.netloc), *kept, (b"Accept-Encoding", b"identity")]


def _checked_answer(core: httpcore2.Response, host: str, limit: int, method: str) -> tuple[RawHeaders, Any]:
    """Check the head of an answer. Returns the headers to show and the decoder to use."""
    raw = list(core.headers)
    if sum(len(name) + len(value) + 4 for name, value in raw) > MAX_HEADER_BYTES:
        raise ResponseInvalid(f"{host} sent more than {MAX_HEADER_BYTES // 1024} KB of headers.")
    if core.status < 200:
        raise ResponseInvalid(f"{host} tried to switch to another protocol.")
    encodings = [value.decode("latin-1") for name, value in raw if name.lower() == b"content-encoding"]
    inflater = inflater_for(encodings, host)
    declared = next((value for name, value in raw if name.lower() == b"content-length"), b"")
    if method != "HEAD" and declared.isdigit() and int(declared) > limit:
        raise ResponseTooLarge(too_large(host, limit))
    if inflater is not None:
        # What we hand on is decoded; the old length and encoding would make the reader decode it again.
        raw = [item for item in raw if item[0].lower() not in (b"content-encoding", b"content-length")]
    return raw, inflater
