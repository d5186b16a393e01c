"""The part of the grammar about blocks: text, reasoning, media and artifacts open, grow and close."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from dashboard.wire import events as wire
from dashboard.wire.events import Event

# Before these the conversation's open block of text or reasoning has to be closed...
_BOUNDARIES: Final = (wire.ToolStart, wire.ToolComplete, wire.MediaStart, wire.ApprovalStart, wire.Await)
# ...and before these also the blocks that tools stream in lanes of their own, side by side.
_WIDE_BOUNDARIES: Final = (
    wire.ExecutionStart,
    wire.TurnStart,
    wire.TurnComplete,
    wire.StepStart,
    wire.StepComplete,
    wire.StepSkip,
    wire.ApprovalComplete,
    wire.ExecutionComplete,
    wire.ExecutionError,
)


@dataclass
class _Block:
    """An open block. `lane` is the tool call whose output it is part of, None for the conversation itself."""

    family: str
    lane: str | None
    pieces: list[str] = field(default_factory=list)

    @property
    def is_spoken(self) -> bool:
        return self.family in ("text", "reasoning")


class Blocks:
    """Follows the blocks of one log and reports through `say(event, sentence)` what is wrong with them."""

    def __init__(self, say: Callable[[Event, str], None]) -> None:
        self.say = say
        self.opened: dict[str, _Block] = {}
        self.used: set[str] = set()

    def take(self, event: Event) -> None:
        """Look at the next event of the log, of whatever type."""
        wide = isinstance(event, _WIDE_BOUNDARIES)
        if wide or isinstance(event, _BOUNDARIES):
            for block_id, block in self.opened.items():
                own = isinstance(event, wire.ToolComplete) and block.lane == event.tool_call_id
                if block.is_spoken and (wide or own or block.lane is None):
                    self.say(event, f"the {block.family} block {block_id} is still open")
        handler = _HANDLERS.get(type(event))
        if handler:
            handler(self, event)

    def check_end(self, last: Event) -> None:
        """Report what is open after the last event; a terminal event has reported open text already."""
        for block_id, block in self.opened.items():
            if not (last.terminal and block.is_spoken):
                self.say(last, f"the {block.family} block {block_id} is still open")

    def start(self, event: Any) -> None:
        family = event.type.removesuffix("_start")
        block = _Block(family, getattr(event, "parent_tool_call_id", None))
        if event.id in self.used:
            self.say(event, f"the block id {event.id} was used before")
        for other_id, other in self.opened.items():
            if block.is_spoken and other.is_spoken and other.lane == block.lane:
                self.say(event, f"blocks do not nest, and {other_id} is open")
        self.used.add(event.id)
        self.opened[event.id] = block

    def find(self, event: Any) -> _Block | None:
        block = self.opened.get(event.id)
        if block is None or block.family != event.type.partition("_")[0]:
            self.say(event, f"no such block is open: {event.id}")
            return None
        return block

    def grow(self, event: Any) -> None:
        block = self.find(event)
        if block is not None and not isinstance(event, wire.ArtifactUpdate):
            block.pieces.append(event.delta)

    def end(self, event: Any) -> None:
        block = self.find(event)
        if block is None:
            return
        del self.opened[event.id]
        text = getattr(event, "text", None)
        # A reflection about the whole loop comes in one piece, without deltas.
        one_shot = isinstance(event, wire.ReasoningComplete) and event.scope == "loop" and not block.pieces
        if text is not None and text != "".join(block.pieces) and not one_shot:
            self.say(event, f"the text of {event.id} is not what its deltas add up to")


_HANDLERS: Final[dict[type[Event], Callable[[Blocks, Any], None]]] = {
    wire.TextStart: Blocks.start,
    wire.TextDelta: Blocks.grow,
    wire.TextComplete: Blocks.end,
    wire.ReasoningStart: Blocks.start,
    wire.ReasoningDelta: Blocks.grow,
    wire.ReasoningComplete: Blocks.end,
    wire.MediaStart: Blocks.start,
    wire.MediaDelta: Blocks.grow,
    wire.MediaComplete: Blocks.end,
    wire.ArtifactStart: Blocks.start,
    wire.ArtifactDelta: Blocks.grow,
    wire.ArtifactUpdate: Blocks.grow,
    wire.ArtifactComplete: Blocks.end,
}
