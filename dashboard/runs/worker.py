"""A worker: the engine in its own thread and loop, the log's writer, the lease, and the queue's end in this process."""

import asyncio
import logging
import secrets
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from django.conf import settings

from dashboard.engine.ports import Clock, Expressions, Models
from dashboard.runs import delivery
from dashboard.runs.alive import LifeSign
from dashboard.runs.database import DatabasePool
from dashboard.runs.drive import Stretch, World
from dashboard.runs.log.writer import GroupWriter
from dashboard.runs.watch import Watch

logger = logging.getLogger(__name__)

BEAT_S = 1.0
GRACE_S = 3.0


class ModelSource(Protocol):
    """Where a worker gets a workspace's models."""

    def for_workspace(self, workspace_id: int) -> Models:
        """May block on the database; called off the loop."""
        ...

    def configured(self) -> list[Any]:
        """The vendor connections there are. May block on the database."""
        ...

    async def warm_up(self, connections: list[Any]) -> None:
        """Load what these connections need."""
        ...

    async def aclose(self) -> None: ...


class Worker:
    """Drives runs in this process. `start` returns when runs can be taken; `stop` hands back what is unfinished.

    `queue` is this process's delivery unless a caller has one of its own.
    """

    def __init__(
        self,
        make_expressions: Callable[[], Expressions],
        models: ModelSource,
        capacity: int | None = None,
        queue: delivery.Delivery | None = None,
    ) -> None:
        self.id = f"{socket.gethostname()}:{secrets.token_hex(6)}"
        self._make_expressions = make_expressions
        self._models = models
        self._capacity = capacity or settings.RUN_CONCURRENCY
        self._queue = queue or delivery.current()
        self._watch = Watch(self.id)
        self._stretches: dict[int, Stretch] = {}
        self._called_again: set[int] = set()
        self._driving: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="engine", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def start(self) -> None:
        """Start the engine's thread; raises what kept it from starting."""
        self._thread.start()
        self._ready.wait()
        if self._problem is not None:
            raise self._problem

    def stop(self, timeout_s: float = 8.0) -> None:
        """Take no more, give running steps a moment, hand the rest back to the queue, and end the thread."""
        if self._loop is not None and self._stopping is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout_s)

    def _main(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as problem:
            self._problem = problem
            logger.exception("The engine stopped.")
        finally:
            self._ready.set()

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        world = World(
            worker_id=self.id,
            writer=GroupWriter(),
            database=DatabasePool("engine-db", 4),
            models=self._models.for_workspace,
            expressions=self._make_expressions(),
            clock=Clock(),
        )
        life = LifeSign(self.id)
        life.take()
        world.writer.start()
        waiting = await world.database.call(self._watch.arrive)
        beat = asyncio.create_task(self._beat(world), name="beat")
        await self._queue.start(partial(self._drive, world), self._cancel_here, self._free)
        await self._announce(world, waiting)
        self._ready.set()
        warming = asyncio.create_task(self._warm_up(world), name="warm-up")
        await self._stopping.wait()
        warming.cancel()
        await self._queue.stop()
        await self._wind_down(world)
        beat.cancel()
        await world.database.call(self._watch.leave)
        world.writer.stop()
        await self._models.aclose()
        await _close(world.expressions)
        world.database.close()
        life.give()

    async def _warm_up(self, world: World) -> None:
        try:
            await self._models.warm_up(await world.database.call(self._models.configured))
        except Exception:
            logger.exception("The model libraries could not be loaded ahead; the first run loads them.")

    def _free(self) -> int:
        return self._capacity - len(self._stretches)

    async def _drive(self, world: World, run_id: int) -> None:
        if run_id in self._stretches:
            self._called_again.add(run_id)
            return
        stretch = self._stretches[run_id] = Stretch(run_id, world)
        task = asyncio.create_task(stretch.drive())
        self._driving.add(task)
        try:
            await task
        except Exception:
            logger.exception("Run %s could not be driven.", run_id)
        finally:
            self._driving.discard(task)
            self._stretches.pop(run_id, None)
        await self._answer_late_call(world, run_id)

    async def _answer_late_call(self, world: World, run_id: int) -> None:
        """A run may be queued anew while its last stretch still winds up here: that announcement must not be lost."""
        if run_id in self._called_again and self._stopping is not None and not self._stopping.is_set():
            self._called_again.discard(run_id)
            await self._announce(world, [run_id])

    def _cancel_here(self, run_id: int) -> None:
        stretch = self._stretches.get(run_id)
        if stretch is not None:
            stretch.cancel()

    async def _beat(self, world: World) -> None:
        """Once a second: the worker's watch, and what follows from it."""
        while True:
            try:
                asked, waiting = await world.database.call(self._watch.beat, list(self._stretches))
                for run_id in asked:
                    self._cancel_here(run_id)
                await self._announce(world, waiting)
            except Exception:
                logger.exception("The worker's heartbeat failed; trying again.")
            await asyncio.sleep(BEAT_S)

    async def _announce(self, world: World, run_ids: list[int]) -> None:
        if run_ids:
            await world.database.call(self._queue.enqueue_again, run_ids)

    async def _wind_down(self, world: World) -> None:
        """Let runs that are about to end do so, then hand the others back."""
        if self._driving:
            await asyncio.wait(self._driving, timeout=GRACE_S)
        unfinished = dict(self._stretches)
        await asyncio.gather(*(stretch.hand_back() for stretch in unfinished.values()))
        await self._announce(world, list(unfinished))


async def _close(expressions: Expressions) -> None:
    close = getattr(expressions, "close", None)
    if close is not None:
        await close()
