"""What a running step sees: its Config, the variables before it, and the few things it may do."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from dashboard.engine.fieldtypes import Config
from dashboard.engine.ports import Message, Ports
from dashboard.engine.templating import Unresolved, as_expression, render, resolve
from dashboard.wire.events import (
    Event,
    ReasoningComplete,
    ReasoningDelta,
    ReasoningStart,
    TextComplete,
    TextDelta,
    TextStart,
)
from dashboard.wire.requests import StepDefinition

ConfigT = TypeVar("ConfigT", bound=Config)


@dataclass(frozen=True, slots=True)
class RunInput:
    """What a run was given. `secrets` are request secrets by name; they never enter the variable scope."""

    record: Mapping[str, Any] | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    messages: tuple[Message, ...] = ()
    auto_append_metadata: bool = True
    debug: bool = False


class Scope:
    """The one variable scope of a run: what it was given, then what its steps set."""

    def __init__(self, given: RunInput) -> None:
        self._values: dict[str, Any] = dict(given.inputs)
        self._values["_record"] = dict(given.record or {})
        self._values["messages"] = [{"role": m.role, "content": m.content} for m in given.messages]
        self._values["user_message"] = _latest_user_text(given.messages)
        self.view: Mapping[str, Any] = MappingProxyType(self._values)

    def bind(self, bindings: Mapping[str, Any]) -> None:
        self._values.update(bindings)


def _latest_user_text(messages: tuple[Message, ...]) -> str:
    for message in reversed(messages):
        if message.role == "user":
            if isinstance(message.content, str):
                return message.content
            return "\n".join(part.get("text", "") for part in message.content if part.get("type") == "text")
    return ""


class BlockIds:
    """Block ids that stay unique when a run goes on after a crash or a pause: later stretches carry their number."""

    def __init__(self, stretch: int) -> None:
        self._infix = "" if stretch <= 1 else f"{stretch}_"
        self._count = 0

    def next(self, word: str) -> str:
        self._count += 1
        return f"{word}_{self._infix}{self._count}"


class Blocks:
    """The text and reasoning blocks of one step: opened at the first delta, never nested, closed in time."""

    def __init__(self, emit: Any, ids: BlockIds, step_id: str, shown: bool) -> None:
        self._emit, self._ids, self._step_id, self._shown = emit, ids, step_id, shown
        self._open: tuple[str, str, list[str]] | None = None

    def text(self, delta: str) -> None:
        self._delta("text", delta)

    def reasoning(self, delta: str) -> None:
        self._delta("reasoning", delta)

    def close(self) -> None:
        """End the open block, if there is one, by repeating its whole text."""
        if self._open is None:
            return
        word, block, pieces = self._open
        self._open = None
        if word == "text":
            self._emit(TextComplete(id=block, text="".join(pieces)))
        else:
            self._emit(ReasoningComplete(id=block, scope="turn", text="".join(pieces)))

    def _delta(self, word: str, delta: str) -> None:
        if not delta or not self._shown:
            return
        if self._open is None or self._open[0] != word:
            self.close()
            self._start(word)
        assert self._open is not None
        self._open[2].append(delta)
        block = self._open[1]
        self._emit(
            TextDelta(id=block, delta=delta) if word == "text" else ReasoningDelta(id=block, delta=delta)
        )

    def _start(self, word: str) -> None:
        block = self._ids.next(word)
        self._open = (word, block, [])
        if word == "text":
            self._emit(TextStart(id=block, role="assistant", step_id=self._step_id))
        else:
            self._emit(ReasoningStart(id=block, scope="turn"))


@dataclass(slots=True)
class Walked:
    """What came of a list of steps: the last output that was not null, and whether a step ended the whole flow."""

    output: Any = None
    ended: bool = False


Walk = Callable[[list[StepDefinition], str], Awaitable[Walked]]


@dataclass(frozen=True, slots=True)
class Around:
    """Everything a step stands in, whatever its kind: the run's input, the variables before it, the world.

    `key` is the step's key among all steps of the run; `walk` runs steps inside it.
    """

    step: StepDefinition
    key: str
    given: RunInput
    variables: Mapping[str, Any]
    ports: Ports
    blocks: Blocks
    walk: Walk


@dataclass(slots=True)
class StepContext(Generic[ConfigT]):
    """Handed to `Step.run`. Variables are read-only: a step sets them by returning a result."""

    config: ConfigT
    around: Around
    unresolved: Unresolved = field(default_factory=Unresolved)

    @property
    def step(self) -> StepDefinition:
        return self.around.step

    @property
    def given(self) -> RunInput:
        return self.around.given

    @property
    def variables(self) -> Mapping[str, Any]:
        return self.around.variables

    @property
    def ports(self) -> Ports:
        return self.around.ports

    @property
    def blocks(self) -> Blocks:
        return self.around.blocks

    def render(self, text: str) -> str:
        """A template with its references filled in; missing names are reported on `step_complete`."""
        return render(text, self.variables, self.unresolved)

    def resolve(self, value: Any) -> Any:
        """A JSON value with its references filled in; a text that is one reference keeps that value's type."""
        return resolve(value, self.variables, self.unresolved)

    def emit(self, event: Event) -> None:
        """Emit an event that is not text: the open block is closed first, as the wire wants it."""
        self.blocks.close()
        self.ports.log.emit(event)

    async def evaluate(self, condition: str) -> Any:
        """The value of a JavaScript expression over the variables. Raises `ExpressionFailure`."""
        return await self.ports.expressions.evaluate(as_expression(condition, self.variables), self.variables)

    async def run_steps(self, steps: list[StepDefinition], branch: str) -> Walked:
        """Run steps inside this one; their frames stand between this step's start and its end."""
        self.blocks.close()
        return await self.around.walk(steps, f"{self.around.key}/{branch}/")
