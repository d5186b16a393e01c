"""Joins the model router to the tables and to `net`: which vendors a workspace has, and which addresses may be reached."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from dashboard.engine.ports import Message, ModelChosen, ModelFailure, ModelRequest, Sampling, TextChunk
from dashboard.models import AllowedHost, VendorConnection
from dashboard.models_ai.connections import Connection, from_environment
from dashboard.models_ai.router import ModelCache, Router
from dashboard.models_ai.table import BY_NAME
from dashboard.net.client import MODEL_LIMITS, MODEL_TIMEOUTS, build_client
from dashboard.net.policy import AddressPolicy, canonical_host, parse_allow_hosts


class Addresses:
    """The internal addresses that may be reached: NET_ALLOW_HOSTS and what admins keep in Settings."""

    def __init__(self) -> None:
        self._fixed = parse_allow_hosts(settings.NET_ALLOW_HOSTS)
        self._kept: frozenset[tuple[str, int | None]] = frozenset()

    def refresh(self) -> None:
        """Read the table again; blocks on the database."""
        self._kept = frozenset(AllowedHost.objects.values_list("host", "port"))

    def policy(self) -> AddressPolicy:
        return AddressPolicy(allow_hosts=self._fixed | self._kept)

    def policy_trusting(self, address: str) -> AddressPolicy:
        """The policy that also lets through one address, which the operator set in the environment."""
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return AddressPolicy(
            allow_hosts=self._fixed | self._kept | {(canonical_host(parts.hostname or ""), port)}
        )


class ModelPorts:
    """One router per workspace, kept with its clients. `for_workspace` blocks on the database; call it off the loop."""

    def __init__(self) -> None:
        self._addresses = Addresses()
        self._environment = from_environment(settings.VENDOR_ENVIRONMENT)
        self._connections: dict[int, Mapping[str, Connection]] = {}
        self._routers: dict[int, Router] = {}

    def for_workspace(self, workspace_id: int) -> Router:
        """The workspace's router, with its vendor connections and the allowed addresses read afresh."""
        self._addresses.refresh()
        self._connections[workspace_id] = {**_stored(workspace_id), **self._environment}
        if workspace_id not in self._routers:
            self._routers[workspace_id] = Router(
                connections=lambda: self._connections[workspace_id],
                http=self._client,
                fallback="demo" if settings.MODEL_FALLBACK == "demo" else "",
            )
        return self._routers[workspace_id]

    def configured(self) -> list[Connection]:
        """Every usable connection of the installation; blocks on the database."""
        stored = VendorConnection.objects.filter(vendor__in=BY_NAME)
        made = [Connection(row.vendor, row.base_url, row.api_key) for row in stored]
        return [*self._environment.values(), *(connection for connection in made if connection.is_usable)]

    async def warm_up(self, connections: list[Connection]) -> None:
        """Load the libraries that these connections need, off the loop, so that no run waits for them."""
        await ModelCache.warm_up(connections)

    async def aclose(self) -> None:
        for router in self._routers.values():
            await router.aclose()

    def _client(self, connection: Connection) -> Any:
        def policy() -> AddressPolicy:
            if connection.trusted:
                return self._addresses.policy_trusting(connection.address)
            return self._addresses.policy()

        return build_client(policy, timeouts=MODEL_TIMEOUTS, limits=MODEL_LIMITS)


def _stored(workspace_id: int) -> dict[str, Connection]:
    """The connections an admin keeps in Settings, by vendor, as far as this version knows the vendor."""
    rows = VendorConnection.objects.filter(workspace_id=workspace_id, vendor__in=BY_NAME)
    return {row.vendor: Connection(row.vendor, row.base_url, row.api_key) for row in rows}


@dataclass(frozen=True)
class Trial:
    """What came of asking a vendor one tiny question."""

    ok: bool
    words: str


def try_model(workspace_id: int, model: str) -> Trial:
    """Ask a model for one word, through the same path as runs; blocks for at most 30 seconds."""
    ports = ModelPorts()
    return asyncio.run(_ask(ports, ports.for_workspace(workspace_id), model))


async def _ask(ports: ModelPorts, router: Router, model: str) -> Trial:
    request = ModelRequest(
        model=model,
        messages=(Message("user", "Answer with the one word: ready"),),
        sampling=Sampling(max_tokens=200),
        timeout_s=30,
    )
    text, chosen = "", ModelChosen(model, "")
    try:
        async for chunk in router.stream(request):
            if isinstance(chunk, TextChunk):
                text += chunk.text
            elif isinstance(chunk, ModelChosen):
                chosen = chunk
    except ModelFailure as failure:
        return Trial(False, failure.message)
    finally:
        await ports.aclose()
    if chosen.fallback_reason:
        return Trial(False, chosen.fallback_reason)
    answer = " ".join(text.split())[:80]
    return Trial(
        True, f"{chosen.model} answered: “{answer}”" if answer else f"{chosen.model} answered without text."
    )
