"""Who answers: a model's name, the connections there are, and the demo when nobody else can."""

import asyncio
import hashlib
import importlib
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from types import ModuleType
from typing import TYPE_CHECKING, Literal

import httpx2

from dashboard.engine.ports import ModelChunk, ModelFailure, ModelRequest
from dashboard.models_ai.connections import Connection, what_to_configure
from dashboard.models_ai.demo import Demo
from dashboard.models_ai.frame_cap import cap_frames
from dashboard.models_ai.table import BY_NAME, DEMO, Resolved, resolve

if TYPE_CHECKING:
    from dashboard.models_ai.vendor_stream import VendorModel

Fallback = Literal["", "demo"]
_MOST_CACHED = 256


class ModelCache:
    """Vendor models that were built, by address, key and name; building one costs some 26 ms.

    Belongs to one event loop, and may serve several routers. `http` gives the client for a connection; it is asked once per
    address and key. `idle_timeout_s` is the longest silence in the middle of an answer.
    """

    def __init__(
        self, http: Callable[[Connection], httpx2.AsyncClient], *, idle_timeout_s: float = 90.0
    ) -> None:
        self._http = http
        self._idle_timeout_s = idle_timeout_s
        self._clients: dict[tuple[str, ...], httpx2.AsyncClient] = {}
        self._models: dict[tuple[str, ...], VendorModel] = {}
        self._building = asyncio.Lock()

    async def model(self, connection: Connection, name: str) -> "VendorModel":
        """The model called `name` at this connection."""
        key = _place(connection)
        known = self._models.get((*key, name))
        if known is not None:
            return known
        async with self._building:
            module = await asyncio.to_thread(_load, BY_NAME[connection.vendor].protocol)
            if key not in self._clients:
                self._clients[key] = cap_frames(self._http(connection))
            built: VendorModel = await asyncio.to_thread(
                module.build,
                BY_NAME[connection.vendor],
                connection,
                name,
                self._clients[key],
                self._idle_timeout_s,
            )
            while len(self._models) >= _MOST_CACHED:
                del self._models[next(iter(self._models))]
            return self._models.setdefault((*key, name), built)

    @staticmethod
    async def warm_up(connections: Iterable[Connection]) -> None:
        """Load what these connections need, so that the first answer does not wait for it."""
        for protocol in {BY_NAME[connection.vendor].protocol for connection in connections}:
            await asyncio.to_thread(_load, protocol)

    async def aclose(self) -> None:
        """Forget all models and close the clients that were handed in for them."""
        clients, self._clients = list(self._clients.values()), {}
        self._models.clear()
        for client in clients:
            await client.aclose()


class Router:
    """The engine's `Models` port.

    `connections` is asked at every request, so that a new key works at once. `fallback` "demo" lets the demo model answer
    for a model nobody is connected for; it never answers for a vendor that failed.
    """

    def __init__(
        self,
        connections: Callable[[], Mapping[str, Connection]],
        http: Callable[[Connection], httpx2.AsyncClient],
        fallback: Fallback = "",
        *,
        cache: ModelCache | None = None,
        demo_delay_s: float = 0.025,
    ) -> None:
        self._connections = connections
        self._fallback = fallback
        self._cache = cache or ModelCache(http)
        self._owns_cache = cache is None
        self._demo = Demo(demo_delay_s)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
        """`ModelChosen`, text and reasoning, `ModelDone`; or `ModelFailure`."""
        connections = self._connections()
        resolved = resolve(request.model) or _at_own_server(request.model, connections)
        if resolved is not None and resolved.vendor is DEMO:
            chunks = self._demo.stream(request)
        else:
            connection = connections.get(resolved.vendor.name) if resolved else None
            if resolved is None or connection is None or not connection.is_usable:
                chunks = self._demo.stream(request, self._why_demo(request.model, resolved))
            else:
                model = await self._cache.model(connection, resolved.model)
                chunks = model.stream(request)
        # Whoever stops reading closes this generator; the vendor's connection has to close with it, not some time later.
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    def _why_demo(self, name: str, resolved: Resolved | None) -> str:
        """Why the demo answers instead; `ModelFailure` when it must not."""
        if resolved is None:
            failure = ModelFailure(
                f"No model is called “{name[:100]}”. Names look like gpt-4, claude-sonnet-4-6 or ollama:llama3.",
                code="MODEL_NOT_AVAILABLE",
            )
            reason = f"No model is called “{name[:100]}”, so the built-in demo model answered."
        else:
            title = resolved.vendor.title
            failure = ModelFailure(
                f"{name[:100]} needs a connection to {title}, and there is none. {what_to_configure(resolved.vendor)}",
                code="MODEL_NOT_CONFIGURED",
            )
            reason = f"No connection to {title} is configured, so the built-in demo model answered."
        if self._fallback != "demo":
            raise failure
        return reason

    async def aclose(self) -> None:
        """Close what this router built. A cache that was handed in is left to its owner."""
        if self._owns_cache:
            await self._cache.aclose()


def _load(protocol: str) -> ModuleType:
    # The vendor libraries take a second or two to import: they are loaded when first wanted, and beside the loop.
    importlib.import_module(f"dashboard.models_ai.protocol_{protocol}")
    return importlib.import_module("dashboard.models_ai.vendor_stream")


def _place(connection: Connection) -> tuple[str, ...]:
    # The digest keeps a rotated key from meeting the old client, and the key itself out of the dictionary.
    digest = hashlib.sha256(connection.api_key.encode()).hexdigest()
    return (connection.vendor, connection.address, digest, str(connection.trusted))


def _at_own_server(name: str, connections: Mapping[str, Connection]) -> Resolved | None:
    """A name of no known family goes to the operator's own server of the OpenAI protocol, if there is one."""
    openai = connections.get("openai")
    public = BY_NAME["openai"].base_url
    is_own = openai is not None and openai.is_usable and openai.address.rstrip("/") != public
    return Resolved(BY_NAME["openai"], name) if is_own and name.strip() else None
