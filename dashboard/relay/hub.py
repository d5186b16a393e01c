"""Reads the run log for every follower of a process at once: one query a tick, however many runs are followed."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dashboard.runs.database import DatabasePool
from dashboard.runs.log import hints
from dashboard.runs.log.hints import Hint
from dashboard.runs.log.reader import Position, Row, events_after_many, positions

logger = logging.getLogger(__name__)

LONGEST_TICK_S = 0.04
POLL_S = 1.0
MOST_WAITING = 1000


@dataclass(eq=False, slots=True)
class Follower:
    """One reader of one run. `cursor` is the seq of the last row it was given; rows wait in `rows` until it takes them."""

    run_id: int
    cursor: int
    rows: list[Row] = field(default_factory=list)
    settled: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def hungry(self) -> bool:
        return len(self.rows) < MOST_WAITING

    def give(self, rows: Iterable[Row]) -> None:
        fresh = [row for row in rows if row.seq > self.cursor]
        if fresh:
            self.cursor = fresh[-1].seq
            self.rows.extend(fresh)
            self.changed.set()

    def take(self) -> list[Row]:
        rows, self.rows = self.rows, []
        self.changed.clear()
        return rows


class Hub:
    """The followers of one process. Lives in the server's loop; `start` before the first follower, `close` at shutdown."""

    def __init__(self) -> None:
        self._followers: dict[int, set[Follower]] = {}
        self._dirty: set[int] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.database = DatabasePool("relay-db", 4)
        self.closed = False
        self.ended = asyncio.Event()

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run(), name="hub")
        hints.subscribe(self._hinted)

    def close(self) -> None:
        """End every stream, so that the server can stop. Clients come back with the number of their last event."""
        self.closed = True
        self.ended.set()
        hints.unsubscribe(self._hinted)
        for followers in self._followers.values():
            for follower in followers:
                follower.changed.set()
        if self._task is not None:
            self._task.cancel()

    def close_soon(self) -> None:
        """`close`, from any thread or from a signal's handler."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self.close)

    def add(self, run_id: int, cursor: int) -> Follower:
        """Begin to follow a run from a cursor; `remove` the follower when done."""
        follower = Follower(run_id, cursor)
        self._followers.setdefault(run_id, set()).add(follower)
        self._mark(run_id)
        return follower

    def remove(self, follower: Follower) -> None:
        followers = self._followers.get(follower.run_id, set())
        followers.discard(follower)
        if not followers:
            self._followers.pop(follower.run_id, None)

    def drained(self, follower: Follower) -> None:
        """A follower that had too much waiting has taken it: read for it again."""
        self._mark(follower.run_id)

    def _mark(self, run_id: int) -> None:
        self._dirty.add(run_id)
        self._wake.set()

    def _hinted(self, news: Sequence[Hint]) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._hear, [run_id for run_id, _ in news])

    def _hear(self, run_ids: list[int]) -> None:
        for run_id in run_ids:
            if run_id in self._followers:
                self._mark(run_id)

    async def _run(self) -> None:
        while True:
            try:
                await self._tick()
            except Exception:
                logger.exception("The run log could not be read; trying again.")
                await asyncio.sleep(POLL_S)

    async def _tick(self) -> None:
        try:
            async with asyncio.timeout(POLL_S):
                await self._wake.wait()
        except TimeoutError:
            self._dirty.update(self._followers)
        self._wake.clear()
        dirty, self._dirty = self._dirty & self._followers.keys(), set()
        if dirty:
            began = asyncio.get_running_loop().time()
            await self._read(dirty)
            # Reading takes a third of the time at most: quick when there is little, in larger bites when there is much.
            took = asyncio.get_running_loop().time() - began
            await asyncio.sleep(min(LONGEST_TICK_S, 2 * took))

    async def _read(self, dirty: set[int]) -> None:
        """Where the runs stand is read before their events, so that a settled run's last event cannot be missed."""
        where = await self.database.call(positions, list(dirty))
        cursors = {run_id: cursor for run_id in dirty if (cursor := self._lowest(run_id, where)) is not None}
        rows, cut = await self.database.call(events_after_many, cursors)
        if cut:
            self._dirty |= cursors.keys()
            self._wake.set()
        for run_id in dirty:
            for follower in self._followers.get(run_id, ()):
                if follower.hungry:
                    follower.give(rows.get(run_id, ()))
                position = where.get(run_id)
                if position is None or (not position.moving and follower.cursor >= position.last_seq):
                    follower.settled = True
                    follower.changed.set()

    def _lowest(self, run_id: int, where: dict[int, Position]) -> int | None:
        """The cursor to read a run from, or None when no follower of it lacks anything."""
        behind = [
            f.cursor
            for f in self._followers.get(run_id, ())
            if f.hungry and run_id in where and f.cursor < where[run_id].last_seq
        ]
        return min(behind, default=None)
