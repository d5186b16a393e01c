"""Runs: one execution of a flow, its state, and the compare-and-set moves between states."""

from typing import Any

from django.conf import settings
from django.db import connection, models
from django.db.models.functions import Coalesce, Now

from dashboard.models.api_key import ApiKey
from dashboard.models.definition import Definition
from dashboard.models.fields import EncryptedText, JSONText
from dashboard.models.flow import Flow
from dashboard.models.people import Workspace
from dashboard.models.permissions import Actor
from dashboard.models.record import Record
from dashboard.models.worker import Worker
from dashboard.wire.ids import EXECUTION, new_id


def _new_run_id() -> str:
    return new_id(EXECUTION)


class RunState(models.TextChoices):
    """Where a run is. `queued` and `running` move by themselves; the rest wait for somebody or are over."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Waiting"
    ATTENTION = "attention", "Needs attention"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


MOVING = (RunState.QUEUED, RunState.RUNNING)
OVER = (RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED)


class Source(models.TextChoices):
    """Through which door a run was started."""

    DASHBOARD = "dashboard", "Dashboard"
    API = "api", "API"


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, actor: Actor) -> "RunQuerySet":
        return self.filter(workspace_id=actor.workspace_id)

    def due(self) -> "RunQuerySet":
        """Queued runs whose time has come, oldest first."""
        ready = models.Q(available_at=None) | models.Q(available_at__lte=Now())
        return self.filter(ready, state=RunState.QUEUED).order_by("id")

    def claim(self, run_id: int, worker_id: str) -> bool:
        """Make a worker the one owner of a queued run; False when somebody was faster, or its time has not come."""
        moved = (
            self.due()
            .filter(pk=run_id)
            .update(
                state=RunState.RUNNING,
                epoch=models.F("epoch") + 1,
                owner=worker_id,
                started_at=Coalesce(models.F("started_at"), Now()),
            )
        )
        return moved == 1

    def advance(self, run_id: int, epoch: int, last_seq: int, changes: dict[str, Any]) -> bool:
        """Move the log's end, and whatever changes with it, as the run's owner; False when the lease is lost."""
        if changes:
            return self.filter(pk=run_id, epoch=epoch).update(last_seq=last_seq, **changes) == 1
        # The token path: building this statement with the query builder costs several times as much as running it.
        with connection.cursor() as cursor:
            cursor.execute(_ADVANCE, [last_seq, run_id, epoch])
            return cursor.rowcount == 1

    def release(self, run_id: int, epoch: int) -> bool:
        """Give a run back to the queue, for another worker to go on with."""
        return (
            self.filter(pk=run_id, epoch=epoch, state=RunState.RUNNING).update(
                state=RunState.QUEUED, owner=""
            )
            == 1
        )

    def take_over(self, run_id: int, states: tuple[str, ...], **changes: Any) -> bool:
        """Fence out whoever had the run and change it, if it is in one of the states."""
        fenced = {"epoch": models.F("epoch") + 1, "owner": "", **changes}
        moved = self.filter(pk=run_id, state__in=states).update(**fenced)
        return moved == 1

    def orphaned(self) -> "RunQuerySet":
        """Running, but owned by a worker that is not alive."""
        alive = Worker.objects.alive().values("id")
        return self.filter(state=RunState.RUNNING).exclude(owner__in=alive)

    def ask_to_cancel(self, run_id: int, by: str) -> bool:
        """Note that a running run is to be cancelled; its owner sees it within a second."""
        return (
            self.filter(pk=run_id, state=RunState.RUNNING).update(
                cancel_requested_at=Coalesce(models.F("cancel_requested_at"), Now()), cancelled_by=by[:200]
            )
            == 1
        )


class Run(models.Model):
    """One run. Written by its one owner (the process that holds `epoch`), except where nobody owns it.

    `last_seq` is the seq of the newest committed event, -1 before the first. `cost` is in US dollars and None when any
    part of it is unknown. `secrets` are request secrets, encrypted, and emptied in the transaction that ends the run.
    """

    id = models.BigAutoField(primary_key=True)
    public_id = models.CharField(max_length=40, unique=True, default=_new_run_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="runs")
    kind = models.CharField(max_length=10, default="flow")
    source = models.CharField(max_length=20, choices=Source.choices)
    flow = models.ForeignKey(Flow, on_delete=models.SET_NULL, null=True, blank=True, related_name="runs")
    flow_name = models.CharField(max_length=200)
    flow_revision = models.IntegerField(null=True)
    definition = models.ForeignKey(Definition, on_delete=models.PROTECT, related_name="+")
    record = models.ForeignKey(Record, on_delete=models.SET_NULL, null=True, blank=True, related_name="runs")
    record_snapshot = JSONText(null=True)
    inputs = JSONText(default=dict)
    messages = JSONText(default=list)
    options = JSONText(default=dict)
    secrets = EncryptedText(blank=True, default="")
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    api_key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, related_name="+")

    state = models.CharField(max_length=12, choices=RunState.choices, default=RunState.QUEUED)
    epoch = models.IntegerField(default=0)
    last_seq = models.IntegerField(default=-1)
    owner = models.CharField(max_length=80, blank=True, default="")
    available_at = models.DateTimeField(null=True)
    recoveries = models.IntegerField(default=0)
    cancel_requested_at = models.DateTimeField(null=True)
    cancelled_by = models.CharField(max_length=200, blank=True, default="")

    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    input_tokens = models.IntegerField(default=0)
    output_tokens = models.IntegerField(default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=8, null=True)
    failed_steps = models.IntegerField(default=0)
    demo = models.BooleanField(default=False)
    error = models.TextField(blank=True, default="")
    final_output = models.TextField(blank=True, default="")

    objects = RunQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "-id"], name="run_list"),
            models.Index(fields=["workspace", "state", "-id"], name="run_list_by_state"),
            models.Index(fields=["flow", "-id"], name="run_list_by_flow"),
            models.Index(
                fields=["state", "available_at", "id"],
                name="run_queue",
                condition=models.Q(state__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


_ADVANCE = f"UPDATE {Run._meta.db_table} SET last_seq = %s WHERE id = %s AND epoch = %s"  # noqa: S608 - our table's name
