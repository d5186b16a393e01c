"""Hints to people: "this run of your workspace is now in that state". Lists and home re-read what changed.

django-eventstream carries them, without storage: a hint that is lost costs latency, and a slow look at the table makes up
for it. A stream's channel is fixed by the view from the signed-in member; no address and no parameter can name another.
The library's own view is not used: it would hold a thread and a database connection for as long as a stream is open.
"""

import asyncio
import logging
from collections import Counter, OrderedDict, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import django_grip  # noqa: F401 - the first hint would import it in the middle of the loop
from django.db.models import Q
from django.utils import timezone
from django_eventstream.channelmanager import ChannelManagerBase
from django_eventstream.eventrequest import EventRequest
from django_eventstream.eventstream import send_event
from django_eventstream.views import Listener, stream

from dashboard.models import MOVING, Run
from dashboard.relay.hub import Hub
from dashboard.runs.log import hints
from dashboard.runs.log.hints import Hint
from dashboard.wire import sse

logger = logging.getLogger(__name__)

EVENT = "runs"
PER_RUN_S = 1.0
GATHER_S = 0.25
LOOK_S = 5.0
RECHECK_S = 5.0
MOST_LOOKED_AT = 500
MOST_REMEMBERED = 5000


@dataclass(frozen=True, slots=True)
class Ear:
    """Who listens, and to which one channel. Made by `body` and by nothing else."""

    member_id: int

    @property
    def channel(self) -> str:
        return f"member-{self.member_id}"


class Channels(ChannelManagerBase):
    """Denies by default: only an Ear hears, and only its own channel. No request can ask for a channel by name."""

    def get_channels_for_request(self, request: Any, view_kwargs: Any) -> set[str]:
        return set()

    def can_read_channel(self, user: Any, channel: str) -> bool:
        return isinstance(user, Ear) and user.channel == channel

    def is_channel_reliable(self, channel: str) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Seen:
    """What a hint says of one run."""

    public_id: str
    workspace_id: int
    state: str


class Crier:
    """Turns hints of the run log into hints for the members that listen in this process. Lives in the server's loop."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._loop = asyncio.get_running_loop()
        self._dirty: set[int] = set()
        self._told: OrderedDict[int, str] = OrderedDict()
        self._read_at: dict[int, float] = {}
        self._looked_at = 0.0
        self._wake = asyncio.Event()
        self._open: Counter[tuple[int, int]] = Counter()
        self._task = asyncio.create_task(self._run(), name="live")
        hints.subscribe(self._hinted)

    def close(self) -> None:
        hints.unsubscribe(self._hinted)
        self._task.cancel()

    def enter(self, workspace_id: int, member_id: int) -> None:
        """A member of the workspace listens now."""
        self._open[workspace_id, member_id] += 1

    def leave(self, workspace_id: int, member_id: int) -> None:
        self._open[workspace_id, member_id] -= 1
        self._open = +self._open

    def _hinted(self, news: Sequence[Hint]) -> None:
        """From any thread, at every commit of the log: costs next to nothing while nobody listens."""
        if self._open and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hear, [run_id for run_id, _ in news])

    def _hear(self, run_ids: list[int]) -> None:
        self._dirty.update(run_ids)
        self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._tick()
            except Exception:
                logger.exception("Hints about runs could not be sent; trying again.")
                await asyncio.sleep(PER_RUN_S)

    async def _tick(self) -> None:
        try:
            async with asyncio.timeout(PER_RUN_S):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()
        if not self._open:
            self._dirty.clear()
            return
        await self._look()
        await self._tell(self._due())
        await asyncio.sleep(GATHER_S)

    async def _look(self) -> None:
        """Now and then look at the table itself: other processes may run flows without this one hearing of it."""
        now = self._loop.time()
        if now - self._looked_at >= LOOK_S:
            self._looked_at = now
            workspaces = {workspace_id for workspace_id, _ in self._open}
            self._dirty.update(await self.hub.database.call(_moving_or_just_over, workspaces))

    def _due(self) -> list[int]:
        """The runs to read now: each at most once a second, however often its log grows."""
        now = self._loop.time()
        self._read_at = {run: at for run, at in self._read_at.items() if now - at < PER_RUN_S}
        due = [run_id for run_id in self._dirty if run_id not in self._read_at]
        self._dirty.difference_update(due)
        self._read_at.update(dict.fromkeys(due, now))
        return due

    async def _tell(self, run_ids: list[int]) -> None:
        if not run_ids:
            return
        changed: dict[int, list[dict[str, str]]] = defaultdict(list)
        for run_id, seen in (await self.hub.database.call(_states, run_ids)).items():
            if self._is_news(run_id, seen.state):
                changed[seen.workspace_id].append({"run": seen.public_id, "state": seen.state})
        for workspace_id, member_id in list(self._open):
            if workspace_id in changed:
                send_event(Ear(member_id).channel, EVENT, changed[workspace_id])

    def _is_news(self, run_id: int, state: str) -> bool:
        if self._told.get(run_id) == state:
            return False
        self._told[run_id] = state
        self._told.move_to_end(run_id)
        while len(self._told) > MOST_REMEMBERED:
            self._told.popitem(last=False)
        return True


_crier: Crier | None = None


def start(hub: Hub) -> None:
    """Begin to pass hints on; called by the server's lifespan, in its loop, once the hub is open."""
    global _crier  # noqa: PLW0603 - one per process, like the hub
    _crier = Crier(hub)


def stop() -> None:
    """Stop; may be called twice. The streams end with the hub."""
    global _crier  # noqa: PLW0603
    if _crier is not None:
        _crier.close()
        _crier = None


async def body(workspace_id: int, member_id: int, still_allowed: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The member's hints as an event stream: events `runs` whose data is a list of {"run": id, "state": word}.

    `still_allowed` may read the database; it is asked every few seconds at most, and False ends the stream.
    """
    crier = _crier
    if crier is None:
        return
    ear, listener = Ear(member_id), Listener()
    listener.channels = {ear.channel}
    listener.user_id = ear.channel
    asking = EventRequest()
    asking.channels, asking.user, asking.is_next = set(listener.channels), ear, False
    crier.enter(workspace_id, member_id)
    chunks = stream(asking, listener)
    try:
        async for chunk in _while_allowed(crier, chunks, still_allowed):
            yield chunk
    finally:
        crier.leave(workspace_id, member_id)
        await chunks.aclose()


async def _while_allowed(
    crier: Crier, chunks: AsyncGenerator[str], still_allowed: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """The library's chunks as bytes. The member's right is asked anew at every chunk, and every five seconds without one."""
    yield b"retry: 2000\n\n" + sse.comment("open")
    ended = asyncio.ensure_future(crier.hub.ended.wait())
    coming = asyncio.ensure_future(anext(chunks))
    try:
        while True:
            done, _ = await asyncio.wait(
                {coming, ended}, timeout=RECHECK_S, return_when=asyncio.FIRST_COMPLETED
            )
            if ended.done() or not await crier.hub.database.call(still_allowed):
                return
            if done:
                try:
                    chunk = coming.result()
                except StopAsyncIteration:
                    return
                coming = asyncio.ensure_future(anext(chunks))
                if chunk:
                    yield chunk.encode()
    finally:
        coming.cancel()
        ended.cancel()
        await asyncio.wait({coming, ended})


def _states(run_ids: Iterable[int]) -> dict[int, Seen]:
    rows = Run.objects.filter(pk__in=run_ids).values_list("pk", "public_id", "workspace_id", "state")
    return {pk: Seen(public_id, workspace_id, state) for pk, public_id, workspace_id, state in rows}


def _moving_or_just_over(workspaces: Iterable[int]) -> list[int]:
    recent = Q(finished_at__gt=timezone.now() - timedelta(seconds=3 * LOOK_S))
    rows = Run.objects.filter(recent | Q(state__in=MOVING), workspace_id__in=list(workspaces))
    return list(rows.order_by("-id").values_list("pk", flat=True)[:MOST_LOOKED_AT])
