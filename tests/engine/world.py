"""A small world for the engine: a log in a list, scripted models, conditions that are looked up."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dashboard.steps
from dashboard.engine.context import RunInput
from dashboard.engine.outcome import Finished
from dashboard.engine.ports import (
    ExpressionFailure,
    ModelChosen,
    ModelChunk,
    ModelDone,
    ModelFailure,
    ModelRequest,
    Ports,
    Remembered,
    TextChunk,
)
from dashboard.engine.registry import registry_of
from dashboard.engine.runner import FlowRun, FlowRunner
from dashboard.wire.events import Event
from dashboard.wire.requests import FlowDefinition


class ListLog:
    """Keeps events as they would be stored."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.memory: dict[str, Remembered] = {}

    def emit(self, event: Event) -> None:
        self.events.append(event.stamped("exec_test", len(self.events)))

    async def remember(self, event: Event, remembered: Remembered) -> None:
        self.emit(event)
        assert remembered.key not in self.memory, "a step was remembered twice"
        self.memory[remembered.key] = remembered

    async def flush(self) -> None:
        return None


@dataclass
class ScriptedModels:
    """Answers with the next script: chunks, or an exception to raise. Keeps the requests it saw."""

    scripts: list[Sequence[ModelChunk] | Exception] = field(default_factory=list)
    requests: list[ModelRequest] = field(default_factory=list)

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelChunk]:
        self.requests.append(request)
        script = self.scripts.pop(0)
        if isinstance(script, Exception):
            raise script
        for chunk in script:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk


class Conditions:
    """Evaluates the few expressions tests use with Python's own rules; JavaScript is the sandbox's business."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def evaluate(self, expression: str, variables: Mapping[str, Any]) -> Any:
        self.asked.append(expression)
        if expression not in self.answers:
            raise ExpressionFailure("it is not valid JavaScript.")
        return self.answers[expression]


def says(text: str, **done: Any) -> list[ModelChunk]:
    """A model's script that streams a text word by word."""
    words = [TextChunk(word) for word in text.split(" ")]
    for word in range(1, len(words)):
        words[word] = TextChunk(" " + words[word].text)
    return [ModelChosen("gpt-4", "openai"), *words, ModelDone("end_turn", **done)]


def fails(message: str = "OpenAI had a fault (HTTP 500).", **fields: Any) -> ModelFailure:
    return ModelFailure(message, code="VENDOR_ERROR", status=500, retryable=True, **fields)


@dataclass
class Ran:
    finished: Finished
    log: ListLog
    models: ScriptedModels
    conditions: Conditions

    @property
    def story(self) -> list[str]:
        return [event.type for event in self.stored]

    @property
    def stored(self) -> list[Event]:
        return [*self.log.events, self.finished.event.stamped("exec_test", len(self.log.events))]

    def of(self, kind: str) -> list[Any]:
        return [event for event in self.stored if event.type == kind]


async def run_flow(
    *steps: dict[str, Any],
    scripts: Sequence[Any] = (),
    answers: Mapping[str, Any] | None = None,
    given: RunInput | None = None,
    **run: Any,
) -> Ran:
    """Run a flow of these steps in the small world."""
    log, models, conditions = ListLog(), ScriptedModels(list(scripts)), Conditions(answers or {})
    flow = FlowDefinition.model_validate({"name": "Test flow", "steps": list(steps)})
    job = FlowRun(flow=flow, flow_id=None, given=given or RunInput(), **run)
    runner = FlowRunner(job, Ports(log, models, conditions), registry_of(dashboard.steps))
    return Ran(await runner.run(), log, models, conditions)
