"""What happens when a step fails: retries with backoff, fallbacks, and then to go on or to stop."""

from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from dashboard.wire.base import WireModel
from dashboard.wire.requests import StepDefinition


class Retry(WireModel):
    """`max_attempts` further tries after the first, waiting `backoff_ms`, then `multiplier` times as long each time."""

    max_attempts: int = Field(default=0, ge=0, le=10)
    backoff_ms: int = Field(default=500, ge=0, le=60_000)
    multiplier: float = Field(default=2.0, ge=1.0, le=10.0)

    def delay_s(self, attempt: int) -> float:
        """Seconds to wait before retry number `attempt` (1 is the first); never above a minute."""
        return min(60.0, self.backoff_ms / 1000 * self.multiplier ** (attempt - 1))


class FallbackOption(WireModel):
    """One thing to try when the retries are used up, in order."""

    type: Literal["model", "message", "flow"]
    model: str | None = None
    message: str | None = None
    flow_id: str | None = None


class ErrorPolicy(WireModel):
    """A step's error handling (the wire's `errorHandling`): what to try again, what instead, and whether to go on."""

    on_error: Literal["continue", "fail", "fallback", "default"] = "continue"
    retry: Retry = Field(default_factory=Retry)
    fallbacks: list[FallbackOption] = Field(default_factory=list)
    default_value: Any = None

    @field_validator("retry", mode="before")
    @classmethod
    def _absent_retry(cls, value: Any) -> Any:
        return {} if value is None else value

    @property
    def stops_the_flow(self) -> bool:
        return self.on_error == "fail"


class PolicyProblem(Exception):
    """The step's errorHandling is not one; the text says where."""


def policy_of(step: StepDefinition) -> ErrorPolicy:
    """The error policy of a step: beside its config or inside it, an object or one of the bare words."""
    raw = step.error_handling if step.error_handling is not None else step.config.get("errorHandling")
    default = step.default_value if step.default_value is not None else step.config.get("defaultValue")
    body: dict[str, Any] = {"onError": raw} if isinstance(raw, str) else dict(raw or {})
    if default is not None:
        body.setdefault("defaultValue", default)
    try:
        return ErrorPolicy.model_validate(body)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in ("errorHandling", *first["loc"]))
        raise PolicyProblem(f"{where}: {first['msg']}") from None
