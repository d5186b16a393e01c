"""All events by name, the reader that picks the class by `type`, and their JSON Schema."""

import json
from typing import Any, Final, Union

from pydantic.json_schema import models_json_schema

from dashboard.wire.base import JsonObject
from dashboard.wire.events_base import (
    ErrorDetail,
    Event,
    ExternalAgent,
    Fallback,
    FallbackAttempt,
    TokenCount,
)
from dashboard.wire.events_content import (
    ArtifactComplete,
    ArtifactDelta,
    ArtifactFile,
    ArtifactStart,
    ArtifactUpdate,
    Custom,
    MediaComplete,
    MediaDelta,
    MediaStart,
    ReasoningComplete,
    ReasoningDelta,
    ReasoningStart,
    Source,
    StateDelta,
    StateSnapshot,
    TextComplete,
    TextDelta,
    TextStart,
)
from dashboard.wire.events_run import (
    ContextBreakdown,
    ContextCategory,
    ErrorEvent,
    ExecutionComplete,
    ExecutionError,
    ExecutionStart,
    Kind,
    Ping,
    Role,
    StepComplete,
    StepSkip,
    StepStart,
    StopReason,
    TurnComplete,
    TurnStart,
)
from dashboard.wire.events_tools import (
    ApprovalComplete,
    ApprovalStart,
    Await,
    Decision,
    Elicitation,
    ElicitationRequest,
    Subagent,
    ToolComplete,
    ToolInputComplete,
    ToolInputDelta,
    ToolOrigin,
    ToolOutputDelta,
    ToolStart,
)


class UnknownEvent(Event):
    """An event of a type this version does not know, kept whole so that it can be passed on."""


_CLASSES: Final[tuple[type[Event], ...]] = (
    ExecutionStart,
    ExecutionComplete,
    ExecutionError,
    ErrorEvent,
    Ping,
    TurnStart,
    TurnComplete,
    StepStart,
    StepComplete,
    StepSkip,
    TextStart,
    TextDelta,
    TextComplete,
    ReasoningStart,
    ReasoningDelta,
    ReasoningComplete,
    ToolStart,
    ToolInputDelta,
    ToolInputComplete,
    ToolOutputDelta,
    ToolComplete,
    ApprovalStart,
    ApprovalComplete,
    Await,
    MediaStart,
    MediaDelta,
    MediaComplete,
    ArtifactStart,
    ArtifactDelta,
    ArtifactUpdate,
    ArtifactComplete,
    Source,
    StateSnapshot,
    StateDelta,
    Custom,
)

EVENT_TYPES: Final[dict[str, type[Event]]] = {cls.model_fields["type"].default: cls for cls in _CLASSES}

AnyEvent = Union[  # noqa: UP007 - a union made of the tuple above, so that the list is kept once
    _CLASSES  # type: ignore[valid-type]
]


def parse_event(data: str | bytes | JsonObject) -> Event:
    """Read one event from the text of a `data:` line or from a parsed object.

    A type nobody has told us of gives an UnknownEvent with everything in it. Raises ValueError
    (pydantic's ValidationError is one) when it is no JSON object, has no `type`, or breaks its shape.
    """
    value: Any = data
    if isinstance(data, str | bytes):
        try:
            value = json.loads(data)
        except RecursionError:
            raise ValueError("the event is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("an event is a JSON object")
    kind = value.get("type")
    if not isinstance(kind, str) or not kind:
        raise ValueError("an event needs a type")
    return EVENT_TYPES.get(kind, UnknownEvent).model_validate(value)


def event_json_schema(ref_template: str = "#/components/schemas/{model}") -> tuple[JsonObject, JsonObject]:
    """(schema of one event, definitions it refers to) for an OpenAPI document.

    The schema is a `oneOf` with a discriminator on `type`; definitions belong where `ref_template` points.
    """
    refs, schema = models_json_schema(
        [(cls, "serialization") for cls in _CLASSES], by_alias=True, ref_template=ref_template
    )
    mapping = {name: refs[cls, "serialization"]["$ref"] for name, cls in EVENT_TYPES.items()}
    union = {
        "title": "Event",
        "oneOf": [{"$ref": ref} for ref in mapping.values()],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    return union, schema["$defs"]


__all__ = [
    "EVENT_TYPES",
    "AnyEvent",
    "ApprovalComplete",
    "ApprovalStart",
    "ArtifactComplete",
    "ArtifactDelta",
    "ArtifactFile",
    "ArtifactStart",
    "ArtifactUpdate",
    "Await",
    "ContextBreakdown",
    "ContextCategory",
    "Custom",
    "Decision",
    "Elicitation",
    "ElicitationRequest",
    "ErrorDetail",
    "ErrorEvent",
    "Event",
    "ExecutionComplete",
    "ExecutionError",
    "ExecutionStart",
    "ExternalAgent",
    "Fallback",
    "FallbackAttempt",
    "Kind",
    "MediaComplete",
    "MediaDelta",
    "MediaStart",
    "Ping",
    "ReasoningComplete",
    "ReasoningDelta",
    "ReasoningStart",
    "Role",
    "Source",
    "StateDelta",
    "StateSnapshot",
    "StepComplete",
    "StepSkip",
    "StepStart",
    "StopReason",
    "Subagent",
    "TextComplete",
    "TextDelta",
    "TextStart",
    "TokenCount",
    "ToolComplete",
    "ToolInputComplete",
    "ToolInputDelta",
    "ToolOrigin",
    "ToolOutputDelta",
    "ToolStart",
    "TurnComplete",
    "TurnStart",
    "UnknownEvent",
    "event_json_schema",
    "parse_event",
]
