"""Bodies of `/v1/client/*`, the plane on which a chat widget in a browser speaks with a client token."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from dashboard.wire.base import JsonObject, SentModel
from dashboard.wire.client_tools import ClientToolList, check_at
from dashboard.wire.fields import InputMap, OpaqueId, number_between, number_check
from dashboard.wire.messages import MessageList
from dashboard.wire.problems import fail_at, problem
from dashboard.wire.requests_resume import ApproveRequest, ResumeRequest

MAX_FINGERPRINT: Final = 128
MAX_COMMENT: Final = 4_000

Fingerprint = Annotated[str, Field(min_length=1, max_length=MAX_FINGERPRINT)]
Token = Annotated[str, Field(min_length=1, max_length=4_096)]


class IdentityProof(SentModel):
    """A token of the site's own sign-in that says who the visitor is."""

    provider: str
    token: Token = Field(repr=False)


class ClientInit(SentModel):
    """`POST /v1/client/init`: opens a session. `flow_id` may hold the id of an agent."""

    token: Token = Field(repr=False)
    flow_id: OpaqueId | None = None
    session_id: OpaqueId | None = None
    conversation_id: OpaqueId | None = None
    visitor_history: Any = None
    visitor_token: Token | None = Field(default=None, repr=False)
    identity_proof: IdentityProof | None = None
    durable_recovery: Any = None

    @model_validator(mode="after")
    def _check_one_past(self) -> Self:
        if self.session_id is not None and self.conversation_id is not None:
            fail_at(
                ("conversationId",), problem("invalid_value", "Send sessionId or conversationId, not both.")
            )
        return self


class ClientChat(SentModel):
    """`POST /v1/client/chat`: the visitor's next message."""

    session_id: OpaqueId
    messages: MessageList
    assistant_message_id: OpaqueId | None = None
    inputs: InputMap | None = None
    metadata: JsonObject | None = None
    context: JsonObject | None = None
    client_tools: ClientToolList | None = None
    client_tools_fingerprint: Fingerprint | None = None
    identity_proof: IdentityProof | None = None
    submit_mode: Literal["normal", "interrupt"] | None = None
    turn_id: OpaqueId | None = None


class ClientResume(ResumeRequest):
    """`POST /v1/client/resume`: tool outputs of the visitor's page. `after` is the last `seq` it has seen.

    Absent `client_tools` keep the set of the dispatch, an empty list takes all away.
    """

    session_id: OpaqueId
    client_tools_fingerprint: Fingerprint | None = None
    assistant_message_id: OpaqueId | None = None
    after: number_between(-1, 2**53, whole=True) | None = None  # type: ignore[valid-type]


class ClientApprove(ApproveRequest):
    """`POST /v1/client/approve`: the visitor's decision, possible only for gates meant for end users."""

    session_id: OpaqueId


_RATINGS: Final = {"csat": number_check(1, 5, whole=True), "nps": number_check(0, 10, whole=True)}


class ClientFeedback(SentModel):
    """`POST /v1/client/feedback`. `rating` belongs to csat (1 to 5) and nps (0 to 10)."""

    session_id: OpaqueId
    token: Token = Field(repr=False)
    type: Literal["upvote", "downvote", "copy", "csat", "nps"]
    message_id: OpaqueId | None = None
    rating: Any = None
    comment: str | None = Field(default=None, max_length=MAX_COMMENT)
    metadata: JsonObject | None = None

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if self.type in _RATINGS:
            check_at(("rating",), _RATINGS[self.type], self.rating)
        elif self.message_id is None:
            fail_at(("messageId",), problem("missing_field", "This kind of feedback is about a message."))
        return self
