"""Schemas that cannot be met, or were written to do harm."""

import re
import time
from typing import Any

import pytest

from dashboard.models_ai.demo_schema import CannotFit, fitting_value


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "string", "minLength": 5, "maxLength": 2}, "contradict"),
        ({"type": "array", "items": {"const": 1}, "uniqueItems": True, "minItems": 2}, "contradict"),
        ({"type": "nonsense"}, "not a JSON Schema"),
        ({"$ref": "https://example.com/schema.json"}, "another document"),
        ({"properties": {"a": {"$ref": "http://127.0.0.1:9/x"}}, "required": ["a"]}, "another document"),
        ({"type": "string", "pattern": "(a+)+$"}, "pattern"),
        ({"type": "string", "pattern": "["}, "not a JSON Schema"),
        ({"type": "array", "minItems": 10**9}, "more than can be written"),
        ({"type": "string", "minLength": 10**9}, "more than can be written"),
        ({"$ref": "#"}, "circles"),
        (
            {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
            "more than can be written",
        ),
    ],
)
def test_what_cannot_be_met_is_said_and_said_soon(schema: dict[str, Any], why: str) -> None:
    began = time.monotonic()
    with pytest.raises(CannotFit, match=re.escape(why)):
        fitting_value(schema, {})
    assert time.monotonic() - began < 3


def _doubling(keyword: str, depth: int = 40) -> dict[str, Any]:
    """A small schema that takes 2 to the power of `depth` steps to look through."""
    steps = {f"n{n}": {keyword: [{"$ref": f"#/$defs/n{n + 1}"}] * 2} for n in range(depth)}
    return {
        "$defs": {**steps, f"n{depth}": {"type": "integer", "minimum": 2, "maximum": 1}},
        "$ref": "#/$defs/n0",
    }


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
@pytest.mark.parametrize("depth", [12, 40])
def test_rules_that_double_and_double_are_given_up_on(keyword: str, depth: int) -> None:
    began = time.monotonic()
    with pytest.raises(CannotFit):
        fitting_value(_doubling(keyword, depth), {})
    assert time.monotonic() - began < 5


def test_another_draft_inside_cannot_escape_the_count() -> None:
    draft7 = "http://json-schema.org/draft-07/schema#"
    with pytest.raises(CannotFit, match="another version"):
        fitting_value({"properties": {"a": {"$schema": draft7, "type": "string"}}}, {})


def test_a_property_may_be_called_schema() -> None:
    schema = {"type": "object", "properties": {"$schema": {"type": "string"}}, "required": ["$schema"]}
    assert fitting_value(schema, {}) == {"$schema": "Demo $schema"}


def test_a_schema_nested_too_deeply_is_given_up_on() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(3000):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    with pytest.raises(CannotFit):
        fitting_value(schema, {})


def test_a_reference_is_never_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr("socket.create_connection", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)
    with pytest.raises(CannotFit):
        fitting_value(
            {"anyOf": [{"$ref": "http://127.0.0.1:9/x"}, {"$dynamicRef": "http://127.0.0.1:9/y"}]}, {}
        )
