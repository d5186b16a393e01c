"""What every worker looks after: its own lease, cancellations, runs whose worker died, and runs that wait too long."""

import logging
import socket
import time
from typing import NamedTuple

from django.db.models import F

from dashboard.models import Run, RunState, Worker
from dashboard.runs.alive import known_dead

logger = logging.getLogger(__name__)

RENEW_S = 5.0
LOST_S = 10.0
MOST_LOOKED_AT = 200


class Beat(NamedTuple):
    """What a beat found: runs of this worker to cancel, and queued runs to announce again."""

    asked: list[int]
    waiting: list[int]


class Watch:
    """One worker's watch. Every method is blocking database work; one caller at a time."""

    def __init__(self, worker_id: str) -> None:
        self.worker_id = worker_id
        self._renewed = 0.0
        self._queued_since: dict[tuple[int, int], float] = {}

    def arrive(self) -> list[int]:
        """Enter the worker, and free at once what a dead one left behind. Answers what waits in the queue already."""
        self._renew()
        free_orphans()
        return [run_id for run_id, _ in _queued()]

    def leave(self) -> None:
        """Take the worker out; whatever it still owned becomes free."""
        Worker.objects.filter(pk=self.worker_id).delete()

    def beat(self, driving: list[int]) -> Beat:
        """One heartbeat: cancellations every time; the lease, the dead and the forgotten every few seconds."""
        asked = Run.objects.filter(
            owner=self.worker_id, state=RunState.RUNNING, cancel_requested_at__isnull=False
        )
        wanted = list(asked.values_list("pk", flat=True)) if driving else []
        waiting: list[int] = []
        if time.monotonic() - self._renewed >= RENEW_S:
            self._renew()
            waiting = [*free_orphans(), *self._forgotten()]
        return Beat(wanted, waiting)

    def _renew(self) -> None:
        self._renewed = time.monotonic()
        Worker.objects.renew(self.worker_id, socket.gethostname())

    def _forgotten(self) -> list[int]:
        """Runs seen waiting for a while: what announced them may be lost. The oldest come first, so each has its turn."""
        now = time.monotonic()
        seen = self._queued_since
        self._queued_since = {key: seen.get(key, now) for key in _queued()}
        forgotten = [key for key, since in self._queued_since.items() if now - since >= LOST_S]
        self._queued_since.update(dict.fromkeys(forgotten, now))
        return [run_id for run_id, _ in forgotten]


def _queued() -> list[tuple[int, int]]:
    """The oldest runs whose time has come; a run that was taken and came back has another epoch."""
    return list(Run.objects.due().values_list("pk", "epoch")[:MOST_LOOKED_AT])


def free_orphans() -> list[int]:
    """Put runs of dead workers back into the queue. Their epoch grows, so a worker that only slept is fenced out."""
    for worker in Worker.objects.alive():
        if known_dead(worker.pk):
            logger.info("Worker %s is gone; its runs go on here.", worker.pk)
            worker.delete()
    freed = []
    for run_id in Run.objects.orphaned().values_list("pk", flat=True)[:500]:
        if Run.objects.take_over(
            run_id, (RunState.RUNNING,), state=RunState.QUEUED, recoveries=F("recoveries") + 1
        ):
            freed.append(run_id)
    return freed
