"""The one JSON body of a run that was not streamed, made from its row and its log."""

from collections.abc import Iterable
from typing import Any

from dashboard.models import OVER, Run, RunState, StepMemory
from dashboard.runs.log.reader import Row
from dashboard.wire.base import JsonObject
from dashboard.wire.events import (
    ErrorDetail,
    Event,
    ExecutionComplete,
    ExecutionError,
    StepComplete,
    StepSkip,
    StepStart,
    parse_event,
)
from dashboard.wire.responses import Ref, StepResult, SyncResult, Usage

_SHOWN = ("step_start", "step_complete", "step_skip", "execution_complete", "execution_error")


def sync_result(run: Run, rows: Iterable[Row], outputs: JsonObject) -> SyncResult:
    """`rows` is the whole log; `outputs` are the values of the flow's output variables. A run that is neither over nor
    paused (the server stopped waiting) is told as it stands."""
    kept = [row for row in rows if row.type in _SHOWN]
    events = [parse_event(row.data) for row in kept]
    complete = next((event for event in events if isinstance(event, ExecutionComplete)), None)
    failure = next((event for event in events if isinstance(event, ExecutionError)), None)
    return SyncResult(
        success=run.state in (RunState.COMPLETED, RunState.PAUSED),
        execution_id=run.public_id,
        kind="flow",
        status=run.state,
        flow=Ref(id=run.flow_id, name=run.flow_name),
        record=record_ref(run),
        result=complete.final_output if complete else None,
        final_output=complete.final_output if complete else None,
        results=outputs,
        steps=_steps(events),
        usage=usage(run),
        stop_reason=_stop_reason(events, complete),
        error=run.error or None,
        code=_code(failure),
        events=[event.to_wire() for event in (complete, failure) if event is not None],
    )


def record_ref(run: Run) -> Ref | None:
    if run.record_snapshot is None:
        return None
    return Ref(id=run.record_snapshot.get("id"), name=run.record_snapshot.get("name"))


def usage(run: Run) -> Usage:
    """Tokens and US dollars; no cost while the run goes on or where a price is unknown."""
    cost = float(run.cost) if run.cost is not None and run.state in OVER else None
    return Usage(input_tokens=run.input_tokens, output_tokens=run.output_tokens, total_cost=cost)


def outputs_of(run: Run) -> JsonObject:
    """The value of every output variable, from what the run remembers of its steps. Reads the database."""
    bound: JsonObject = {}
    for body in StepMemory.objects.filter(run=run).order_by("id").values_list("body", flat=True):
        bound.update(body.get("bindings") or {})
    return {name: bound[name] for name in _variables(run.definition.body) if name in bound}


def _variables(definition: JsonObject) -> list[str]:
    names: list[Any] = []
    for step in definition.get("steps") or definition.get("flowSteps") or []:
        config = step.get("config") or {}
        names += [step.get("outputVariable"), config.get("outputVariable"), config.get("variableName")]
    return list(dict.fromkeys(name for name in names if isinstance(name, str) and name))


def _steps(events: list[Event]) -> list[StepResult]:
    """The last word on each step, in the order in which they were first named."""
    names = {event.id: event for event in events if isinstance(event, StepStart)}
    found: dict[str, StepResult] = {}
    for event in events:
        if isinstance(event, StepSkip):
            found[event.id] = StepResult(
                id=event.id, name=event.name, step_type=event.step_type, success=True, skipped=True
            )
        elif isinstance(event, StepComplete):
            start = names.get(event.id)
            found[event.id] = StepResult(
                id=event.id,
                name=event.name or (start.name if start else None),
                step_type=event.step_type or (start.step_type if start else None),
                success=event.success is not False,
                result=event.result,
                error=event.error,
            )
    return list(found.values())


def _stop_reason(events: list[Event], complete: ExecutionComplete | None) -> str | None:
    if complete is not None and complete.stop_reason is not None:
        return complete.stop_reason
    reasons = [event.stop_reason for event in events if isinstance(event, StepComplete) and event.stop_reason]
    return reasons[-1] if reasons else None


def _code(failure: ExecutionError | None) -> str | None:
    if failure is None:
        return None
    detail = failure.error
    return failure.code or (detail.code if isinstance(detail, ErrorDetail) else None)
