"""A run as a person reads it: a pure fold of wire events into steps and blocks. Pages, exports and comparisons use it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from dashboard.wire.events import (
    Custom,
    ErrorDetail,
    Event,
    ExecutionComplete,
    ExecutionError,
    ExecutionStart,
    ReasoningComplete,
    ReasoningDelta,
    ReasoningStart,
    StepComplete,
    StepSkip,
    StepStart,
    TextComplete,
    TextDelta,
    TextStart,
)

StepState = Literal["waiting", "running", "completed", "failed", "skipped", "interrupted"]


@dataclass(slots=True)
class Block:
    """One text or reasoning block. `pieces` are its deltas so far; `done` once it was completed."""

    id: str
    kind: Literal["text", "reasoning"]
    pieces: list[str] = field(default_factory=list)
    done: bool = False

    @property
    def text(self) -> str:
        return "".join(self.pieces)


@dataclass(slots=True, eq=False)
class StepView:
    """One step as it went: times are ISO 8601 text, durations milliseconds, costs US dollars (None: unknown).

    `depth` is how many steps it stands inside of.
    """

    id: str
    name: str
    type: str
    state: StepState = "waiting"
    index: int | None = None
    depth: int = 0
    attempt: int = 1
    when: str | None = None
    started_at: str | None = None
    duration_ms: float | None = None
    blocks: list[Block] = field(default_factory=list)
    prompt: str | None = None
    model: str | None = None
    result: Any = None
    output_variable: str | None = None
    error: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    used_model: bool = False
    cost: float | None = None
    stop_reason: str | None = None
    unresolved: list[str] = field(default_factory=list)
    fallback_model: str | None = None
    fallback_reason: str | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_demo(self) -> bool:
        return self.model == "demo" or self.fallback_model == "demo"


@dataclass(slots=True)
class Transcript:
    """A whole run. `last_seq` is the seq of the last event it was folded from, -1 for none."""

    last_seq: int = -1
    started_at: str | None = None
    total_steps: int | None = None
    steps: list[StepView] = field(default_factory=list)
    ended: bool = False
    success: bool | None = None
    error: str | None = None
    error_code: str | None = None
    final_output: str | None = None
    duration_ms: float | None = None

    def step(self, step_id: str) -> StepView | None:
        """The latest step with this id."""
        return next((step for step in reversed(self.steps) if step.id == step_id), None)


class _Fold:
    """Takes events one by one; every method is one event's effect."""

    def __init__(self) -> None:
        self.transcript = Transcript()
        self._blocks: dict[str, Block] = {}
        self._open: list[StepView] = []

    def take(self, event: Event) -> None:
        self.transcript.last_seq = max(self.transcript.last_seq, event.seq)
        match event:
            case TextDelta() | ReasoningDelta():
                self._delta(event)
            case TextStart() | ReasoningStart():
                self._block(event)
            case TextComplete() | ReasoningComplete():
                self._block_done(event)
            case StepStart():
                self._step_start(event)
            case StepComplete():
                self._step_complete(event)
            case StepSkip():
                self._step_skip(event)
            case Custom():
                self._custom(event)
            case ExecutionStart():
                self._begin(event)
            case ExecutionComplete() | ExecutionError():
                self._end(event)

    def _begin(self, event: ExecutionStart) -> None:
        self.transcript.started_at = self.transcript.started_at or event.started_at
        self.transcript.total_steps = (
            event.total_steps if event.total_steps is not None else self.transcript.total_steps
        )

    def _step_start(self, event: StepStart) -> None:
        steps, known = self.transcript.steps, self.transcript.step(event.id)
        again = known is not None and known.state == "running"
        if known is not None and known in self._open:
            self._open = self._open[: self._open.index(known)]
        view = StepView(
            id=event.id,
            name=event.name or event.id,
            type=event.step_type or "",
            state="running",
            index=event.index,
            depth=len(self._open),
            attempt=event.attempt or 1,
            started_at=event.started_at,
            output_variable=event.output_variable,
        )
        if known is not None and again:
            steps[steps.index(known)] = view
        else:
            steps.append(view)
        self._open.append(view)

    def _step_skip(self, event: StepSkip) -> None:
        view = StepView(id=event.id, name=event.name or event.id, type=event.step_type or "", state="skipped")
        view.index, view.when, view.depth = event.index, event.when, len(self._open)
        self.transcript.steps.append(view)

    def _step_complete(self, event: StepComplete) -> None:
        view = self.transcript.step(event.id)
        if view is None:
            return
        if view in self._open:
            self._open = self._open[: self._open.index(view)]
        view.state = "failed" if event.success is False else "completed"
        view.duration_ms, view.error, view.stop_reason = event.duration_ms, event.error, event.stop_reason
        view.result, view.unresolved = event.result, list(event.unresolved_variables or [])
        view.used_model, view.cost = event.tokens_used is not None, event.cost
        if event.fallback is not None:
            view.fallback_model, view.fallback_reason = event.fallback.model, event.fallback.reason
            view.attempts = [attempt.to_wire() for attempt in event.fallback.attempts]
        if isinstance(event.result, dict):
            self._prompt_result(view, event.result)

    def _prompt_result(self, view: StepView, result: dict[str, Any]) -> None:
        view.prompt, view.model = result.get("processedPrompt"), result.get("model")
        tokens = result.get("tokens")
        if isinstance(tokens, dict):
            view.input_tokens, view.output_tokens = tokens.get("input"), tokens.get("output")

    def _block(self, event: TextStart | ReasoningStart) -> None:
        block = Block(event.id, "text" if isinstance(event, TextStart) else "reasoning")
        self._blocks[event.id] = block
        if self._open:
            self._open[-1].blocks.append(block)

    def _delta(self, event: TextDelta | ReasoningDelta) -> None:
        if event.id in self._blocks:
            self._blocks[event.id].pieces.append(event.delta)

    def _block_done(self, event: TextComplete | ReasoningComplete) -> None:
        block = self._blocks.get(event.id)
        if block is not None:
            block.done = True
            block.pieces = [event.text] if event.text is not None else block.pieces

    def _custom(self, event: Custom) -> None:
        if event.name == "runtype.fallback" and isinstance(event.value, dict):
            view = self.transcript.step(str(event.value.get("stepId")))
            if view is not None and event.value.get("model"):
                view.fallback_model, view.fallback_reason = event.value["model"], event.value.get("reason")

    def _end(self, event: ExecutionComplete | ExecutionError) -> None:
        outcome = self.transcript
        outcome.ended, outcome.success = True, isinstance(event, ExecutionComplete) and event.success
        outcome.final_output = event.final_output
        for view in outcome.steps:
            if view.state == "running":
                view.state = "interrupted"
        if isinstance(event, ExecutionError):
            outcome.error = event.error.message if isinstance(event.error, ErrorDetail) else event.error
            outcome.error_code = event.code
        else:
            outcome.duration_ms = event.duration_ms


def fold(events: Iterable[Event]) -> Transcript:
    """Fold events, in order and from the first, into a transcript. Any prefix of a log gives the transcript of that moment.

    An attempt of a step that was interrupted is replaced by the attempt that came after it; the log keeps both.
    """
    folding = _Fold()
    for event in events:
        folding.take(event)
    return folding.transcript
