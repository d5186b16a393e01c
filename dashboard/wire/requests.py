"""Bodies of the requests that start runs, and by name all the other request bodies of the API."""

import difflib
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from dashboard.wire.base import JsonObject, SentModel
from dashboard.wire.client_tools import ClientTool, ClientToolList, ClientToolsPolicy
from dashboard.wire.definitions import (
    AgentDefinition,
    AgentRef,
    FlowDefinition,
    FlowRef,
    StepDefinition,
)
from dashboard.wire.errors import Detail, WireError, clip
from dashboard.wire.fields import InputMap, Metadata, OpaqueId, SecretMap
from dashboard.wire.messages import ContentPart, Message, MessageList
from dashboard.wire.problems import fail_at, problem
from dashboard.wire.requests_client import (
    ClientApprove,
    ClientChat,
    ClientFeedback,
    ClientInit,
    ClientResume,
)
from dashboard.wire.requests_resume import ApproveRequest, ContinueRequest, ResumeRequest

FlowMode = Literal["virtual", "existing", "create", "upsert"]
RecordMode = Literal["virtual", "existing", "create", "upsert"]


class DispatchOptions(SentModel):
    """How a dispatch is to be run and answered; what is absent gets its default from DispatchRequest."""

    stream_response: bool | None = None
    flow_mode: FlowMode | None = None
    record_mode: RecordMode | None = None
    store_results: bool | None = None
    auto_append_metadata: bool | None = None
    debug_mode: bool | None = None
    model: str | None = None
    flow_version_id: OpaqueId | None = None


class RecordRef(SentModel):
    """The record a run works on: a stored one by id, or an inline one."""

    id: OpaqueId | None = None
    name: str | None = Field(default=None, min_length=1, max_length=500)
    type: str | None = Field(default=None, min_length=1, max_length=255)
    metadata: Metadata | None = None
    messages: MessageList | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What a dispatch asks to run: a stored flow or agent (`id`), or an inline one."""

    kind: Literal["flow", "agent"]
    id: str | None = None
    flow: FlowRef | None = None
    agent: AgentRef | None = None


class RunRequest(SentModel):
    """What every request that starts a run may carry, whatever it runs."""

    record: RecordRef | None = None
    messages: MessageList | None = None
    inputs: InputMap | None = None
    variables: InputMap | None = None
    context: JsonObject | None = None
    metadata: JsonObject | None = None
    client_tools: ClientToolList | None = None
    client_tools_policy: ClientToolsPolicy | None = None
    # Kept out of repr, so that a logged request shows no secret.
    secrets: SecretMap | None = Field(default=None, repr=False)
    conversation_id: OpaqueId | None = None
    options: DispatchOptions | None = None
    stream_response: bool | None = None

    @property
    def wants_stream(self) -> bool:
        """Whether the answer is a stream (the default) rather than one JSON body."""
        if self.options is not None and self.options.stream_response is not None:
            return self.options.stream_response
        return self.stream_response is not False

    @property
    def merged_inputs(self) -> JsonObject:
        """The variables of the request; `inputs` win over `variables`."""
        return {**(self.variables or {}), **(self.inputs or {})}

    @property
    def record_mode(self) -> RecordMode:
        """As asked, else `existing` for a record named by id and `virtual` for an inline one."""
        if self.options and self.options.record_mode:
            return self.options.record_mode
        return "existing" if self.record and self.record.id else "virtual"

    @property
    def append_metadata(self) -> bool:
        """Whether record metadata is added to prompts that do not use it (the default)."""
        return self.options is None or self.options.auto_append_metadata is not False

    @property
    def admitted_client_tools(self) -> list[ClientTool]:
        """The caller's tools that its own policy lets through."""
        policy = self.client_tools_policy or ClientToolsPolicy()
        return [tool for tool in self.client_tools or [] if policy.admits(tool)]

    def storable(self) -> JsonObject:
        """The request as JSON without its secrets, which are never stored."""
        wire = self.to_wire()
        wire.pop("secrets", None)
        return wire


class DispatchRequest(RunRequest):
    """`POST /v1/dispatch`."""

    flow: FlowRef | None = None
    agent: AgentRef | None = None
    flow_id: OpaqueId | None = None

    @model_validator(mode="after")
    def _check_target(self) -> Self:
        if sum(item is not None for item in (self.flow, self.agent, self.flow_id)) > 1:
            raise problem("ambiguous_target", "Name one thing to run: flow, agent or flowId.")
        mode = self.options.flow_mode if self.options else None
        stored = self.flow_id is not None or (self.flow is not None and not self.flow.is_inline)
        if mode == "existing" and self.flow is not None and not stored:
            fail_at(
                ("options", "flowMode"),
                problem("invalid_option", "The flow mode existing needs the id of a flow."),
            )
        if mode in ("create", "upsert") and stored:
            fail_at(
                ("options", "flowMode"),
                problem("invalid_option", "To store a flow, send it with name and steps."),
            )
        self._check_input_names()
        return self

    def _check_input_names(self) -> None:
        taken = {step.name for step in self.flow.listed_steps} if self.flow else set()
        for field, names in (("inputs", self.inputs), ("variables", self.variables)):
            for name in names or ():
                if name in taken:
                    fail_at(
                        (field,),
                        problem(
                            "invalid_input_name",
                            "The input {name} has the name of a step of the flow.",
                            name=clip(name),
                        ),
                    )

    @property
    def flow_mode(self) -> FlowMode:
        """As asked, else `existing` for a flow named by id and `virtual` for an inline one."""
        if self.options and self.options.flow_mode:
            return self.options.flow_mode
        return "existing" if self.flow_id or (self.flow and not self.flow.is_inline) else "virtual"

    @property
    def store_results(self) -> bool:
        """As asked, else whether the flow, agent or record is (or becomes) a stored one."""
        if self.options and self.options.store_results is not None:
            return self.options.store_results
        stored_agent = self.agent is not None and not self.agent.is_inline
        return (
            stored_agent
            or (self.agent is None and self.flow_mode != "virtual")
            or self.record_mode != "virtual"
        )

    def target(self, default_flow_id: str | None = None) -> Target:
        """What to run. Raises WireError `missing_target` when the request names nothing and there is no default."""
        if self.agent is not None:
            agent_id = self.agent.stored_id
            return Target("agent", agent_id, agent=self.agent if agent_id is None else None)
        if self.flow is not None:
            return Target("flow", self.flow.id, flow=self.flow if self.flow.is_inline else None)
        flow_id = self.flow_id or default_flow_id
        if flow_id is None:
            raise WireError("missing_target", path="flow")
        return Target("flow", flow_id)


class AgentExecuteRequest(RunRequest):
    """`POST /v1/agents/{agentId}/execute`: a dispatch whose target stands in the address."""


def ignored_fields(model: SentModel) -> list[str]:
    """Names of top-level fields nobody reads, cut and in ASCII, fit for the header `X-Ignored-Fields`."""
    return [clip(name).encode("ascii", "backslashreplace").decode() for name in model.model_extra or {}]


def refuse_unknown(model: SentModel) -> None:
    """Strict mode: raise WireError `unknown_field` when there are top-level fields nobody reads."""
    known = [alias for _, alias, _ in model.layout]
    details: list[Detail] = []
    for name in model.model_extra or {}:
        near = difflib.get_close_matches(name[:64], known, n=1)
        message = f"This field is not known; did you mean {near[0]}?" if near else "This field is not known."
        details.append({"path": clip(name), "message": message, "code": "unknown_field"})
    if details:
        raise WireError("unknown_field", details[0]["message"], details=details)


__all__ = [
    "AgentDefinition",
    "AgentExecuteRequest",
    "AgentRef",
    "ApproveRequest",
    "ClientApprove",
    "ClientChat",
    "ClientFeedback",
    "ClientInit",
    "ClientResume",
    "ClientTool",
    "ClientToolsPolicy",
    "ContentPart",
    "ContinueRequest",
    "DispatchOptions",
    "DispatchRequest",
    "FlowDefinition",
    "FlowRef",
    "Message",
    "RecordRef",
    "ResumeRequest",
    "RunRequest",
    "StepDefinition",
    "Target",
    "ignored_fields",
    "refuse_unknown",
]
