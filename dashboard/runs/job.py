"""Claims a run and loads what one stretch of it needs, and stores how it went: the tables' side of `drive`."""

import json
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from dashboard.engine.context import RunInput
from dashboard.engine.outcome import Finished, Totals
from dashboard.engine.ports import Message, Remembered
from dashboard.engine.runner import FlowRun
from dashboard.models import Run, RunState, StepMemory
from dashboard.runs.log.reader import events_of
from dashboard.runs.recovery import Recovery, recover
from dashboard.wire.events import parse_event
from dashboard.wire.requests import FlowDefinition

MOST_RECOVERIES = 5


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed stretch of a run."""

    run_id: int
    workspace_id: int
    execution_id: str
    kind: str
    epoch: int
    last_seq: int
    recoveries: int
    cancel_requested: bool
    flow_run: FlowRun
    recovery: Recovery


class CannotLoad(Exception):
    """The run is claimed and what it needs cannot be read; the text says why."""

    def __init__(self, run: Run, why: str) -> None:
        super().__init__(why)
        self.run = run
        self.why = why


def claim(run_id: int, worker_id: str) -> Job | None:
    """Make this worker the run's owner and load the run; None when it is not there to be claimed."""
    with transaction.atomic():
        if not Run.objects.claim(run_id, worker_id):
            return None
        run = Run.objects.select_related("definition").get(pk=run_id)
    try:
        return _job(run)
    except Exception as problem:
        raise CannotLoad(run, f"What this run needs cannot be read: {problem}") from problem


def _job(run: Run) -> Job:
    recovery, memory = Recovery(), {}
    if run.last_seq >= 0:
        recovery = recover(parse_event(row.data) for row in events_of(run.pk))
        memory = {body["key"]: Remembered(**body) for body in _memories(run)}
    return Job(
        run_id=run.pk,
        workspace_id=run.workspace_id,
        execution_id=run.public_id,
        kind=run.kind,
        epoch=run.epoch,
        last_seq=run.last_seq,
        recoveries=run.recoveries,
        cancel_requested=run.cancel_requested_at is not None,
        flow_run=FlowRun(
            flow=FlowDefinition.model_validate(run.definition.body),
            flow_id=run.flow_id,
            given=_given(run),
            stretch=run.epoch,
            announced=recovery.announced,
            memory=memory,
            attempts=recovery.attempts,
        ),
        recovery=recovery,
    )


def _memories(run: Run) -> list[dict[str, Any]]:
    return list(StepMemory.objects.filter(run=run).order_by("id").values_list("body", flat=True))


def _given(run: Run) -> RunInput:
    return RunInput(
        record=run.record_snapshot,
        inputs=run.inputs,
        messages=tuple(Message(m["role"], m.get("content", "")) for m in run.messages),
        auto_append_metadata=run.options.get("autoAppendMetadata", True) is not False,
        debug=bool(run.options.get("debugMode")),
    )


def hand_back(run_id: int, epoch: int) -> bool:
    """Put a run back into the queue, if it is still ours."""
    return Run.objects.release(run_id, epoch)


def cancelled_by(run_id: int) -> str:
    """Who asked for the cancellation, as they are to be named."""
    return Run.objects.values_list("cancelled_by", flat=True).get(pk=run_id)


def ended(finished: Finished) -> dict[str, Any]:
    """The columns that change when a run reaches its end."""
    return {
        **over(RunState(finished.state)),
        **sums(finished.totals),
        "final_output": finished.final_output,
        "error": finished.error,
    }


def sums(totals: Totals) -> dict[str, Any]:
    """What a run took so far, as columns."""
    return {
        "input_tokens": totals.input_tokens,
        "output_tokens": totals.output_tokens,
        "cost": totals.cost,
        "failed_steps": totals.failed,
        "demo": totals.demo,
    }


def over(state: RunState) -> dict[str, Any]:
    """The columns that change whenever a run is over: nothing of its request secrets stays behind."""
    return {"state": state, "finished_at": Now(), "owner": "", "secrets": ""}


def request_secrets(run: Run) -> dict[str, str]:
    """The run's request secrets, for the one place that may use them."""
    return json.loads(run.secrets) if run.secrets else {}
