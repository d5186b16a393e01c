"""An execution as `/v1/executions` tells of it, running or over."""

from dashboard.wire.base import Number
from dashboard.wire.events_run import Kind
from dashboard.wire.responses import ListedModel, Ref, Usage


class ExecutionObject(ListedModel):
    """One execution. `status` is one of queued, running, paused, attention, completed, failed and cancelled.

    `last_seq` is the number of its newest event, -1 before the first; `events_url` replays them all.
    """

    nullable = frozenset({"flow", "record", "started_at", "completed_at", "final_output", "error"})

    execution_id: str
    kind: Kind
    status: str
    source: str
    flow: Ref | None = None
    record: Ref | None = None
    created_at: str
    started_at: str | None = None
    completed_at: str | None = None
    duration_ms: int | None = None
    final_output: str | None = None
    error: str | None = None
    failed_steps: int = 0
    usage: Usage
    total_cost: Number | None = None
    total_tokens: int = 0
    demo: bool | None = None
    last_seq: int
    events_url: str


class CancelResult(ListedModel):
    """The answer to a cancellation; `cancelled` is false when the execution was over already."""

    success: bool = True
    cancelled: bool
    execution: ExecutionObject


class ArchiveResult(ListedModel):
    """The answer to deleting a flow, which is archived: its runs stay, and it can be found again in the dashboard."""

    success: bool = True
    id: str
    status: str
