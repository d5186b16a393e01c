"""What a step kind is: a class with a typed Config and one coroutine that returns a result."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from dashboard.engine.fieldtypes import Config
from dashboard.wire.events import Fallback

if TYPE_CHECKING:
    from dashboard.engine.context import StepContext

ConfigT = TypeVar("ConfigT", bound=Config)

Group = Literal["AI", "Data", "Web", "Messages", "Control"]


class StepFailed(Exception):
    """A step could not do its work. The text is a sentence for people: what happened, why, what to do."""

    def __init__(self, message: str, *, code: str = "STEP_FAILED", retryable: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.retryable = retryable


@dataclass(slots=True)
class Result:
    """What a step returns.

    `value` is bound to the step's output variable. `wire` is `step_complete.result`; None means `{"value": value}`.
    `bindings` are further variables the step sets. Costs are US dollars, None when unknown. Tokens are counts.
    """

    value: Any = None
    wire: Any = None
    bindings: dict[str, Any] = field(default_factory=dict)
    stop_reason: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = Decimal(0)
    used_model: bool = False
    fallback: Fallback | None = None
    demo: bool = False
    ends_flow: bool = False


class Step(Generic[ConfigT]):
    """One step kind. The docstring of the subclass is the help text that authors read.

    `kind` is the wire's `type`; `title` and `group` place it in the menu; `example` is a Config that works with the demo
    model and no setup. `streams` says whether its output is shown in the stream unless the step says otherwise.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    group: ClassVar[Group]
    Config: ClassVar[type[Config]]
    example: ClassVar[dict[str, Any]] = {}
    streams: ClassVar[bool] = False
    output_variable: ClassVar[str | None] = "output_variable"

    async def run(self, ctx: "StepContext[ConfigT]") -> Result:
        """Do the work. Raises `StepFailed` with a sentence when it cannot."""
        raise NotImplementedError
