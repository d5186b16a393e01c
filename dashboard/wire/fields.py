"""Field types that several requests share. Each says in its own words what is wrong with a value."""

import json
import math
from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from dashboard.wire.errors import clip
from dashboard.wire.problems import problem

MAX_ID: Final = 255
MAX_INPUT_NAME: Final = 128
MAX_METADATA: Final = 512 * 1024
THIRTY_DAYS_MS: Final = 30 * 24 * 3600 * 1000

# Roots of the variable scope that a request may not take over.
RESERVED_INPUTS: Final = frozenset({"secret", "secrets", "messages"})
_BREAKING = frozenset(".:{}[]|\"'`\\")


def _id(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID or not value.isprintable() or " " in value:
        raise problem("invalid_id", "An id is a text of 1 to 255 characters without spaces.")
    return value


OpaqueId = Annotated[str, BeforeValidator(_id)]


def _name_fits(name: str) -> bool:
    return (
        0 < len(name) <= MAX_INPUT_NAME
        and name.isprintable()
        and name.strip() == name
        and not set(name) & _BREAKING
    )


def _inputs(value: dict[str, Any]) -> dict[str, Any]:
    for name in value:
        if not _name_fits(name) or name.startswith("_") or name in RESERVED_INPUTS:
            raise problem(
                "invalid_input_name",
                "The input name {name} cannot be used: it is reserved, too long or holds a dot, colon or brace.",
                name=clip(name),
            )
    return value


InputMap = Annotated[dict[str, Any], AfterValidator(_inputs)]


def _secrets(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise problem("invalid_type", "Expected an object that maps names to texts.")
    for name, secret in value.items():
        if not isinstance(name, str) or not _name_fits(name):
            raise problem(
                "invalid_secret_name", "The name of a secret is 1 to 128 characters without dots or colons."
            )
        if not isinstance(secret, str):
            raise problem("invalid_type", "The secret {name} must be a text.", name=clip(name))
    return value


SecretMap = Annotated[dict[str, str], BeforeValidator(_secrets)]


def _metadata(value: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(value)) > MAX_METADATA:
        raise problem("too_large", "The metadata of a record is limited to 512 KB.")
    return value


Metadata = Annotated[dict[str, Any], AfterValidator(_metadata)]


def number_check(low: float, high: float, *, whole: bool) -> Callable[[object], int | float]:
    """A check that a value is a number from `low` to `high`; texts, booleans and NaN are none."""

    def check(value: object) -> int | float:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not isinstance(value, int | float) or not fits or not low <= value <= high:
            raise problem("out_of_range", "Expected a number from {low} to {high}.", low=low, high=high)
        if whole and value != int(value):
            raise problem("out_of_range", "Expected a whole number from {low} to {high}.", low=low, high=high)
        return value

    return check


def number_between(low: float, high: float, *, whole: bool = False) -> Any:
    """The annotation of a number field; the value is kept as it was written (1 stays 1, 1.0 stays 1.0)."""
    schema = {"type": "integer" if whole else "number", "minimum": low, "maximum": high}
    return Annotated[Any, BeforeValidator(number_check(low, high, whole=whole)), WithJsonSchema(schema)]


def _text_or_flag(value: object) -> object:
    if not isinstance(value, str | bool):
        raise problem("invalid_type", "Expected an expression as text.")
    return value


Expression = Annotated[Any, BeforeValidator(_text_or_flag), WithJsonSchema({"type": ["string", "boolean"]})]
Order = number_between(-(2**31), 2**31 - 1)
