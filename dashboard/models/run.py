"""Runs: one execution of a flow, its state and its place in the queue."""

from django.conf import settings
from django.db import models

from dashboard.models.api_key import ApiKey
from dashboard.models.definition import Definition
from dashboard.models.fields import EncryptedText, JSONText
from dashboard.models.flow import Flow
from dashboard.models.people import Workspace
from dashboard.models.permissions import Actor
from dashboard.models.record import Record
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
    lease_until = models.DateTimeField(null=True)
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
