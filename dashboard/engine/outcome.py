"""How a run went: sums over its steps, and its end."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from dashboard.engine.ports import Remembered
from dashboard.wire.events import ExecutionComplete, ExecutionError


@dataclass(slots=True)
class Totals:
    """Sums over a run's steps. A cost is None as soon as one part of it is unknown."""

    steps: int = 0
    succeeded: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = Decimal(0)
    demo: bool = False

    def add(self, step: Remembered) -> None:
        self.succeeded += step.outcome == "success"
        self.failed += step.outcome == "failure"
        self.input_tokens += step.input_tokens
        self.output_tokens += step.output_tokens
        self.demo = self.demo or step.demo
        known = self.cost is not None and step.cost is not None
        self.cost = self.cost + Decimal(step.cost or 0) if known and self.cost is not None else None


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run ended: the terminal event, still to be committed with the run's state, and the sums."""

    event: ExecutionComplete | ExecutionError
    state: Literal["completed", "failed"]
    totals: Totals
    final_output: str
    error: str = ""
