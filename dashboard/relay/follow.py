"""A run's log as a stream: what is stored, then what comes, until the run is over or paused.

Rows were committed before they are read here. A follower holds no thread and no database connection: reads are short and
happen in the hub's own pool.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

from dashboard.relay.hub import Hub
from dashboard.runs.log.reader import Row, events_after
from dashboard.wire import sse

PAGE = 500
RECHECK_S = 5.0
COMMENT_S = 15.0

_hub: Hub | None = None


class Closing(Exception):
    """The server is stopping, or was never started."""


def open_hub() -> Hub:
    """Start this process's hub; the server does so before it answers."""
    global _hub  # noqa: PLW0603 - one hub per process, opened and closed by the server's lifespan
    _hub = Hub()
    _hub.start()
    return _hub


def close_hub() -> None:
    """End every stream of this process. Any thread may ask for it."""
    if _hub is not None:
        _hub.close_soon()


async def end_hub() -> None:
    """Close this process's hub and give its database connections back; the server does so when no stream is left."""
    if _hub is not None:
        _hub.close()
        await asyncio.to_thread(_hub.database.close)


def hub() -> Hub:
    if _hub is None or _hub.closed:
        raise Closing
    return _hub


async def rows(run_id: int, after: int) -> AsyncIterator[list[Row]]:
    """Batches of rows with seq > `after`. An empty batch means that nothing came for `RECHECK_S` seconds."""
    here = hub()
    while True:
        page = await here.database.call(events_after, run_id, after, PAGE)
        if page:
            yield page
            after = page[-1].seq
        if len(page) < PAGE:
            break
    follower = here.add(run_id, after)
    try:
        while not here.closed:
            if follower.rows:
                was_full = not follower.hungry
                yield follower.take()
                if was_full:
                    here.drained(follower)
            elif follower.settled:
                return
            else:
                await _changed(follower.changed)
                if not follower.rows and not follower.settled:
                    yield []
    finally:
        here.remove(follower)


async def _changed(event: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(RECHECK_S):
            await event.wait()
    except TimeoutError:
        return
    event.clear()


async def frames(
    run_id: int, after: int, *, with_id: bool = True, still_allowed: Callable[[], bool] | None = None
) -> AsyncIterator[bytes]:
    """The rows as SSE frames. `still_allowed` is asked every five seconds (it may read the database); False ends the stream.

    A run that nobody drives yet tells nothing; a comment every 15 seconds keeps its connection alive.
    """
    loop = asyncio.get_running_loop()
    checked = told = loop.time()
    async for batch in rows(run_id, after):
        if still_allowed is not None and loop.time() - checked >= RECHECK_S:
            checked = loop.time()
            if not await hub().database.call(still_allowed):
                return
        if batch:
            told = loop.time()
            yield b"".join(sse.frame(row.type, row.data, row.seq if with_id else None) for row in batch)
        elif loop.time() - told >= COMMENT_S:
            told = loop.time()
            yield sse.comment("waiting")


async def settled(run_id: int, after: int) -> None:
    """Returns when the run is over or paused; `after` is the newest seq the caller knows of."""
    async for _ in rows(run_id, after):
        continue
