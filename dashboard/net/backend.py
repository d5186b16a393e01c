"""The filter itself: resolve, check every answer, connect to the checked literal."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable

import httpcore2

from dashboard.net.errors import AddressRefused, NameNotFound
from dashboard.net.policy import AddressPolicy, is_literal

Resolver = Callable[[str, int], Awaitable[list[str]]]
"""(host, port) -> address literals in order of preference. Raises OSError if there are none."""

# A name with hundreds of answers is either broken or trying to make us scan; the first few are enough to
# connect.
_MAX_ATTEMPTS = 6
_DEFAULT_CONNECT_SECONDS = 5.0


async def system_resolver(host: str, port: int) -> list[str]:
    """Ask the operating system's name service, in a thread, without repeating answers."""
    answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Opens TCP connections under one AddressPolicy; TLS on top still sees the host of the URL."""

    def __init__(self, policy: AddressPolicy, resolver: Resolver = system_resolver) -> None:
        self._policy = policy
        self._resolver = resolver
        self._plain = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to host:port. Raises AddressRefused, NameNotFound, or httpcore2's connect errors."""
        seconds = timeout or _DEFAULT_CONNECT_SECONDS
        self._policy.check_port(host, port)
        try:
            async with asyncio.timeout(seconds):
                addresses = await self._resolve(host, port)
                for address in addresses:
                    self._policy.check_address(host, port, address)
                return await self._connect_first(addresses[:_MAX_ATTEMPTS], port, seconds)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("no connection in time") from error

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refuse: a socket file is not the outside."""
        raise AddressRefused("Unix sockets may not be contacted.")

    async def sleep(self, seconds: float) -> None:
        """Wait, for httpcore2's own use."""
        await asyncio.sleep(seconds)

    async def _resolve(self, host: str, port: int) -> list[str]:
        if is_literal(host):
            return [host]
        try:
            addresses = await self._resolver(host, port)
        except (OSError, UnicodeError) as error:
            raise NameNotFound(f"The name {host} could not be found.") from error
        if not addresses:
            raise NameNotFound(f"The name {host} has no address.")
        return addresses

    async def _connect_first(
        self, addresses: list[str], port: int, seconds: float
    ) -> httpcore2.AsyncNetworkStream:
        # The last address may use all the time that is left; earlier ones only a share, or one dead
        # address would starve the rest.
        share = seconds / len(addresses)
        failure: Exception | None = None
        for position, address in enumerate(addresses, start=1):
            limit = share if position < len(addresses) else seconds
            try:
                return await self._plain.connect_tcp(address, port, timeout=limit)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore2.ConnectError("no address to connect to")
