"""Walks a list of steps in order and tells each in wire events, under its condition and its error policy."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dashboard.engine.attempts import Attempted, attempt_step
from dashboard.engine.context import Around, BlockIds, Blocks, RunInput, Scope, Walked
from dashboard.engine.outcome import Totals
from dashboard.engine.policy import PolicyProblem, policy_of
from dashboard.engine.ports import ExpressionFailure, Ports, Remembered
from dashboard.engine.registry import Registry
from dashboard.engine.templating import as_expression, as_text
from dashboard.wire.events import Custom, StepComplete, StepSkip, StepStart
from dashboard.wire.requests import StepDefinition

MOST_DEBUG_CHARACTERS = 2000


class FlowStopped(Exception):
    """A step failed whose error policy is to stop the flow."""

    def __init__(self, step: StepDefinition, why: str) -> None:
        super().__init__(why)
        self.step = step
        self.why = why


@dataclass(frozen=True, slots=True)
class Place:
    """A step where it stands: its key among all steps of the run, its index among its siblings, and their number."""

    step: StepDefinition
    key: str
    index: int
    siblings: int

    @property
    def id(self) -> str:
        """The id that the wire knows the step by."""
        return self.step.id or self.key


@dataclass(slots=True)
class Walker:
    """What all steps of one stretch share. `walk` may be entered again for the steps of a branch."""

    given: RunInput
    ports: Ports
    registry: Registry
    scope: Scope
    ids: BlockIds
    totals: Totals
    memory: Mapping[str, Remembered] = field(default_factory=dict)
    attempts: Mapping[str, int] = field(default_factory=dict)

    async def walk(self, steps: list[StepDefinition], prefix: str = "") -> Walked:
        """Run the enabled steps in order. What is remembered is taken as it ended, and nothing of it is told twice.

        Raises `FlowStopped` when a step fails that stops the flow.
        """
        enabled = [step for step in steps if step.enabled is not False]
        self.totals.steps += len(enabled)
        walked = Walked()
        for index, (step, key) in enumerate(zip(enabled, step_keys(enabled), strict=True)):
            place = Place(step, prefix + key, index, len(enabled))
            done = self.memory.get(place.key) or await self._one(place)
            self.totals.add(done)
            self.scope.bind(done.bindings)
            if done.outcome == "success" and done.value is not None:
                walked.output = done.value
            if done.outcome == "failure" and _stops(step):
                raise FlowStopped(step, str(done.bindings.get("_error", "")))
            if done.ends_flow:
                walked.ended = True
                break
        return walked

    async def _one(self, place: Place) -> Remembered:
        condition = place.step.condition
        try:
            if not await self._holds(condition):
                return await self._skip(place)
        except ExpressionFailure as problem:
            return await self._not_run(
                place, f"The condition “{condition}” could not be evaluated: {problem}"
            )
        if self.registry.get(place.step.type) is None:
            return await self._not_run(place, f"Unsupported step type “{place.step.type}”.")
        self._start(place)
        return await self._attempt(place)

    async def _holds(self, condition: str | bool | None) -> bool:
        if condition is None or isinstance(condition, bool):
            return condition is not False
        if not condition.strip():
            return True
        expression = as_expression(condition, self.scope.view)
        return bool(await self.ports.expressions.evaluate(expression, self.scope.view))

    async def _attempt(self, place: Place) -> Remembered:
        step = place.step
        kind = self.registry.get(step.type)
        assert kind is not None
        shown = kind.streams if step.stream_output is None else step.stream_output
        blocks = Blocks(self.ports.log.emit, self.ids, place.id, shown)
        began = self.ports.clock.monotonic()
        around = Around(step, place.key, self.given, self.scope.view, self.ports, blocks, self.walk)
        try:
            tried = await attempt_step(kind, around)
        except asyncio.CancelledError:
            blocks.close()
            self.ports.log.emit(_ended(place, success=False, error="Cancelled."))
            raise
        except FlowStopped as stopped:
            await self._remember(place, Attempted.failed(stopped.why), began)
            raise
        return await self._remember(place, tried, began)

    async def _remember(self, place: Place, tried: Attempted, began: float) -> Remembered:
        result = tried.result
        event = _ended(
            place,
            success=tried.error is None,
            result=result.wire,
            error=tried.error,
            duration_ms=round((self.ports.clock.monotonic() - began) * 1000),
            completed_at=self.ports.clock.stamp(),
            stop_reason=result.stop_reason,
            tokens_used=result.input_tokens + result.output_tokens if result.used_model else None,
            cost=float(result.cost) if result.used_model and result.cost is not None else None,
            unresolved_variables=tried.unresolved or None,
            fallback=result.fallback,
        )
        remembered = Remembered(
            key=place.key,
            outcome="success" if tried.error is None else "failure",
            value=result.value,
            bindings=_bindings(place.step, tried),
            ends_flow=result.ends_flow,
            input_tokens=result.input_tokens,
            output_tokens=result.output_tokens,
            cost=None if result.cost is None else str(result.cost),
            demo=result.demo,
        )
        await self.ports.log.remember(event, remembered)
        return remembered

    def _start(self, place: Place) -> None:
        before = self.attempts.get(place.id, 0)
        self.ports.log.emit(
            StepStart(
                id=place.id,
                name=place.step.name,
                step_type=place.step.type,
                index=place.index,
                total_steps=place.siblings,
                started_at=self.ports.clock.stamp(),
                output_variable=place.step.output_name or None,
                attempt=before + 1 if before else None,
            )
        )
        if self.given.debug:
            self._tell_scope(place)

    def _tell_scope(self, place: Place) -> None:
        """With `debugMode`, what the step was given: its config and the variables before it, long values cut."""
        variables = {name: _cut(value) for name, value in self.scope.view.items()}
        value = {"stepId": place.id, "config": place.step.config, "variables": variables}
        self.ports.log.emit(Custom(name="signalbox.debug", value=value))

    async def _skip(self, place: Place) -> Remembered:
        remembered = Remembered(key=place.key, outcome="skip")
        event = StepSkip(
            id=place.id,
            name=place.step.name,
            step_type=place.step.type,
            index=place.index,
            total_steps=place.siblings,
            when=str(place.step.condition),
            skipped_at=self.ports.clock.stamp(),
        )
        await self.ports.log.remember(event, remembered)
        return remembered

    async def _not_run(self, place: Place, why: str) -> Remembered:
        self._start(place)
        return await self._remember(place, Attempted.failed(why), self.ports.clock.monotonic())


def step_keys(steps: list[StepDefinition]) -> list[str]:
    """A key for each step that stays the same between stretches: its id, numbered where ids repeat or are missing."""
    seen: dict[str, int] = {}
    keys = []
    for index, step in enumerate(steps):
        base = step.id or f"step_{index + 1}"
        seen[base] = seen.get(base, 0) + 1
        keys.append(base if seen[base] == 1 else f"{base}#{seen[base]}")
    return keys


def _ended(place: Place, **fields: Any) -> StepComplete:
    return StepComplete(id=place.id, name=place.step.name, step_type=place.step.type, **fields)


def _bindings(step: StepDefinition, tried: Attempted) -> dict[str, Any]:
    """The variables a step sets: its own, its output variable, and its result under its name."""
    bound = dict(tried.result.bindings)
    if step.name and tried.error is None:
        bound[step.name] = bound[_slug(step.name) or step.name] = tried.result.wire
    if isinstance(step.output_name, str) and step.output_name:
        bound[step.output_name] = tried.result.value
    if tried.error is not None:
        bound["_error"] = tried.error
    return bound


def _stops(step: StepDefinition) -> bool:
    try:
        return policy_of(step).stops_the_flow
    except PolicyProblem:
        return False


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _cut(value: Any) -> Any:
    """A value as it is, or the beginning of its text where that is long."""
    text = as_text(value)
    return value if len(text) <= MOST_DEBUG_CHARACTERS else text[:MOST_DEBUG_CHARACTERS] + "…"
