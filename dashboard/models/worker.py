"""Worker processes that drive runs. One row each: renewing one row keeps every run of the process leased."""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self) -> "WorkerQuerySet":
        return self.filter(lease_until__gt=Now())

    def renew(self, worker_id: str, host: str) -> None:
        """Prolong a worker's lease by the database's clock, entering the worker if it is new."""
        until = Now() + Worker.LEASE
        if not self.filter(pk=worker_id).update(lease_until=until):
            self.create(id=worker_id, host=host, lease_until=until)


class Worker(models.Model):
    """A process that drives runs. It is alive while `lease_until` (database clock) is in the future."""

    LEASE: ClassVar[timedelta] = timedelta(seconds=15)

    id = models.CharField(primary_key=True, max_length=80)
    host = models.CharField(max_length=255)
    started_at = models.DateTimeField(auto_now_add=True)
    lease_until = models.DateTimeField()

    objects = WorkerQuerySet.as_manager()

    def __str__(self) -> str:
        return self.id
