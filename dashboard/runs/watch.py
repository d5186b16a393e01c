"""What every worker looks after, once a second: its own lease, cancellations, and runs whose worker died."""

import logging
import socket
import time
from typing import NamedTuple

from django.db.models import F

from dashboard.models import Run, RunState, Worker
from dashboard.runs.alive import known_dead

logger = logging.getLogger(__name__)

RENEW_S = 5.0
_last_renewal: dict[str, float] = {}


class Beat(NamedTuple):
    """What a beat found: runs of this worker to cancel, and runs freed for the queue."""

    asked: list[int]
    freed: list[int]


def arrive(worker_id: str) -> None:
    """Enter a worker, and free at once what a dead one on this machine left behind."""
    _last_renewal[worker_id] = time.monotonic()
    Worker.objects.renew(worker_id, socket.gethostname())
    free_orphans()


def leave(worker_id: str) -> None:
    """Take a worker out; whatever it still owned becomes free."""
    Worker.objects.filter(pk=worker_id).delete()
    _last_renewal.pop(worker_id, None)


def beat(worker_id: str, driving: list[int]) -> Beat:
    """One heartbeat: cancellations every time, the lease and the dead every few seconds."""
    asked = Run.objects.filter(owner=worker_id, state=RunState.RUNNING, cancel_requested_at__isnull=False)
    wanted = list(asked.values_list("pk", flat=True)) if driving else []
    freed: list[int] = []
    if time.monotonic() - _last_renewal.get(worker_id, 0.0) >= RENEW_S:
        _last_renewal[worker_id] = time.monotonic()
        Worker.objects.renew(worker_id, socket.gethostname())
        freed = free_orphans()
    return Beat(wanted, freed)


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
