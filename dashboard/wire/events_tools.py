"""Events of tool calls and of the pauses they cause: approvals and outputs the caller has to supply."""

from typing import Any, Literal

from dashboard.wire.base import Number, WireModel
from dashboard.wire.events_base import Event, ExternalAgent

ToolOrigin = Literal["webmcp", "sdk"]
Decision = Literal["approved", "denied", "timeout"]


class ToolStart(Event):
    """A tool call begins. `tool_type` is an open word: flow, mcp, builtin, custom, external…"""

    type: Literal["tool_start"] = "tool_start"
    tool_call_id: str
    tool_name: str
    tool_type: str
    parameters: Any = None
    iteration: int | None = None
    step_id: str | None = None
    started_at: str | None = None
    hidden_parameter_names: list[str] | None = None
    origin: ToolOrigin | None = None
    page_origin: str | None = None


class ToolInputDelta(Event):
    """The next piece of the arguments, as JSON text."""

    type: Literal["tool_input_delta"] = "tool_input_delta"
    tool_call_id: str
    delta: str


class ToolInputComplete(Event):
    """The arguments are complete."""

    type: Literal["tool_input_complete"] = "tool_input_complete"
    tool_call_id: str
    parameters: Any
    tool_name: str | None = None
    hidden_parameter_names: list[str] | None = None


class ToolOutputDelta(Event):
    """The next piece of what the tool prints while it works."""

    type: Literal["tool_output_delta"] = "tool_output_delta"
    tool_call_id: str
    delta: str


class ToolComplete(Event):
    """The tool call is over; `execution_time` in milliseconds."""

    type: Literal["tool_complete"] = "tool_complete"
    tool_call_id: str
    success: bool
    tool_name: str | None = None
    result: Any = None
    error: str | None = None
    execution_time: Number | None = None
    iteration: int | None = None
    step_id: str | None = None
    tool_cost: Number | None = None


class Subagent(WireModel):
    """Which sub-agent of the run asks."""

    tool_name: str
    agent_name: str | None = None
    parent_tool_call_id: str | None = None


class ApprovalStart(Event):
    """A gated tool call waits for a person. `timeout` in milliseconds; `reason` is what the agent claims."""

    type: Literal["approval_start"] = "approval_start"
    approval_id: str
    tool_name: str
    tool_call_id: str | None = None
    tool_type: str | None = None
    description: str | None = None
    reason: str | None = None
    parameters: Any = None
    timeout: Number | None = None
    started_at: str | None = None
    iteration: int | None = None
    subagent: Subagent | None = None
    external_agent: ExternalAgent | None = None


class ApprovalComplete(Event):
    """The question is answered, by a person (`user`) or by the passing of time (`system`)."""

    type: Literal["approval_complete"] = "approval_complete"
    approval_id: str
    decision: Decision
    resolved_by: Literal["user", "system"] | None = None
    completed_at: str | None = None


class ElicitationRequest(WireModel):
    """One of several questions of an elicitation."""

    name: str
    message: str
    mode: Literal["form", "url"]
    requested_schema: dict[str, Any] | None = None
    url: str | None = None


class Elicitation(WireModel):
    """A question that a tool server puts to the user in the middle of a call."""

    message: str
    mode: Literal["form", "url"]
    requested_schema: dict[str, Any] | None = None
    url: str | None = None
    server_name: str | None = None
    pause_count: int | None = None
    requests: list[ElicitationRequest] | None = None


class Await(Event):
    """The run waits for somebody outside. Without `await_reason` the caller can answer with a tool output."""

    type: Literal["await"] = "await"
    tool_id: str | None = None
    tool_call_id: str | None = None
    tool_name: str | None = None
    parameters: Any = None
    awaited_at: str | None = None
    origin: ToolOrigin | None = None
    page_origin: str | None = None
    step_id: str | None = None
    await_reason: str | None = None
    crawl_id: str | None = None
    external_agent: ExternalAgent | None = None
    elicitation: Elicitation | None = None
