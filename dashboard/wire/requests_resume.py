"""Bodies of the requests that let a paused run go on: a decision, tool outputs, or either of them."""

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, ValidationError

from dashboard.wire.base import JsonObject, SentModel
from dashboard.wire.client_tools import ClientToolList
from dashboard.wire.errors import WireError, from_validation
from dashboard.wire.fields import OpaqueId
from dashboard.wire.messages import MessageList
from dashboard.wire.problems import problem

MAX_REASON: Final = 4_000


def _decision(value: object) -> object:
    if value not in ("approved", "denied"):
        raise problem("invalid_decision", "The decision is approved or denied.")
    return value


class ApproveRequest(SentModel):
    """`POST /v1/dispatch/approve` and its twin under agents. `remember` is kept, and makes no rule by itself."""

    execution_id: OpaqueId
    approval_id: OpaqueId
    decision: Annotated[Literal["approved", "denied"], BeforeValidator(_decision)]
    reason: str | None = Field(default=None, max_length=MAX_REASON)
    stream_response: bool | None = None
    remember: Any = None

    @property
    def wants_stream(self) -> bool:
        """Whether the answer is a stream (the default)."""
        return self.stream_response is not False


class ResumeRequest(SentModel):
    """`POST /v1/dispatch/resume` and its twin: outputs by `toolCallId` or, from older callers, by tool name."""

    execution_id: OpaqueId
    tool_outputs: JsonObject = Field(default_factory=dict)
    messages: MessageList | None = None
    client_tools: ClientToolList | None = None
    stream_response: bool | None = None

    @property
    def wants_stream(self) -> bool:
        """Whether the answer is a stream (the default)."""
        return self.stream_response is not False


class ContinueRequest(SentModel):
    """`POST /v1/dispatch/continue`: tool outputs or a decision, under whatever name the caller gives the kind."""

    execution_id: OpaqueId
    continuation: JsonObject
    stream_response: bool | None = None

    def normalised(self) -> ApproveRequest | ResumeRequest:
        """The same as the request of the narrower endpoint.

        The fields decide, and `type` or `kind` only where they do not. Raises WireError with paths under
        `continuation`.
        """
        fields = dict(self.continuation)
        kind = str(fields.pop("type", None) or fields.pop("kind", None) or "").lower().replace("_", "-")
        decides = fields.keys() & {"approvalId", "approval_id", "decision"}
        supplies = fields.keys() & {"toolOutputs", "tool_outputs"}
        if decides and supplies:
            raise WireError(
                "ambiguous_target", "Send tool outputs or a decision, not both.", path="continuation"
            )
        model: type[ApproveRequest | ResumeRequest]
        if decides or (not supplies and kind == "approval"):
            model = ApproveRequest
        elif supplies or kind in ("tooloutputs", "tooloutput", "tool-output", "tool-outputs"):
            model = ResumeRequest
        else:
            raise WireError("invalid_continuation", path="continuation")
        whole: JsonObject = {
            **fields,
            "executionId": self.execution_id,
            "streamResponse": self.stream_response,
        }
        try:
            return model.model_validate(whole)
        except ValidationError as exc:
            raise from_validation(exc, prefix=("continuation",)) from None
