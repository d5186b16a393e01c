"""How a validator of this room says no: with a code of the error tables and a sentence for a person."""

from typing import Any, LiteralString, NoReturn

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Loc = tuple[int | str, ...]


def problem(code: LiteralString, message: LiteralString, **context: Any) -> PydanticCustomError:
    """An error to raise from a validator. `message` may name keys of `context` in braces; values a client chose
    belong there (clipped), never into the message itself. `status=422` marks a flow that is well formed but
    cannot run."""
    return PydanticCustomError(code, message, context)


def fail_at(loc: Loc, error: PydanticCustomError) -> NoReturn:
    """Raise `error` for the field at `loc`, relative to the model that is being validated."""
    raise_all([(loc, error)])


def raise_all(errors: list[tuple[Loc, PydanticCustomError]]) -> NoReturn:
    """Raise several errors at once, each at its place."""
    lines = [InitErrorDetails(type=error, loc=loc, input=None) for loc, error in errors]
    raise ValidationError.from_exception_data("request", lines)
