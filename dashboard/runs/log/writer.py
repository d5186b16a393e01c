"""The group-commit writer: one thread per process appends the events of every run that the process drives.

A flush comes at once after a quiet spell, then every `INTERVAL_S`; an awaited append flushes at once too. All waiting runs
share one transaction, each guarded by its own epoch. What is shown to anybody has been committed here first.
"""

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from django.db import InterfaceError, OperationalError, connection, models, transaction

from dashboard.models import Run, RunEvent
from dashboard.models.event import EventRow
from dashboard.runs.log import hints
from dashboard.runs.log.pending import Pending, Work

logger = logging.getLogger(__name__)

INTERVAL_S = 0.035
RETRY_S = (0.1, 0.3, 1.0, 2.0, 5.0)


class LostLease(Exception):
    """Another worker owns the run now; nothing more of it may be written here."""


class GroupWriter:
    """Owns the writer thread. `open` a log per run; `stop` commits what is waiting and ends the thread."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._logs: dict[int, Pending] = {}
        self._urgent = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="run-log-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Commit what is waiting, then end the thread. Blocks for at most ten seconds."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(timeout=10)

    def append(
        self,
        log: Pending,
        events: Sequence[Any],
        *,
        changes: dict[str, Any] | None = None,
        rows: Sequence[models.Model] = (),
        durable: Future[None] | None = None,
    ) -> None:
        """Queue events of a run, with changes of its row and further rows for the same transaction.

        `durable` gets its result when they are committed, or the exception that says why they never will be.
        """
        with self._wake:
            log.add(events, changes, rows, durable)
            self._logs[log.run_id] = log
            self._urgent = self._urgent or durable is not None or log.has_news
            self._wake.notify()

    def _run(self) -> None:
        last_commit = 0.0
        try:
            while True:
                works = self._next(last_commit)
                if works is None:
                    return
                self._commit_all(works)
                last_commit = time.monotonic()
        finally:
            connection.close()

    def _next(self, last_commit: float) -> list[Work] | None:
        """Wait until something is due and take it; None when the writer is to end and nothing is left."""
        with self._wake:
            while True:
                if self._logs:
                    due = last_commit + INTERVAL_S - time.monotonic()
                    if self._urgent or self._stopping or due <= 0:
                        break
                    self._wake.wait(due)
                elif self._stopping:
                    return None
                else:
                    self._wake.wait()
            works = [log.take() for log in sorted(self._logs.values(), key=lambda log: log.run_id)]
            self._logs.clear()
            self._urgent = False
            return works

    def _commit_all(self, works: list[Work]) -> None:
        """Commit all in one transaction; if that fails, each run by itself, so that one cannot sink the others."""
        try:
            self._settle(works, _commit(works))
            return
        except Exception:
            logger.warning(
                "A group of %d runs could not be committed together; trying each alone.", len(works)
            )
            connection.close()
        for work in works:
            self._commit_alone(work)

    def _commit_alone(self, work: Work) -> None:
        for delay in (*RETRY_S, None):
            try:
                self._settle([work], set() if _was_committed(work) else _commit([work]))
                return
            except (OperationalError, InterfaceError) as problem:
                connection.close()
                if delay is None:
                    work.fail(problem)
                    return
                time.sleep(delay)
            except Exception as problem:
                connection.close()
                logger.exception("The log of run %s cannot be written.", work.log.execution_id)
                work.fail(problem)
                return

    def _settle(self, works: list[Work], lost: set[int]) -> None:
        for work in works:
            if work.log.run_id in lost:
                work.fail(LostLease(work.log.execution_id))
            else:
                work.succeed()
        hints.publish([(w.log.run_id, w.last_seq) for w in works if w.log.run_id not in lost])


def _was_committed(work: Work) -> bool:
    """Whether an earlier try went through although its answer was lost with the connection."""
    log = work.log
    return (
        bool(work.events)
        and Run.objects.filter(pk=log.run_id, epoch=log.epoch, last_seq=work.last_seq).exists()
    )


def _commit(works: list[Work]) -> set[int]:
    """Append the works in one transaction; the run ids whose lease was lost are left out and returned."""
    lost: set[int] = set()
    with transaction.atomic():
        events: list[EventRow] = []
        for work in works:
            if not Run.objects.advance(work.log.run_id, work.log.epoch, work.last_seq, work.changes):
                lost.add(work.log.run_id)
                continue
            events.extend(work.events)
        RunEvent.objects.append(events)
        for work in works:
            if work.log.run_id not in lost:
                for row in work.rows:
                    row.save(force_insert=True)
        hints.publish_within_commit([(w.log.run_id, w.last_seq) for w in works if w.log.run_id not in lost])
    return lost
