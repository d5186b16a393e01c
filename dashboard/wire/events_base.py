"""What all events share: the stamp (whose run, which number) and the one way to write them as JSON."""

import json
import math
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field

from dashboard.wire.base import WireModel

_UNSTAMPED = -1


def _nested(value: Any) -> Any:
    if isinstance(value, WireModel):
        return value.shallow()
    raise TypeError(f"an event cannot carry a {type(value).__name__}")


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_nested).encode


def _without_nonfinite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, WireModel):
        return _without_nonfinite(value.shallow())
    if isinstance(value, dict):
        return {key: _without_nonfinite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nonfinite(item) for item in value]
    return value


def _add_required(schema: dict[str, Any]) -> None:
    # In Python an event has no number before the log gives it one; on the wire it always has one.
    stamp = ["type", "executionId", "seq"]
    schema["required"] = stamp + [name for name in schema.get("required", []) if name not in stamp]
    for name in stamp[1:]:
        schema["properties"][name].pop("default", None)


class Event(WireModel):
    """One event of a run, also one row of its log and one frame of its streams.

    `seq` counts from 0 within the run; -1 means that the log has not stamped the event yet.
    """

    model_config = ConfigDict(json_schema_extra=_add_required)

    terminal: ClassVar[bool] = False

    type: str
    execution_id: str = ""
    seq: int = Field(default=_UNSTAMPED)

    def stamped(self, execution_id: str, seq: int) -> Self:
        """A copy that carries the run's id and its number in the run. Values are shared with the original."""
        cls = type(self)
        copy = cls.__new__(cls)
        values = self.__dict__.copy()
        values["execution_id"] = execution_id
        values["seq"] = seq
        object.__setattr__(copy, "__dict__", values)
        object.__setattr__(
            copy, "__pydantic_fields_set__", self.__pydantic_fields_set__ | {"execution_id", "seq"}
        )
        object.__setattr__(copy, "__pydantic_extra__", self.__pydantic_extra__)
        object.__setattr__(copy, "__pydantic_private__", None)
        return copy

    def to_json(self) -> str:
        """The payload of the frame's `data:` line: one line, compact, `type`, `executionId` and `seq` first.

        Non-ASCII text stays as it is; half a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD, and a
        number that is not finite becomes null. Raises ValueError when the event is not stamped.
        """
        if self.seq < 0 or not self.execution_id:
            raise ValueError(f"{self.type} has no execution id and number yet")
        wire = self.shallow()
        try:
            text = _encode(wire)
        except ValueError:
            text = _encode(_without_nonfinite(wire))
        if text.isascii():
            return text
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text


class TokenCount(WireModel):
    """Tokens read (`input`) and written (`output`) by a model."""

    input: int
    output: int


class FallbackAttempt(WireModel):
    """One try to save a failed step: another go, another model, a fixed message or another flow."""

    attempt: int
    type: str
    model: str | None = None
    success: bool
    error: str | None = None


class Fallback(WireModel):
    """What the error policy did for a step or turn. `exhausted` means that every fallback failed too."""

    used: bool
    exhausted: bool
    model: str | None = None
    reason: str | None = None
    attempts: list[FallbackAttempt] = Field(default_factory=list)


class ErrorDetail(WireModel):
    """An error with a code a program can read and a sentence a person can."""

    code: str
    message: str
    details: Any = None


class ExternalAgent(WireModel):
    """The ids under which an agent on another server knows the conversation and the task."""

    context_id: str | None = None
    task_id: str | None = None
