"""Runs one stretch of a flow from its announcement to its end. Starting again from the top with what is remembered is how a
run goes on after a crash.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dashboard.engine.context import BlockIds, RunInput, Scope
from dashboard.engine.outcome import Finished, Totals
from dashboard.engine.ports import Ports, Remembered
from dashboard.engine.registry import Registry
from dashboard.engine.templating import as_text
from dashboard.engine.walker import FlowStopped, Walker
from dashboard.wire.events import ErrorDetail, ExecutionComplete, ExecutionError, ExecutionStart, TokenCount
from dashboard.wire.requests import FlowDefinition


@dataclass(frozen=True, slots=True)
class FlowRun:
    """One stretch of a flow's run. `stretch` counts from 1; `attempts` says how often each step began before, by its id."""

    flow: FlowDefinition
    flow_id: str | None
    given: RunInput
    stretch: int = 1
    announced: bool = False
    memory: Mapping[str, Remembered] = field(default_factory=dict)
    attempts: Mapping[str, int] = field(default_factory=dict)


def final_text(value: Any) -> str:
    """A flow's final output as text: strings as they are, other values as JSON."""
    return "" if value is None else as_text(value)


class FlowRunner:
    """Runs one stretch of one flow. `totals` grow as its steps end, so that a run cut short can say what it took."""

    def __init__(self, run: FlowRun, ports: Ports, registry: Registry) -> None:
        self._run, self._ports = run, ports
        self.totals = Totals()
        self._started = ports.clock.monotonic()
        self._walker = Walker(
            given=run.given,
            ports=ports,
            registry=registry,
            scope=Scope(run.given),
            ids=BlockIds(run.stretch),
            totals=self.totals,
            memory=run.memory,
            attempts=run.attempts,
        )

    async def run(self) -> Finished:
        """Run to the end. Raises only what is not the flow's doing (a lost lease, cancellation)."""
        self._announce()
        try:
            walked = await self._walker.walk(self._run.flow.ordered_steps)
        except FlowStopped as stopped:
            return self._failed(stopped)
        return self._completed(final_text(walked.output))

    def _announce(self) -> None:
        if self._run.announced:
            return
        self._ports.log.emit(
            ExecutionStart(
                kind="flow",
                started_at=self._ports.clock.stamp(),
                flow_id=self._run.flow_id,
                flow_name=self._run.flow.name,
                total_steps=sum(step.enabled is not False for step in self._run.flow.ordered_steps),
            )
        )

    def _completed(self, text: str) -> Finished:
        totals = self.totals
        event = ExecutionComplete(
            kind="flow",
            success=True,
            completed_at=self._ports.clock.stamp(),
            duration_ms=round((self._ports.clock.monotonic() - self._started) * 1000),
            final_output=text,
            total_steps=totals.steps,
            successful_steps=totals.succeeded,
            failed_steps=totals.failed,
            step_error_count=totals.failed or None,
            total_cost=None if totals.cost is None else float(totals.cost),
            total_tokens=TokenCount(input=totals.input_tokens, output=totals.output_tokens),
        )
        return Finished(event=event, state="completed", totals=totals, final_output=text)

    def _failed(self, stopped: FlowStopped) -> Finished:
        step = stopped.step
        detail = ErrorDetail(
            code="STEP_FAILED",
            message=f"Step “{step.name or step.id}” failed: {stopped.why}",
            details={"stepId": step.id, "stepType": step.type},
        )
        event = ExecutionError(
            kind="flow", error=detail, code=detail.code, completed_at=self._ports.clock.stamp()
        )
        return Finished(event, "failed", self.totals, "", error=detail.message)
