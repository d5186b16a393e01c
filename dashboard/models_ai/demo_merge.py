"""Two JSON Schemas as one that asks for both."""

from typing import Any

_HIGHER = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"}
_LOWER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"}


def merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """A schema that is as strict as both where that can be said in one; otherwise the second wins."""
    result = dict(first)
    for key, value in second.items():
        result[key] = _joined(key, result[key], value) if key in result else value
    return result


def _joined(key: str, first: Any, second: Any) -> Any:
    if key in _HIGHER:
        return max(first, second)
    if key in _LOWER:
        return min(first, second)
    if key == "required":
        return list(dict.fromkeys([*first, *second]))
    if key == "enum":
        return [item for item in first if item in second] or second
    if key == "type":
        wanted = [kind for kind in _as_list(first) if kind in _as_list(second)]
        return wanted or second
    if key in ("properties", "$defs", "patternProperties"):
        both = {name: {"allOf": [first[name], second[name]]} for name in first if name in second}
        return {**first, **second, **both}
    if key == "allOf":
        return [*first, *second]
    return second


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
