"""The grammar of a run's log: which event may follow which, as the order catalogue of the contract has it.

One pass over the events of one run, in order. It is a checker for tests and for imported logs, not a filter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dashboard.wire import events as wire
from dashboard.wire.events import Event
from dashboard.wire.grammar_blocks import Blocks

# Kinds of steps that run other steps between their own start and end.
NESTING_TYPES: Final = frozenset({"conditional"})


def violations(events: Sequence[Event], paused: bool = False) -> list[str]:
    """What is wrong with the whole log of one run, as sentences that name the `seq`; empty when all is well.

    `paused`: the run waits, so there is no terminal event, and steps, turns, tools and approvals may be open.
    """
    if not events:
        return ["the log is empty"]
    checker = _Checker()
    checker.check_stamps(events)
    for position, event in enumerate(events):
        checker.take(event, position == len(events) - 1)
    checker.check_end(events[-1], paused)
    return checker.found


@dataclass
class _Open:
    """A step, turn or tool that has started. `generation` counts the restarts of the run before that."""

    step_type: str | None
    generation: int


@dataclass
class _Spans:
    """Steps, turns or tool calls by id: the open ones in the order of their start, and those that are over."""

    opened: dict[str, _Open] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)


class _Checker:
    def __init__(self) -> None:
        self.found: list[str] = []
        self.kind: str | None = None
        self.started = False
        self.terminals = 0
        self.generation = 0
        self.blocks = Blocks(self.say)
        self.steps = _Spans()
        self.turns = _Spans()
        self.tools = _Spans()
        self.skipped: set[str] = set()
        self.approvals: set[str] = set()
        self.approvals_done: set[str] = set()
        self.awaited: set[str] = set()

    def say(self, event: Event, sentence: str) -> None:
        self.found.append(f"seq {event.seq}: {event.type}: {sentence}")

    def check_stamps(self, events: Sequence[Event]) -> None:
        first = events[0]
        if not first.execution_id:
            self.say(first, "it has no executionId")
        for expected, event in enumerate(events):
            if event.seq != expected:
                self.say(event, f"the number should be {expected}")
            if event.execution_id != first.execution_id:
                self.say(event, f"it belongs to {event.execution_id}, the log to {first.execution_id}")

    def take(self, event: Event, last: bool) -> None:
        if not self.started:
            self.started = True
            if not isinstance(event, wire.ExecutionStart):
                self.say(event, "a log begins with execution_start")
            elif event.resumed:
                self.say(event, "the first execution_start cannot be a resumption")
        elif isinstance(event, wire.ExecutionStart) and not event.resumed:
            self.say(event, "a later execution_start has to say that the run is resumed")
        if event.terminal:
            self.terminals += 1
            if not last:
                self.say(event, "a terminal event is the last one")
        self.blocks.take(event)
        handler = _HANDLERS.get(type(event))
        if handler:
            handler(self, event)

    def lifecycle(self, event: Any) -> None:
        if self.kind is None:
            self.kind = event.kind
        elif event.kind != self.kind:
            self.say(event, f"the run is of kind {self.kind}, not {event.kind}")
        if isinstance(event, wire.ExecutionStart) and event.resumed:
            self.generation += 1

    def may_start(self, event: Any, key: str, spans: _Spans) -> bool:
        """Note a start; one that is open may be announced again after the run was taken up again."""
        earlier = spans.opened.get(key)
        if earlier is not None and earlier.generation >= self.generation:
            self.say(event, f"{key} has started already")
        if key in spans.done:
            self.say(event, f"{key} is already over")
        spans.opened[key] = _Open(getattr(event, "step_type", None), self.generation)
        return earlier is None

    def finish(self, event: Event, key: str, spans: _Spans) -> None:
        if spans.opened.pop(key, None) is None:
            self.say(event, f"{key} is over already" if key in spans.done else f"{key} has not started")
        spans.done.add(key)

    def step_start(self, event: wire.StepStart) -> None:
        if event.attempt is not None:
            if event.attempt < 2:
                self.say(event, "an attempt that is announced is at least the second")
            self.generation += 1
        if event.id in self.skipped:
            self.say(event, f"{event.id} was skipped")
        outer = self.unsuitable_outer()
        if self.may_start(event, event.id, self.steps) and outer is not None:
            self.say(event, f"the step {outer} is still open")

    def unsuitable_outer(self) -> str | None:
        """The innermost open step, if it is of a kind that runs no steps of its own."""
        outer = next(reversed(self.steps.opened), None)
        return None if outer is None or self.steps.opened[outer].step_type in NESTING_TYPES else outer

    def step_complete(self, event: wire.StepComplete) -> None:
        inner = next(reversed(self.steps.opened), None)
        if event.id in self.steps.opened and inner != event.id:
            self.say(event, f"the step {inner} inside it is still open")
        self.nothing_open(event, self.turns.opened, "turn")
        self.nothing_open(event, self.tools.opened, "tool call")
        self.finish(event, event.id, self.steps)

    def step_skip(self, event: wire.StepSkip) -> None:
        if event.id in self.steps.opened or event.id in self.steps.done:
            self.say(event, f"{event.id} has a step_start, so it was not skipped")
        if event.id in self.skipped:
            self.say(event, f"{event.id} was skipped before")
        outer = self.unsuitable_outer()
        if outer is not None:
            self.say(event, f"the step {outer} is still open")
        self.skipped.add(event.id)

    def turn_start(self, event: wire.TurnStart) -> None:
        for other in self.turns.opened:
            if other != event.id:
                self.say(event, f"the turn {other} is still open")
        self.may_start(event, event.id, self.turns)

    def turn_complete(self, event: wire.TurnComplete) -> None:
        self.nothing_open(event, self.tools.opened, "tool call")
        self.finish(event, event.id, self.turns)

    def tool_start(self, event: wire.ToolStart) -> None:
        self.may_start(event, event.tool_call_id, self.tools)

    def tool_piece(self, event: Any) -> None:
        if event.tool_call_id not in self.tools.opened:
            self.say(event, f"the tool call {event.tool_call_id} is not open")

    def tool_complete(self, event: wire.ToolComplete) -> None:
        self.finish(event, event.tool_call_id, self.tools)

    def approval_start(self, event: wire.ApprovalStart) -> None:
        if event.approval_id in self.approvals | self.approvals_done:
            self.say(event, f"the approval id {event.approval_id} was used before")
        self.approvals.add(event.approval_id)

    def approval_complete(self, event: wire.ApprovalComplete) -> None:
        if event.approval_id in self.approvals_done:
            self.say(event, f"{event.approval_id} is decided already")
        elif event.approval_id not in self.approvals:
            self.say(event, f"nobody asked for {event.approval_id}")
        self.approvals.discard(event.approval_id)
        self.approvals_done.add(event.approval_id)

    def awaits(self, event: wire.Await) -> None:
        if event.tool_call_id:
            self.awaited.add(event.tool_call_id)

    def nothing_open(self, event: Event, opened: dict[str, Any], noun: str) -> None:
        for key in opened:
            self.say(event, f"the {noun} {key} is still open")

    def check_end(self, last: Event, paused: bool) -> None:
        if paused:
            if self.terminals:
                self.say(last, "a paused run has no terminal event")
            for key in self.tools.opened.keys() - self.awaited:
                self.say(last, f"the tool call {key} is open, and nobody awaits its output")
        elif not self.terminals:
            self.say(last, "the log has no terminal event")
        else:
            self.nothing_open(last, self.steps.opened, "step")
            self.nothing_open(last, self.turns.opened, "turn")
            self.nothing_open(last, self.tools.opened, "tool call")
            if isinstance(last, wire.ExecutionComplete):
                self.nothing_open(last, dict.fromkeys(sorted(self.approvals)), "approval")
        self.blocks.check_end(last)


_HANDLERS: Final[dict[type[Event], Callable[[_Checker, Any], None]]] = {
    wire.ExecutionStart: _Checker.lifecycle,
    wire.ExecutionComplete: _Checker.lifecycle,
    wire.ExecutionError: _Checker.lifecycle,
    wire.TurnStart: _Checker.turn_start,
    wire.TurnComplete: _Checker.turn_complete,
    wire.StepStart: _Checker.step_start,
    wire.StepComplete: _Checker.step_complete,
    wire.StepSkip: _Checker.step_skip,
    wire.ToolStart: _Checker.tool_start,
    wire.ToolInputDelta: _Checker.tool_piece,
    wire.ToolInputComplete: _Checker.tool_piece,
    wire.ToolOutputDelta: _Checker.tool_piece,
    wire.ToolComplete: _Checker.tool_complete,
    wire.ApprovalStart: _Checker.approval_start,
    wire.ApprovalComplete: _Checker.approval_complete,
    wire.Await: _Checker.awaits,
}
