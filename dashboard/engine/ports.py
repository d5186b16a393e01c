"""What the engine may ask of the world. `runs` hands in the real things, tests hand in small ones."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

from dashboard.wire.events import Event, StepComplete, StepSkip


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation. `content` is text, or content parts as the wire has them."""

    role: Literal["user", "assistant", "system"]
    content: str | list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling options; None leaves the vendor's default."""

    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """`json` asks for a JSON value; with `schema` (JSON Schema) for one that fits it."""

    kind: Literal["text", "markdown", "json"] = "text"
    schema: dict[str, Any] | None = None
    name: str = "answer"


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One call of a model. `reasoning` is an effort ("low", "medium", "high"), a token budget, or None for off."""

    model: str
    messages: Sequence[Message]
    system: str = ""
    sampling: Sampling = Sampling()
    response_format: ResponseFormat = ResponseFormat()
    reasoning: str | int | None = None
    timeout_s: float = 120.0


@dataclass(frozen=True, slots=True)
class ModelChosen:
    """First chunk of every answer: who answers. `fallback_reason` is set when it is not who was asked for."""

    model: str
    vendor: str
    fallback_reason: str | None = None


@dataclass(frozen=True, slots=True)
class TextChunk:
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningChunk:
    text: str


@dataclass(frozen=True, slots=True)
class ModelDone:
    """Last chunk. Costs are US dollars; None means that the price is unknown."""

    stop_reason: Literal["end_turn", "max_tool_calls", "length", "content_filter", "error", "unknown"]
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: Decimal | None = None


ModelChunk = ModelChosen | TextChunk | ReasoningChunk | ModelDone


class ModelFailure(Exception):
    """A model call failed. `message` is a sentence for people; `status` the vendor's HTTP status where there was one."""

    def __init__(
        self, message: str, *, code: str, status: int | None = None, retryable: bool = False
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.retryable = retryable


class Models(Protocol):
    """Model vendors behind one door."""

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelChunk]:
        """`ModelChosen`, then text and reasoning as they come, then `ModelDone`; or `ModelFailure`."""
        ...


class ExpressionFailure(Exception):
    """An expression could not be evaluated; the text is a sentence."""


class Expressions(Protocol):
    """The sandbox, as far as conditions need it."""

    async def evaluate(self, expression: str, variables: Mapping[str, Any]) -> Any:
        """The JSON value of a JavaScript expression over the variables; `ExpressionFailure` when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is kept of a step that is over: enough to go on after it without running it again.

    `outcome` says how it ended; `value` is its output, `bindings` every variable it set. Token counts are of all its model
    calls; `cost` is US dollars as decimal text, None when unknown.
    """

    key: str
    outcome: Literal["success", "failure", "skip"]
    value: Any = None
    bindings: dict[str, Any] = field(default_factory=dict)
    ends_flow: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    cost: str | None = "0"
    demo: bool = False


class Log(Protocol):
    """Where events go. What is emitted is committed in order, and shown to nobody before it is committed."""

    def emit(self, event: Event) -> None:
        """Append an event with the next group commit. Adjacent deltas of one block may become one event."""
        ...

    async def remember(self, event: StepComplete | StepSkip, remembered: Remembered) -> None:
        """Append the event and keep the step's result in one transaction; returns when both are durable."""
        ...

    async def flush(self) -> None:
        """Returns when everything emitted so far is durable."""
        ...


class Clock:
    """The time; tests hand in another."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def stamp(self) -> str:
        """Now, as the wire writes it: ISO 8601 in UTC with milliseconds."""
        return self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, for durations."""
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything of the world that one run has."""

    log: Log
    models: Models
    expressions: Expressions
    clock: Clock = field(default_factory=Clock)
