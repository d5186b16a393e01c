"""A JSON value that fits a JSON Schema, found without a model.

A value is written from the schema, checked by the jsonschema library, repaired where it does not fit, and written
differently when repair does not help. Whoever writes a schema need not be trusted: references to other documents are
never fetched, and patterns or rules that could take exponential time are given up on.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from dashboard.models_ai.demo_pattern import is_costly
from dashboard.models_ai.demo_writer import CannotFit, SchemaWriter

__all__ = ["CannotFit", "fitting_value", "schema_like"]

_VARIANTS = 12
_REPAIRS = 10
_MOST_RULES = 200_000


def fitting_value(schema: dict[str, Any], facts: Mapping[str, str]) -> Any:
    """A value that fits, the same one every time; properties named like a fact take its value. Raises CannotFit.

    May compute for a second before it gives up, so call it beside an event loop.
    """
    try:
        return _first_fit(schema, facts)
    except RecursionError:
        raise CannotFit("it is nested too deeply.") from None


def _first_fit(schema: dict[str, Any], facts: Mapping[str, str]) -> Any:
    validator = _validator(schema)
    problem = "its rules contradict each other or are too intricate"
    for variant in range(_VARIANTS):
        writer = SchemaWriter(schema, facts if variant < 2 else {}, variant)
        try:
            value = _repaired(writer.write(schema), writer, validator)
        except CannotFit as why:
            problem = str(why).rstrip(".")
            continue
        if value is not _UNFIT:
            return value
    raise CannotFit(f"{problem}.")


def schema_like(example: Any) -> dict[str, Any]:
    """A schema for values of the same shape as the example."""
    match example:
        case dict():
            properties = {key: schema_like(value) for key, value in example.items()}
            return {"type": "object", "properties": properties, "required": list(properties)}
        case list():
            return {"type": "array", "items": schema_like(example[0]) if example else {}, "minItems": 1}
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case None:
            return {"type": "null"}
    return {"type": "string"}


_UNFIT = object()


def _validator(schema: dict[str, Any]) -> Validator:
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as problem:
        raise CannotFit(f"it is not a JSON Schema: {problem.message[:200]}.") from None
    for pattern in _patterns(schema):
        if is_costly(pattern):
            raise CannotFit(f"the pattern {pattern[:60]!r} is not one that it can use.")
    # An empty registry: the library's default one would fetch references over the network. The library also looks at
    # "$schema" again for parts of a schema, and would forget the count.
    document = {key: value for key, value in schema.items() if key != "$schema"}
    return _counted(kind)(document, registry=Registry())


def _counted(kind: type[Validator]) -> type[Validator]:
    """The validator with a limit on the rules it looks at: rules can refer to each other so that they never end."""
    looked_at = 0

    def counting(check: Any) -> Any:
        def counted(*arguments: Any) -> Any:
            nonlocal looked_at
            looked_at += 1
            if looked_at > _MOST_RULES:
                raise CannotFit("checking it takes too long.")
            return check(*arguments)

        return counted

    return extend(kind, {name: counting(check) for name, check in kind.VALIDATORS.items()})


def _patterns(schema: Any, at_top: bool = True) -> Iterator[str]:
    """Every regular expression in a schema."""
    if isinstance(schema, list):
        for item in schema:
            yield from _patterns(item, at_top=False)
    if isinstance(schema, dict):
        if isinstance(schema.get("$schema"), str) and not at_top:
            raise CannotFit("a part of it is written in another version of JSON Schema.")
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        if isinstance(schema.get("patternProperties"), dict):
            yield from schema["patternProperties"]
        for value in schema.values():
            yield from _patterns(value, at_top=False)


def _repaired(value: Any, writer: SchemaWriter, validator: Validator) -> Any:
    """The value, with its failing parts written again from the rules they break; `_UNFIT` if that does not end well."""
    for _ in range(_REPAIRS):
        try:
            errors = list(islice(validator.iter_errors(value), 20))
        except Unresolvable:
            raise CannotFit("it refers to something that cannot be found here.") from None
        if not errors:
            return value
        for error in errors:
            value = _set(value, list(error.absolute_path), _better(error, writer))
    return _UNFIT


def _better(error: ValidationError, writer: SchemaWriter) -> Any:
    old, rules = error.instance, error.schema
    if error.validator in ("additionalProperties", "unevaluatedProperties") and isinstance(old, dict):
        known = rules.get("properties", {}) if isinstance(rules, dict) else {}
        return {key: item for key, item in old.items() if key in known}
    new = writer.write(rules)
    if isinstance(old, dict) and isinstance(new, dict):
        return {**new, **old} if error.validator in ("required", "dependentRequired") else {**old, **new}
    return new


def _set(value: Any, path: list[str | int], new: Any) -> Any:
    """The value with `new` at `path`; unchanged where an earlier repair took the place away."""
    if not path:
        return new
    at = value
    try:
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = new
    except (KeyError, IndexError, TypeError):
        return value
    return value
