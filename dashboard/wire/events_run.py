"""Events that frame a run: its start and end, the turns of an agent, the steps of a flow."""

from typing import Any, ClassVar, Literal

from dashboard.wire.base import Number, WireModel
from dashboard.wire.events_base import ErrorDetail, Event, ExternalAgent, Fallback, TokenCount

Kind = Literal["agent", "flow"]
Role = Literal["user", "assistant", "system"]
StopReason = Literal["end_turn", "max_tool_calls", "length", "content_filter", "error", "unknown"]


class ExecutionStart(Event):
    """A run begins, or goes on after a pause (`resumed`)."""

    type: Literal["execution_start"] = "execution_start"
    kind: Kind
    started_at: str
    agent_id: str | None = None
    agent_name: str | None = None
    max_turns: int | None = None
    config: dict[str, Any] | None = None
    flow_id: str | None = None
    flow_name: str | None = None
    total_steps: int | None = None
    source: str | None = None
    resumed: bool | None = None


class ExecutionComplete(Event):
    """The run is over and reached its end; `success` may be true although single steps failed."""

    terminal: ClassVar[bool] = True

    type: Literal["execution_complete"] = "execution_complete"
    kind: Kind
    success: bool
    completed_at: str | None = None
    duration_ms: Number | None = None
    final_output: str | None = None
    iterations: int | None = None
    stop_reason: str | None = None
    total_cost: Number | None = None
    total_tokens: TokenCount | None = None
    total_tokens_used: int | None = None
    total_steps: int | None = None
    successful_steps: int | None = None
    failed_steps: int | None = None
    step_error_count: int | None = None
    external_agent: ExternalAgent | None = None
    claude_managed_agent_id: str | None = None


class ExecutionError(Event):
    """The run is over because it could not go on."""

    terminal: ClassVar[bool] = True

    type: Literal["execution_error"] = "execution_error"
    kind: Kind
    error: str | ErrorDetail
    code: str | None = None
    block_reason: str | None = None
    upgrade_url: str | None = None
    completed_at: str | None = None
    final_output: str | None = None
    stop_reason: str | None = None


class ErrorEvent(Event):
    """Something went wrong and the run goes on, unless `recoverable` is false."""

    type: Literal["error"] = "error"
    error: str | ErrorDetail
    recoverable: bool | None = None


class Ping(Event):
    """A sign of life of a quiet run; if it is sent, it is an event of the log too, so that `seq` stays dense."""

    type: Literal["ping"] = "ping"
    timestamp: str | Number


class TurnStart(Event):
    """One model call of an agent, with the tool calls that follow from it, begins."""

    type: Literal["turn_start"] = "turn_start"
    id: str
    role: Role
    iteration: int | None = None
    turn_index: int | None = None


class ContextCategory(WireModel):
    """The share of one kind of content in a model call."""

    chars: int
    estimated_tokens: int


class ContextBreakdown(WireModel):
    """An estimate of what fills the model's context window."""

    categories: dict[str, ContextCategory]
    estimated_total_tokens: int
    context_window_size: int | None = None
    estimated_utilization_percent: Number | None = None


class TurnComplete(Event):
    """The turn is over; `content` is its whole text."""

    type: Literal["turn_complete"] = "turn_complete"
    id: str
    role: Role
    iteration: int | None = None
    content: str | None = None
    tokens: TokenCount | None = None
    cost: Number | None = None
    stop_reason: StopReason | None = None
    completed_at: str | None = None
    fallback: Fallback | None = None
    estimated_context_breakdown: ContextBreakdown | None = None


class StepStart(Event):
    """A step of a flow begins. `attempt` (2 and up) marks a step that starts again after an interruption."""

    type: Literal["step_start"] = "step_start"
    id: str
    name: str | None = None
    step_type: str | None = None
    index: int | None = None
    total_steps: int | None = None
    started_at: str | None = None
    output_variable: str | None = None
    attempt: int | None = None


class StepComplete(Event):
    """A step is over; a failed one has `success` false and says why in `error`."""

    type: Literal["step_complete"] = "step_complete"
    id: str
    name: str | None = None
    step_type: str | None = None
    success: bool | None = None
    result: Any = None
    error: str | None = None
    duration_ms: Number | None = None
    completed_at: str | None = None
    stop_reason: StopReason | None = None
    tokens_used: int | None = None
    cost: Number | None = None
    unresolved_variables: list[str] | None = None
    fallback: Fallback | None = None


class StepSkip(Event):
    """A step was passed over because its condition (`when`) was false. It has no start."""

    type: Literal["step_skip"] = "step_skip"
    id: str
    name: str | None = None
    step_type: str | None = None
    index: int | None = None
    total_steps: int | None = None
    when: str | None = None
    skipped_at: str | None = None
