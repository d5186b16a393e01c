"""Walks a flow's steps in order and tells it in wire events. Starting again from the top with what is remembered is how a
run goes on after a crash: remembered steps are taken as they ended, and nothing of them is told twice.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dashboard.engine.attempts import Attempted, attempt_step
from dashboard.engine.context import BlockIds, Blocks, RunInput, Scope
from dashboard.engine.outcome import Finished, Totals
from dashboard.engine.policy import PolicyProblem, policy_of
from dashboard.engine.ports import ExpressionFailure, Ports, Remembered
from dashboard.engine.registry import Registry
from dashboard.engine.templating import as_expression, as_text
from dashboard.wire.events import (
    Custom,
    ErrorDetail,
    ExecutionComplete,
    ExecutionError,
    ExecutionStart,
    StepComplete,
    StepSkip,
    StepStart,
    TokenCount,
)
from dashboard.wire.requests import FlowDefinition, StepDefinition

MOST_DEBUG_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class FlowRun:
    """One stretch of a flow's run. `stretch` counts from 1; `attempts` says how often each step key began before."""

    flow: FlowDefinition
    flow_id: str | None
    given: RunInput
    stretch: int = 1
    announced: bool = False
    memory: Mapping[str, Remembered] = field(default_factory=dict)
    attempts: Mapping[str, int] = field(default_factory=dict)


def step_keys(steps: list[StepDefinition]) -> list[str]:
    """A key for each step that stays the same between stretches: its id, numbered where ids repeat or are missing."""
    seen: dict[str, int] = {}
    keys = []
    for index, step in enumerate(steps):
        base = step.id or f"step_{index + 1}"
        seen[base] = seen.get(base, 0) + 1
        keys.append(base if seen[base] == 1 else f"{base}#{seen[base]}")
    return keys


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _cut(value: Any) -> Any:
    """A value as it is, or the beginning of its text where that is long."""
    text = as_text(value)
    return value if len(text) <= MOST_DEBUG_CHARACTERS else text[:MOST_DEBUG_CHARACTERS] + "…"


def final_text(value: Any) -> str:
    """A flow's final output as text: strings as they are, other values as JSON."""
    return "" if value is None else as_text(value)


class FlowRunner:
    """Runs one stretch of one flow."""

    def __init__(self, run: FlowRun, ports: Ports, registry: Registry) -> None:
        self._run, self._ports, self._registry = run, ports, registry
        self._scope = Scope(run.given)
        self._ids = BlockIds(run.stretch)
        self._steps = [step for step in run.flow.ordered_steps if step.enabled is not False]
        self._keys = step_keys(self._steps)
        self._totals = Totals(steps=len(self._steps))
        self._output: Any = None
        self._started = ports.clock.monotonic()

    async def run(self) -> Finished:
        """Run to the end. Raises only what is not the flow's doing (a lost lease, cancellation)."""
        self._announce()
        for index in range(len(self._steps)):
            done = self._run.memory.get(self._keys[index]) or await self._one(index)
            self._take(done)
            if done.ends_flow:
                break
            if done.outcome == "failure" and self._stops(self._steps[index]):
                return self._failed(self._steps[index], str(done.bindings.get("_error", "")))
        return self._completed()

    def _announce(self) -> None:
        if self._run.announced:
            return
        self._ports.log.emit(
            ExecutionStart(
                kind="flow",
                started_at=self._ports.clock.stamp(),
                flow_id=self._run.flow_id,
                flow_name=self._run.flow.name,
                total_steps=len(self._steps),
            )
        )

    async def _one(self, index: int) -> Remembered:
        step, key = self._steps[index], self._keys[index]
        try:
            skipped = step.when and not await self._holds(step.when)
        except ExpressionFailure as problem:
            return await self._not_run(
                index, f"The condition “{step.when}” could not be evaluated: {problem}"
            )
        if skipped:
            return await self._skip(index)
        if self._registry.get(step.type) is None:
            return await self._not_run(index, f"Unsupported step type “{step.type}”.")
        self._start(index)
        if self._run.given.debug:
            self._tell_scope(step, key)
        return await self._attempt(step, key)

    def _tell_scope(self, step: StepDefinition, key: str) -> None:
        """With `debugMode`, what the step was given: its config and the variables before it, long values cut."""
        variables = {name: _cut(value) for name, value in self._scope.view.items()}
        value = {"stepId": step.id or key, "config": step.config, "variables": variables}
        self._ports.log.emit(Custom(name="signalbox.debug", value=value))

    async def _holds(self, condition: str | bool | None) -> bool:
        if condition is None or isinstance(condition, bool):
            return condition is not False
        if not condition.strip():
            return True
        expression = as_expression(condition, self._scope.view)
        return bool(await self._ports.expressions.evaluate(expression, self._scope.view))

    async def _attempt(self, step: StepDefinition, key: str) -> Remembered:
        kind = self._registry.get(step.type)
        assert kind is not None
        shown = kind.streams if step.stream_output is None else step.stream_output
        blocks = Blocks(self._ports.log.emit, self._ids, step.id or key, shown)
        began = self._ports.clock.monotonic()
        try:
            tried = await attempt_step(kind, step, self._run.given, self._scope.view, self._ports, blocks)
        except asyncio.CancelledError:
            blocks.close()
            self._ports.log.emit(
                StepComplete(
                    id=step.id or key, name=step.name, step_type=step.type, success=False, error="Cancelled."
                )
            )
            raise
        blocks.close()
        return await self._remember(step, key, tried, began)

    async def _remember(self, step: StepDefinition, key: str, tried: Attempted, began: float) -> Remembered:
        result = tried.result
        event = StepComplete(
            id=step.id or key,
            name=step.name,
            step_type=step.type,
            success=tried.error is None,
            result=result.wire,
            error=tried.error,
            duration_ms=round((self._ports.clock.monotonic() - began) * 1000),
            completed_at=self._ports.clock.stamp(),
            stop_reason=result.stop_reason,
            tokens_used=result.input_tokens + result.output_tokens if result.used_model else None,
            cost=float(result.cost) if result.used_model and result.cost is not None else None,
            unresolved_variables=tried.unresolved or None,
            fallback=result.fallback,
        )
        remembered = Remembered(
            key=key,
            outcome="success" if tried.error is None else "failure",
            value=result.value,
            bindings=self._bindings(step, tried),
            ends_flow=result.ends_flow,
            input_tokens=result.input_tokens,
            output_tokens=result.output_tokens,
            cost=None if result.cost is None else str(result.cost),
            demo=result.demo,
        )
        await self._ports.log.remember(event, remembered)
        return remembered

    def _bindings(self, step: StepDefinition, tried: Attempted) -> dict[str, Any]:
        """The variables a step sets: its own, its output variable, and its result under its name."""
        bound = dict(tried.result.bindings)
        if step.name and tried.error is None:
            bound[step.name] = bound[_slug(step.name) or step.name] = tried.result.wire
        if isinstance(step.output_name, str) and step.output_name:
            bound[step.output_name] = tried.result.value
        if tried.error is not None:
            bound["_error"] = tried.error
        return bound

    def _start(self, index: int) -> None:
        step, key = self._steps[index], self._keys[index]
        before = self._run.attempts.get(key, 0)
        name = step.output_name
        self._ports.log.emit(
            StepStart(
                id=step.id or key,
                name=step.name,
                step_type=step.type,
                index=index,
                total_steps=len(self._steps),
                started_at=self._ports.clock.stamp(),
                output_variable=name if isinstance(name, str) and name else None,
                attempt=before + 1 if before else None,
            )
        )

    async def _skip(self, index: int) -> Remembered:
        step, key = self._steps[index], self._keys[index]
        remembered = Remembered(key=key, outcome="skip")
        event = StepSkip(
            id=step.id or key,
            name=step.name,
            step_type=step.type,
            index=index,
            total_steps=len(self._steps),
            when=None if step.condition is None else str(step.condition),
            skipped_at=self._ports.clock.stamp(),
        )
        await self._ports.log.remember(event, remembered)
        return remembered

    async def _not_run(self, index: int, why: str) -> Remembered:
        self._start(index)
        tried = Attempted.failed(why)
        return await self._remember(
            self._steps[index], self._keys[index], tried, self._ports.clock.monotonic()
        )

    def _take(self, done: Remembered) -> None:
        self._totals.add(done)
        self._scope.bind(done.bindings)
        if done.outcome == "success" and done.value is not None:
            self._output = done.value

    def _stops(self, step: StepDefinition) -> bool:
        try:
            return policy_of(step).stops_the_flow
        except PolicyProblem:
            return False

    def _duration_ms(self) -> int:
        return round((self._ports.clock.monotonic() - self._started) * 1000)

    def _completed(self) -> Finished:
        totals, text = self._totals, final_text(self._output)
        event = ExecutionComplete(
            kind="flow",
            success=True,
            completed_at=self._ports.clock.stamp(),
            duration_ms=self._duration_ms(),
            final_output=text,
            total_steps=totals.steps,
            successful_steps=totals.succeeded,
            failed_steps=totals.failed,
            step_error_count=totals.failed or None,
            total_cost=None if totals.cost is None else float(totals.cost),
            total_tokens=TokenCount(input=totals.input_tokens, output=totals.output_tokens),
        )
        return Finished(event=event, state="completed", totals=totals, final_output=text)

    def _failed(self, step: StepDefinition, why: str) -> Finished:
        detail = ErrorDetail(
            code="STEP_FAILED",
            message=f"Step “{step.name or step.id}” failed: {why}",
            details={"stepId": step.id, "stepType": step.type},
        )
        event = ExecutionError(
            kind="flow", error=detail, code=detail.code, completed_at=self._ports.clock.stamp()
        )
        return Finished(event, "failed", self._totals, final_text(self._output), error=detail.message)
