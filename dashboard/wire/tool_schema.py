"""Which JSON Schemas a tool may declare for its parameters: objects, self-contained, finite, of sane size."""

import json
from collections.abc import Iterator
from typing import Any, Final

from dashboard.wire.problems import problem

MAX_SCHEMA: Final = 64 * 1024
# Below these keys stands data, not schema; a "$ref" there is only a word.
_DATA_KEYS = frozenset({"const", "default", "enum", "example", "examples"})
_FOREIGN_KEYS = ("$dynamicRef", "$recursiveRef")


def check_parameters_schema(schema: object) -> None:
    """Raise `invalid_schema` unless `schema` has `type: "object"`, refers only to itself and never in a circle.

    Nothing is ever fetched: a reference that does not start with `#` is refused.
    """
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise problem("invalid_schema", "The schema of a tool's parameters must have type object.")
    if len(json.dumps(schema)) > MAX_SCHEMA:
        raise problem("invalid_schema", "The schema of a tool's parameters is limited to 64 KB.")
    edges: dict[str, list[str]] = {"#": list(_references(schema))}
    waiting = list(edges["#"])
    while waiting:
        reference = waiting.pop()
        if reference not in edges:
            edges[reference] = list(_references(_resolve(schema, reference)))
            waiting.extend(edges[reference])
    if _has_circle(edges):
        raise problem("invalid_schema", "The schema refers to itself; recursive schemas are not supported.")


def _references(node: Any) -> Iterator[str]:
    waiting = [node]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            if any(isinstance(value.get(key), str) for key in _FOREIGN_KEYS):
                raise problem(
                    "invalid_schema", "Dynamic references are not supported in the schema of a tool."
                )
            reference = value.get("$ref")
            if isinstance(reference, str):
                yield reference
            waiting.extend(item for key, item in value.items() if key not in _DATA_KEYS)


def _resolve(schema: dict[str, Any], reference: str) -> Any:
    if not reference.startswith("#"):
        raise problem("invalid_schema", "A schema may only refer to its own parts; nothing is fetched.")
    node: Any = schema
    for part in reference[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and key.isascii() and key.isdigit() and int(key[:9]) < len(node):
            node = node[int(key[:9])]
        elif isinstance(node, dict) and key in node:
            node = node[key]
        else:
            raise problem("invalid_schema", "The schema refers to a part that is not there.")
    return node


def _has_circle(edges: dict[str, list[str]]) -> bool:
    # Take away references that lead nowhere any more; what is left after that goes in circles.
    left = {source: set(targets) for source, targets in edges.items()}
    while left:
        ends = {source for source, targets in left.items() if not targets & left.keys()}
        if not ends:
            return True
        left = {source: targets for source, targets in left.items() if source not in ends}
    return False
