"""One stretch of a run: claim it, let the engine run it, store how it ended. Delivered at least once, harmless twice."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dashboard.steps
from dashboard.engine.outcome import Finished
from dashboard.engine.ports import Clock, Expressions, Models, Ports
from dashboard.engine.registry import registry_of
from dashboard.engine.runner import FlowRunner
from dashboard.models import RunState
from dashboard.runs import job as jobs
from dashboard.runs.database import DatabasePool
from dashboard.runs.job import CannotLoad, Job
from dashboard.runs.log.owner import OwnedLog
from dashboard.runs.log.writer import GroupWriter, LostLease
from dashboard.wire.events import ErrorDetail, ExecutionError, ExecutionStart, Ping

logger = logging.getLogger(__name__)

PING_S = 15.0


@dataclass(frozen=True, slots=True)
class World:
    """What a worker process hands to every run it drives."""

    worker_id: str
    writer: GroupWriter
    database: DatabasePool
    models: Callable[[int], Models]
    expressions: Expressions
    clock: Clock


class Stretch:
    """A run while this process drives it. `cancel` and `hand_back` may come at any time, from the same loop."""

    def __init__(self, run_id: int, world: World) -> None:
        self.run_id = run_id
        self._world = world
        self._task: asyncio.Task[None] | None = None
        self._engine: asyncio.Task[Finished] | None = None
        self._log: OwnedLog | None = None
        self._models: Models | None = None
        self._runner: FlowRunner | None = None
        self._epoch = 0
        self._cancelled = False
        self._handed_back = False

    async def drive(self) -> None:
        """Drive the run as far as it goes. Ends without a word when it belongs to somebody else."""
        self._task = asyncio.current_task()
        try:
            job = await self._world.database.call(self._claim)
            if job is not None:
                await self._run(job, self._open(job.run_id, job.execution_id, job.epoch, job.last_seq))
        except CannotLoad as problem:
            run = problem.run
            logger.warning("Run %s cannot be loaded.", run.public_id, exc_info=problem)
            log = self._open(run.pk, run.public_id, run.epoch, run.last_seq)
            await self._end(log, run.last_seq < 0, "CANNOT_START", problem.why, RunState.FAILED)
        except LostLease:
            logger.info("Run %s went on elsewhere.", self.run_id)

    def _claim(self) -> Job | None:
        """Everything the stretch needs of the database, in one visit."""
        job = jobs.claim(self.run_id, self._world.worker_id)
        if job is not None:
            self._models = self._world.models(job.workspace_id)
        return job

    def cancel(self) -> None:
        """Stop the run for good; model and HTTP calls in flight are closed at once."""
        self._cancelled = True
        self._interrupt()

    async def hand_back(self) -> None:
        """Stop here and put the run back into the queue, where it goes on from its last completed step."""
        self._handed_back = True
        if self._log is not None:
            self._log.seal()
        self._interrupt()
        if self._task is not None:
            await asyncio.wait([self._task])
        if self._epoch:
            await self._world.database.call(jobs.hand_back, self.run_id, self._epoch)

    def _interrupt(self) -> None:
        if self._engine is not None:
            self._engine.cancel()

    def _open(self, run_id: int, execution_id: str, epoch: int, last_seq: int) -> OwnedLog:
        self._epoch = epoch
        self._log = OwnedLog(self._world.writer, run_id, execution_id, epoch, last_seq)
        return self._log

    async def _run(self, job: Job, log: OwnedLog) -> None:
        fresh = not job.recovery.announced
        for event in job.recovery.closing:
            log.emit(event)
        if self._handed_back:
            return
        if self._cancelled or job.cancel_requested:
            await self._end_as_cancelled(log, fresh)
        elif job.recoveries > jobs.MOST_RECOVERIES:
            why = f"The run was interrupted {job.recoveries} times at the same step, so it was stopped there."
            await self._end(log, fresh, "INTERRUPTED", why, RunState.FAILED)
        else:
            await self._run_engine(job, log)

    async def _run_engine(self, job: Job, log: OwnedLog) -> None:
        world = self._world
        try:
            assert self._models is not None
            ports = Ports(log, self._models, world.expressions, world.clock)
            self._runner = FlowRunner(job.flow_run, ports, registry_of(dashboard.steps))
            self._engine = asyncio.create_task(self._runner.run(), name=f"engine-{job.execution_id}")
            finished = await self._watched(self._engine, log)
            await log.commit([finished.event], changes=jobs.ended(finished))
        except asyncio.CancelledError:
            if self._cancelled and not self._handed_back:
                await self._end_as_cancelled(log, False)
        except LostLease:
            raise
        except Exception:
            logger.exception("Run %s met a fault of ours.", job.execution_id)
            why = "Signalbox met an internal fault while running this flow. The server's log has the particulars."
            await self._end(log, False, "INTERNAL", why, RunState.FAILED)

    async def _watched(self, engine: "asyncio.Task[Finished]", log: OwnedLog) -> Finished:
        """Wait for the engine; whenever it has told nothing for a while, commit a sign of life."""
        loop = asyncio.get_running_loop()
        while not engine.done():
            quiet_left = log.quiet_since + PING_S - loop.time()
            if quiet_left <= 0:
                log.emit(Ping(timestamp=self._world.clock.stamp()))
                quiet_left = PING_S
            await asyncio.wait([engine], timeout=quiet_left)
        return engine.result()

    async def _end_as_cancelled(self, log: OwnedLog, fresh: bool) -> None:
        by = await self._world.database.call(jobs.cancelled_by, self.run_id)
        await self._end(
            log, fresh, "CANCELLED", f"Cancelled by {by}." if by else "Cancelled.", RunState.CANCELLED
        )

    async def _end(self, log: OwnedLog, fresh: bool, code: str, why: str, state: RunState) -> None:
        stamp = self._world.clock.stamp()
        events: list[Any] = [ExecutionStart(kind="flow", started_at=stamp)] if fresh else []
        events.append(terminal_error(code, why, stamp))
        taken = jobs.sums(self._runner.totals) if self._runner is not None else {}
        await log.commit(events, changes={**jobs.over(state), **taken, "error": why})


def terminal_error(code: str, why: str, stamp: str) -> ExecutionError:
    """The event that ends a run in words."""
    return ExecutionError(
        kind="flow", error=ErrorDetail(code=code, message=why), code=code, completed_at=stamp
    )
