"""Bodies of the answers that are not streams: the result of a run, lists, and the objects in them.

Times are ISO 8601 texts in UTC. Money is in US dollars. Fields that are None are left out of `to_wire`, except
where a list item is promised to carry them (`nullable`).
"""

from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import Field

from dashboard.wire.base import JsonObject, Number, WireModel
from dashboard.wire.events_run import Kind


class Ref(WireModel):
    """Which flow, agent or record the run had."""

    id: str | None = None
    name: str | None = None


class StepResult(WireModel):
    """What became of one step."""

    id: str
    name: str | None = None
    step_type: str | None = None
    success: bool
    result: Any = None
    error: str | None = None
    skipped: bool | None = None


class Usage(WireModel):
    """Tokens and money a run has used."""

    input_tokens: int = 0
    output_tokens: int = 0
    total_cost: Number | None = None


class PendingApproval(WireModel):
    """A gated tool call that waits for a decision; `timeout` in milliseconds."""

    approval_id: str
    tool_call_id: str | None = None
    tool_name: str
    parameters: Any = None
    timeout: Number | None = None


class PendingToolCall(WireModel):
    """A tool call that waits for an output of the caller."""

    tool_call_id: str
    tool_id: str | None = None
    tool_name: str
    parameters: Any = None
    origin: str | None = None


class PausedReason(WireModel):
    """Why a run is paused, with everything the caller needs to let it go on."""

    type: Literal["approval_required", "local_tool_required"] | str
    execution_id: str
    approvals: list[PendingApproval] | None = None
    tool_calls: list[PendingToolCall] | None = None


class SyncResult(WireModel):
    """The one JSON body of a run that was asked not to stream: completed, failed or paused."""

    success: bool
    execution_id: str
    kind: Kind
    status: Literal["completed", "failed", "paused"] | str
    flow: Ref | None = None
    agent: Ref | None = None
    record: Ref | None = None
    result: str | None = None
    final_output: str | None = None
    results: JsonObject | None = None
    steps: list[StepResult] | None = None
    usage: Usage | None = None
    stop_reason: str | None = None
    paused_reason: PausedReason | None = None
    error: str | None = None
    code: str | None = None
    message: str | None = None
    events: list[Any] | None = None


class ErrorBody(WireModel):
    """The shape of every error answer, for the API's own description; WireError.body makes it."""

    error: str
    code: str | None = None
    message: str | None = None
    hint: str | None = None
    details: list[JsonObject] | None = None
    upgrade_url: str | None = None
    block_reason: str | None = None
    request_id: str | None = None


class ListedModel(WireModel):
    """An object of the REST resources: fields named in `nullable` are written even when they are None."""

    nullable: ClassVar[frozenset[str]] = frozenset()

    def shallow(self) -> JsonObject:
        """The wire object one level deep, in declaration order."""
        values = self.__dict__
        wire: JsonObject = {
            alias: values[name]
            for name, alias, required in self.layout
            if required or values[name] is not None or name in self.nullable
        }
        wire.update(self.model_extra or {})
        return wire


class Pagination(ListedModel):
    """Where a page stands in its list. Cursors are opaque; totals only when `includeCount` was asked for."""

    nullable = frozenset({"next_cursor", "prev_cursor"})

    next_cursor: str | None = None
    prev_cursor: str | None = None
    has_more: bool = False
    has_prev: bool = False
    limit: int
    current_offset: int = 0
    total_pages: int | None = None
    current_page: int | None = None
    total_count: int | None = None


Item = TypeVar("Item", bound=WireModel)


class Page(WireModel, Generic[Item]):
    """One page of a list endpoint."""

    data: list[Item]
    pagination: Pagination


class FlowObject(ListedModel):
    """A stored flow."""

    nullable = frozenset({"description", "last_run_at", "user_id", "organization_id"})

    id: str
    name: str
    description: str | None = None
    status: Literal["draft", "active", "paused", "failed"]
    config: JsonObject | None = None
    user_id: str | None = None
    organization_id: str | None = None
    flow_steps: list[JsonObject] | None = None
    step_count: int
    sample_metadata: JsonObject | None = None
    last_run_at: str | None = None
    created_at: str
    updated_at: str
    dashboard_url: str | None = None


class FlowVersionObject(ListedModel):
    """One immutable version of a flow, as the list of versions shows it."""

    nullable = frozenset({"label", "notes"})

    id: str
    version_number: int
    version_type: str
    label: str | None = None
    notes: str | None = None
    step_count: int
    step_summary: Any = None
    created_at: str


class FlowVersionList(ListedModel):
    """All versions of one flow."""

    nullable = frozenset({"published_version_id"})

    flow_id: str
    published_version_id: str | None = None
    versions: list[FlowVersionObject]


class PublishResult(ListedModel):
    """The answer to publishing a flow."""

    success: bool = True
    message: str
    published_version_id: str


class RecordObject(ListedModel):
    """A stored record; (type, name) is unique within a workspace."""

    nullable = frozenset({"user_id", "organization_id", "messages", "metadata_schema", "metadata_labels"})

    id: str
    user_id: str | None = None
    organization_id: str | None = None
    type: str
    name: str
    metadata: JsonObject = Field(default_factory=dict)
    messages: list[JsonObject] | None = None
    product_surface_id: str | None = None
    metadata_schema: JsonObject | None = None
    metadata_labels: JsonObject | None = None
    created_at: str
    updated_at: str


class ValidationIssue(WireModel):
    """One finding of the validation of a definition."""

    code: str
    message: str
    path: str
    severity: Literal["error", "warning", "recommendation"]


class ValidationReport(WireModel):
    """The answer of the validate endpoints."""

    valid: bool
    errors: list[ValidationIssue] = Field(default_factory=list)
    warnings: list[ValidationIssue] = Field(default_factory=list)
    recommendations: list[ValidationIssue] = Field(default_factory=list)
