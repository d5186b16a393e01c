"""Delivery without a broker: the queue is the runs that are `queued`; a call wakes the worker, a slow poll stands behind."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from dashboard.models import Run
from dashboard.runs.database import DatabasePool
from dashboard.runs.delivery.port import Cancel, Drive

logger = logging.getLogger(__name__)

POLL_S = 0.5


class EmbeddedDelivery:
    """Hands queued runs to the worker of this process. Several processes may do so at once: a run is claimed only once."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self._cancel: Cancel | None = None
        self._database: DatabasePool | None = None

    def enqueue(self, run_id: int, at: datetime | None = None) -> None:
        self._call_worker(self._wake.set)

    def enqueue_again(self, run_ids: Sequence[int]) -> None:
        self._call_worker(self._wake.set)

    def cancel(self, run_id: int) -> None:
        if self._cancel is not None:
            self._call_worker(self._cancel, run_id)

    def _call_worker(self, callback: Callable[..., object], *args: object) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(callback, *args)

    async def start(self, drive: Drive, cancel: Cancel, free: Callable[[], int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._cancel = cancel
        self._database = DatabasePool("delivery", 1)
        self._pump = asyncio.create_task(self._run(drive, free), name="delivery")

    async def stop(self) -> None:
        self._loop = None
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])
        if self._database is not None:
            self._database.close()

    async def _run(self, drive: Drive, free: Callable[[], int]) -> None:
        taken: set[int] = set()
        capacity = free()
        while True:
            try:
                await self._round(drive, capacity - len(taken), taken)
            except Exception:
                logger.exception("The queue could not be read; trying again.")
                await asyncio.sleep(POLL_S)

    async def _round(self, drive: Drive, room: int, taken: set[int]) -> None:
        """Hand over what is due, then sleep until somebody calls or the poll comes round."""
        self._wake.clear()
        if room > 0 and self._database is not None:
            for run_id in await self._database.call(_due, room, frozenset(taken)):
                taken.add(run_id)
                asyncio.ensure_future(drive(run_id)).add_done_callback(partial(self._gone, taken, run_id))
        try:
            async with asyncio.timeout(POLL_S):
                await self._wake.wait()
        except TimeoutError:
            return

    def _gone(self, taken: set[int], run_id: int, _: object) -> None:
        taken.discard(run_id)
        self._wake.set()


def _due(room: int, taken: frozenset[int]) -> list[int]:
    return list(Run.objects.due().exclude(pk__in=taken).values_list("pk", flat=True)[:room])


def make() -> EmbeddedDelivery:
    return EmbeddedDelivery()
