"""Delivery over Procrastinate, PostgreSQL's queue: a job says "drive run X" and lasts as long as this process drives it.

The run's own claim decides who drives it, so a job is never retried: it is finished, and another is queued where one is
needed. What a dead process left in the queue's tables is swept away; its runs come back through the workers' watch.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import connection
from procrastinate import App
from procrastinate.connector import Notify
from procrastinate.contrib.django import connector_params
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import JobDeferrer, Status
from procrastinate.manager import JobManager
from procrastinate.psycopg_connector import PsycopgConnector
from procrastinate.tasks import configure_task

from dashboard.runs.delivery.port import Cancel, Drive

logger = logging.getLogger(__name__)

QUEUE = "runs"
TASK = "drive"
APPLICATION = "signalbox-queue"
JOBS: str = "procrastinate.ProcrastinateJob"
POLL_S = 1.0
LATER_S = 1
RETRY_S = 1.0
LAST_WORDS_S = 2.0
SWEEP_S = 30.0
DEAD_S = 30.0
NEVER_S = 3600.0


class WorkerConnector(PsycopgConnector):
    """Few connections, and an ear that comes back: the library's own stays deaf once it could not reconnect."""

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        while True:
            try:
                await super().listen_notify(on_notification=on_notification, channels=channels)
            except ConnectorException:
                logger.warning("Lost the connection that hears of new jobs; opening another.")
                await asyncio.sleep(RETRY_S)


class ProcrastinateDelivery:
    """One process's end of the queue. Jobs are queued over Django's connection and taken over a pool of their own."""

    def __init__(self) -> None:
        self._app = App(connector=DjangoConnector())
        self._app.task(name=TASK, queue=QUEUE)(self._take)
        self._taking_app = self._app
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._handed: set[asyncio.Task[None]] = set()
        self._about_to_begin = 0

    def enqueue(self, run_id: int, at: datetime | None = None) -> None:
        try:
            _job(self._app.job_manager, run_id, at).defer()
        except AlreadyEnqueued:
            logger.debug("Run %s waits in the queue already.", run_id)
        except Exception:
            _later("Run %s could not be put into the queue; a worker's watch will do it.", run_id)

    def enqueue_again(self, run_ids: Sequence[int]) -> None:
        try:
            missing = _without_a_job(run_ids)
        except Exception:
            _later("It cannot be told which of %d runs wait in the queue; trying again soon.", len(run_ids))
            return
        try:
            manager = self._app.job_manager
            manager.batch_defer_jobs([_job(manager, run_id).job for run_id in missing])
        except AlreadyEnqueued:
            for run_id in missing:
                self.enqueue(run_id)
        except Exception:
            _later("%d runs could not be put into the queue; trying again soon.", len(missing))

    def cancel(self, run_id: int) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._cancel, run_id)

    async def start(self, drive: Drive, cancel: Cancel, free: Callable[[], int]) -> None:
        self._drive, self._cancel, self._free = drive, cancel, free
        self._stopping = asyncio.Event()
        pool: dict[str, Any] = {"min_size": 1, "max_size": 2}
        own = {**connector_params(), "application_name": APPLICATION}
        self._taking_app = self._app.with_connector(WorkerConnector(kwargs=own, **pool))
        await self._taking_app.open_async()
        self._loop = asyncio.get_running_loop()
        self._tasks = [
            asyncio.create_task(self._work(max(1, free())), name="delivery"),
            asyncio.create_task(self._sweep(), name="delivery-sweep"),
        ]

    async def stop(self) -> None:
        self._loop = None
        self._stopping.set()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
            await self._taking_app.close_async()
        self._tasks = []

    async def _work(self, concurrency: int) -> None:
        """Take jobs until told to stop. The library's worker ends at any fault of the database, so it is started anew."""
        while True:
            try:
                await self._taking_app.run_worker_async(
                    queues=[QUEUE],
                    concurrency=concurrency,
                    fetch_job_polling_interval=POLL_S,
                    abort_job_polling_interval=NEVER_S,
                    shutdown_graceful_timeout=LAST_WORDS_S,
                    install_signal_handlers=False,
                    listen_notify=True,
                    delete_jobs="always",
                    stalled_worker_timeout=DEAD_S,
                    task_middleware=[],
                )
            except Exception:
                logger.exception("The queue could not be read; trying again.")
            await asyncio.sleep(RETRY_S)

    async def _take(self, run_id: int) -> None:
        """One job: hand the run over and stay until it is let go of, or this process stops taking runs."""
        if self._stopping.is_set() or self._free() <= self._about_to_begin:
            await self._put_back(run_id)
            return
        self._about_to_begin += 1
        driving = asyncio.create_task(self._begin(run_id))
        self._handed.add(driving)
        driving.add_done_callback(self._handed.discard)
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({driving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()

    async def _begin(self, run_id: int) -> None:
        self._about_to_begin -= 1
        await self._drive(run_id)

    async def _put_back(self, run_id: int) -> None:
        """There is no room here: another worker may take it, or this one a moment later."""
        try:
            await _job(self._taking_app.job_manager, run_id, in_s=LATER_S).defer_async()
        except AlreadyEnqueued:
            return

    async def _sweep(self) -> None:
        """Delete jobs of processes that are gone: nobody else would, and their runs have come back by another way."""
        manager = self._taking_app.job_manager
        while True:
            try:
                for job in await manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=DEAD_S):
                    await manager.finish_job(job, Status.FAILED, delete_job=True)
                await manager.prune_stalled_workers(DEAD_S)
            except ConnectorException as problem:
                logger.info("The queue could not be swept; trying again later: %s", problem)
            await asyncio.sleep(SWEEP_S)


def _lock(run_id: int, at: datetime | None = None) -> str:
    """One waiting job per run, and one more per appointed time: a run may be wanted before its time comes."""
    return f"run-{run_id}@{at.isoformat()}" if at else f"run-{run_id}"


def _job(
    manager: JobManager, run_id: int, at: datetime | None = None, in_s: int | None = None
) -> JobDeferrer:
    """A job to be queued over the manager's connection. (`App.configure_task` would take another app's.)"""
    when: dict[str, Any] = {"schedule_in": {"seconds": in_s}} if in_s is not None else {"schedule_at": at}
    return configure_task(
        name=TASK,
        job_manager=manager,
        queue=QUEUE,
        queueing_lock=_lock(run_id, at),
        task_kwargs={"run_id": run_id},
        **when,
    )


def _without_a_job(run_ids: Sequence[int]) -> list[int]:
    """Those of the runs, each once, that no waiting job announces. One query."""
    waiting = apps.get_model(JOBS)._default_manager.filter(
        status=Status.TODO.value, queueing_lock__in=[_lock(run_id) for run_id in run_ids]
    )
    locks = set(waiting.values_list("queueing_lock", flat=True))
    return [run_id for run_id in dict.fromkeys(run_ids) if _lock(run_id) not in locks]


def _later(message: str, about: int) -> None:
    logger.warning(message, about, exc_info=True)
    connection.close_if_unusable_or_obsolete()


def make() -> ProcrastinateDelivery:
    return ProcrastinateDelivery()
