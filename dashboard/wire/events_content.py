"""Events that carry what a run produces: text, reasoning, media, artifacts, sources, state, custom values."""

from typing import Any, Literal

from dashboard.wire.base import WireModel
from dashboard.wire.events_base import Event
from dashboard.wire.events_run import Role

ReasoningScope = Literal["turn", "loop"]
ArtifactType = Literal["markdown", "component"]


class TextStart(Event):
    """A block of text opens; its id is new, a reader draws one bubble per id."""

    type: Literal["text_start"] = "text_start"
    id: str
    role: Role | None = None
    turn_id: str | None = None
    step_id: str | None = None
    parent_tool_call_id: str | None = None


class TextDelta(Event):
    """The next piece of an open block of text."""

    type: Literal["text_delta"] = "text_delta"
    id: str
    delta: str


class TextComplete(Event):
    """The block is closed; `text` repeats it whole and is not to be added to the pieces."""

    type: Literal["text_complete"] = "text_complete"
    id: str
    text: str | None = None


class ReasoningStart(Event):
    """The model starts to think aloud, within a turn or about the whole loop."""

    type: Literal["reasoning_start"] = "reasoning_start"
    id: str
    scope: ReasoningScope | None = None
    parent_tool_call_id: str | None = None


class ReasoningDelta(Event):
    """The next piece of an open block of reasoning."""

    type: Literal["reasoning_delta"] = "reasoning_delta"
    id: str
    delta: str


class ReasoningComplete(Event):
    """The block of reasoning is closed; `text` repeats it whole."""

    type: Literal["reasoning_complete"] = "reasoning_complete"
    id: str
    scope: ReasoningScope | None = None
    text: str | None = None


class MediaStart(Event):
    """A picture, sound or other media item begins. `media_type` is a MIME type or a hint such as `image`."""

    type: Literal["media_start"] = "media_start"
    id: str
    media_type: str
    role: Role | None = None
    tool_call_id: str | None = None


class MediaDelta(Event):
    """The media item's URL or base64 data."""

    type: Literal["media_delta"] = "media_delta"
    id: str
    delta: str


class MediaComplete(Event):
    """The media item is complete, with either `url` or `data` (base64)."""

    type: Literal["media_complete"] = "media_complete"
    id: str
    media_type: str | None = None
    url: str | None = None
    data: str | None = None
    tool_call_id: str | None = None


class ArtifactFile(WireModel):
    """The file an artifact stands for."""

    path: str
    mime_type: str
    language: str | None = None


class ArtifactStart(Event):
    """A document or component that lives beside the conversation opens."""

    type: Literal["artifact_start"] = "artifact_start"
    id: str
    artifact_type: ArtifactType
    title: str | None = None
    component: str | None = None
    file: ArtifactFile | None = None


class ArtifactDelta(Event):
    """The next piece of a markdown artifact."""

    type: Literal["artifact_delta"] = "artifact_delta"
    id: str
    delta: str


class ArtifactUpdate(Event):
    """New properties of a component artifact."""

    type: Literal["artifact_update"] = "artifact_update"
    id: str
    component: str
    props: dict[str, Any]


class ArtifactComplete(Event):
    """The artifact is finished."""

    type: Literal["artifact_complete"] = "artifact_complete"
    id: str


class Source(Event):
    """Something the answer rests on; may carry any further fields."""

    type: Literal["source"] = "source"
    id: str | None = None
    source_type: str | None = None
    title: str | None = None
    url: str | None = None


class StateSnapshot(Event):
    """The whole shared state."""

    type: Literal["state_snapshot"] = "state_snapshot"
    state: Any
    iteration: int | None = None


class StateDelta(Event):
    """A change of the shared state as JSON Patch operations (RFC 6902)."""

    type: Literal["state_delta"] = "state_delta"
    patch: list[dict[str, Any]]
    iteration: int | None = None


class Custom(Event):
    """A named value of the flow's author, or of the server (`runtype.fallback`)."""

    type: Literal["custom"] = "custom"
    name: str
    value: Any = None
