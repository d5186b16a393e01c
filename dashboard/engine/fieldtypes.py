"""The types that a step's Config is made of. They say what a value is; the editor decides how it looks."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from dashboard.wire.base import WireModel


@dataclass(frozen=True, slots=True)
class Kind:
    """What a field holds, beyond its Python type."""

    name: Literal[
        "template",
        "long-template",
        "model",
        "variable-name",
        "variable-ref",
        "json",
        "json-schema",
        "expression",
    ]


@dataclass(frozen=True, slots=True)
class Advanced:
    """The field belongs under "More options"; `group` is the heading it stands under there."""

    group: str = "More options"


@dataclass(frozen=True, slots=True)
class ShownWhen:
    """The field matters only while another field (its Python name) has one of these values."""

    field: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Needed:
    """Authors are told `message` while the field is empty, unless another field (its Python name) is filled in."""

    message: str
    unless: str = ""


@dataclass(frozen=True, slots=True)
class MayHoldSecrets:
    """`{{secret:NAME}}` may stand in this field; everywhere else it is refused."""


Template = Annotated[str, Kind("template")]
LongTemplate = Annotated[str, Kind("long-template")]
ModelName = Annotated[str, Kind("model")]
VariableName = Annotated[str, Kind("variable-name")]
VariableRef = Annotated[str, Kind("variable-ref")]
Expression = Annotated[str, Kind("expression")]
Json = Annotated[Any, Kind("json")]
Steps = Annotated[list[dict[str, Any]], Kind("steps")]
JsonSchema = Annotated[dict[str, Any] | None, Kind("json-schema")]


def _empty_is_none(value: Any) -> Any:
    return None if value == "" else value


OptionalNumber = Annotated[float | None, BeforeValidator(_empty_is_none)]
OptionalCount = Annotated[int | None, BeforeValidator(_empty_is_none)]


class Config(WireModel):
    """Base of every step's Config: camelCase on the wire, unknown fields kept."""


__all__ = [
    "Advanced",
    "Config",
    "Expression",
    "Field",
    "Json",
    "JsonSchema",
    "Kind",
    "LongTemplate",
    "MayHoldSecrets",
    "ModelName",
    "Needed",
    "OptionalCount",
    "OptionalNumber",
    "ShownWhen",
    "Steps",
    "Template",
    "VariableName",
    "VariableRef",
]
