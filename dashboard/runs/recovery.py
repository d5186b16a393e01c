"""What a run's log says about going on with it: what was left open, and how often each step began."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from dashboard.wire.events import (
    Event,
    ExecutionStart,
    ReasoningComplete,
    ReasoningDelta,
    ReasoningStart,
    StepComplete,
    StepStart,
    TextComplete,
    TextDelta,
    TextStart,
)


@dataclass(slots=True)
class Recovery:
    """`closing` ends the blocks an interruption left open. `attempts` counts unfinished starts by step id."""

    announced: bool = False
    closing: list[Event] = field(default_factory=list)
    attempts: dict[str, int] = field(default_factory=dict)


def recover(events: Iterable[Event]) -> Recovery:
    """Read a log from its start. Pure: the same events give the same answer."""
    announced = False
    open_blocks: dict[str, tuple[type, list[str]]] = {}
    attempts: Counter[str] = Counter()
    for event in events:
        match event:
            case ExecutionStart():
                announced = True
            case StepStart():
                attempts[event.id] += 1
            case StepComplete():
                attempts.pop(event.id, None)
            case TextStart():
                open_blocks[event.id] = (TextComplete, [])
            case ReasoningStart():
                open_blocks[event.id] = (ReasoningComplete, [])
            case TextDelta() | ReasoningDelta() if event.id in open_blocks:
                open_blocks[event.id][1].append(event.delta)
            case TextComplete() | ReasoningComplete():
                open_blocks.pop(event.id, None)
    closing: list[Event] = [
        end(id=block, text="".join(pieces)) for block, (end, pieces) in open_blocks.items()
    ]
    return Recovery(announced, closing, dict(attempts))
