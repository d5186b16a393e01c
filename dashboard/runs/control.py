"""The verbs that views and the API call: start a run, cancel a run. The only door to the tables of runs.

Callers have checked that the actor may do it; what they pass belongs to the actor's workspace.
"""

import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import transaction

from dashboard.engine.ports import Clock
from dashboard.models import (
    OVER,
    Actor,
    ApiKey,
    Definition,
    Flow,
    Member,
    Record,
    Run,
    RunEvent,
    RunState,
    Source,
)
from dashboard.runs import delivery
from dashboard.runs.drive import terminal_error
from dashboard.runs.job import over
from dashboard.runs.log import hints
from dashboard.wire.events import Event, ExecutionStart


@dataclass(frozen=True)
class Order:
    """What to run. `definition` is the flow object of a dispatch payload; `flow` the stored flow it came from, if any.

    `record_snapshot` is the record as the run sees it: id, type, name, metadata. `options` are those of the payload.
    `public_id` is the run's id where the caller chose it, so that one form makes one run; empty: a new one.
    """

    definition: dict[str, Any]
    flow_name: str
    flow: Flow | None = None
    record: Record | None = None
    record_snapshot: dict[str, Any] | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    public_id: str = ""


def start(actor: Actor, order: Order, source: Source) -> Run:
    """Store a run in one transaction and, once that is committed, queue it. The caller gets the run at once.

    Raises IntegrityError when a run with the order's `public_id` exists.
    """
    chosen = {"public_id": order.public_id} if order.public_id else {}
    with transaction.atomic():
        run = Run.objects.create(
            **chosen,
            workspace_id=actor.workspace_id,
            source=source,
            flow=order.flow,
            flow_name=order.flow_name[:200],
            flow_revision=order.flow.revision if order.flow else None,
            definition=Definition.objects.keep(actor.workspace_id, order.definition),
            record=order.record,
            record_snapshot=order.record_snapshot,
            inputs=order.inputs,
            messages=order.messages,
            options=order.options,
            secrets=json.dumps(order.secrets) if order.secrets else "",
            started_by_id=actor.user_id if isinstance(actor, Member) else None,
            api_key=actor if isinstance(actor, ApiKey) else None,
        )
        transaction.on_commit(partial(delivery.current().enqueue, run.pk))
    return run


def cancel(run: Run, by: str) -> bool:
    """Cancel a run, whoever has it; True while it was not over yet. Asking twice is the same as asking once.

    A run that nobody drives ends here. A running one is ended by its owner, within a second.
    """
    if _end_unowned(run.pk, by):
        return True
    if Run.objects.ask_to_cancel(run.pk, by):
        delivery.current().cancel(run.pk)
        return True
    return not Run.objects.filter(pk=run.pk, state__in=OVER).exists() and _end_unowned(run.pk, by)


def _end_unowned(run_id: int, by: str) -> bool:
    """End a run that no worker owns, by fencing and telling in one transaction; False if a worker has it or it is over."""
    waiting = (RunState.QUEUED, RunState.PAUSED, RunState.ATTENTION)
    why = f"Cancelled by {by}." if by else "Cancelled."
    with transaction.atomic():
        changes = {**over(RunState.CANCELLED), "cancelled_by": by[:200], "error": why}
        if not Run.objects.take_over(run_id, waiting, **changes):
            return False
        run = Run.objects.get(pk=run_id)
        stamp = Clock().stamp()
        start_event: list[Event] = (
            [] if run.last_seq >= 0 else [ExecutionStart(kind="flow", started_at=stamp)]
        )
        _append(run, [*start_event, terminal_error("CANCELLED", why, stamp)])
    return True


def _append(run: Run, events: list[Event]) -> None:
    """Append to the log of a run that this transaction has just fenced and holds the row of."""
    rows = [
        (run.pk, seq, event.type, event.stamped(run.public_id, seq).to_json())
        for seq, event in enumerate(events, start=run.last_seq + 1)
    ]
    RunEvent.objects.append(rows)
    last_seq = run.last_seq + len(rows)
    Run.objects.advance(run.pk, run.epoch, last_seq, {})
    hints.publish_within_commit([(run.pk, last_seq)])
    transaction.on_commit(partial(hints.publish, [(run.pk, last_seq)]))
