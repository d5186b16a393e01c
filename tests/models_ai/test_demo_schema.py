"""JSON that fits a JSON Schema, without a model."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from dashboard.models_ai.demo_schema import fitting_value, schema_like

TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}, "minItems": 0},
                "parent": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "required": ["name", "children", "parent"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}

SCHEMAS: list[dict[str, Any]] = [
    {},
    {"type": "string"},
    {"type": "null"},
    {"type": "boolean"},
    {"type": ["null", "integer"]},
    {"const": {"a": [1, None]}},
    {"enum": ["red", "green"]},
    {"type": "integer", "minimum": 10, "maximum": 12},
    {"type": "integer", "exclusiveMinimum": 10, "exclusiveMaximum": 12},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "number", "multipleOf": 0.25, "minimum": 0.3},
    {"type": "integer", "multipleOf": 7, "minimum": 50},
    {"type": "integer", "maximum": -3},
    {"type": "string", "minLength": 40},
    {"type": "string", "maxLength": 3},
    {"type": "string", "maxLength": 0},
    {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4}$"},
    {"type": "string", "pattern": "^(foo|bar)_\\w+$", "minLength": 20},
    {"type": "string", "pattern": "^[^aeiou]*$", "minLength": 5},
    {"type": "array", "items": {"type": "integer"}, "minItems": 5},
    {"type": "array", "items": {"enum": [1, 2, 3]}, "uniqueItems": True, "minItems": 3},
    {"type": "array", "items": {"type": "string", "maxLength": 2}, "uniqueItems": True, "minItems": 8},
    {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 2},
    {"type": "array", "maxItems": 0},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
    {"type": "array", "contains": {"const": 9}, "minContains": 2, "items": {"type": "integer"}},
    {"type": "object", "additionalProperties": {"type": "integer"}},
    {"type": "object", "minProperties": 3},
    {"type": "object", "minProperties": 2, "patternProperties": {"^x[0-9]$": {"type": "integer"}}},
    {"type": "object", "required": ["a"], "properties": {"b": {"type": "string"}}},
    {"type": "object", "properties": {"a": False, "b": {"type": "integer"}}},
    {"type": "object", "properties": {"a": {}, "b": {}}, "dependentRequired": {"a": ["b", "c"]}},
    {"anyOf": [{"type": "null"}, {"type": "string", "minLength": 3}]},
    {"oneOf": [{"type": "integer", "multipleOf": 3}, {"type": "integer", "multipleOf": 5}]},
    {"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 4}, {"multipleOf": 4}]},
    {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {
                "type": "object",
                "properties": {"a": {"minimum": 9}, "b": {"type": "string"}},
                "required": ["b"],
            },
        ]
    },
    {
        "type": "object",
        "properties": {"kind": {"enum": ["card", "cash"]}, "number": {"type": "string"}},
        "required": ["kind"],
        "if": {"properties": {"kind": {"const": "card"}}},
        "then": {"required": ["number"]},
    },
    {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "not": {"required": ["b"]},
    },
    {"not": {"type": "string"}},
    {
        "$defs": {
            "a": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
            "b": {"type": "object", "properties": {"y": {"type": "string"}}, "required": ["y"]},
        },
        "allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}],
        "anyOf": [{"required": ["z"]}],
    },
    {
        "oneOf": [
            {
                "type": "object",
                "properties": {"t": {"const": "a"}, "x": {"type": "integer"}},
                "required": ["t", "x"],
            },
            {
                "type": "object",
                "properties": {"t": {"const": "b"}, "y": {"type": "string"}},
                "required": ["t", "y"],
            },
        ]
    },
    {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"n": {"type": "integer"}},
        "$ref": "#/definitions/n",
    },
    {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "type": "integer",
        "minimum": 5,
        "exclusiveMinimum": True,
    },
    TREE,
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: str(schema)[:60])
def test_a_value_fits_its_schema_and_is_the_same_every_time(schema: dict[str, Any]) -> None:
    value = fitting_value(schema, {"name": "Ada"})
    validator_for(schema, default=Draft202012Validator)(schema).validate(value)
    assert fitting_value(schema, {"name": "Ada"}) == value


@pytest.mark.parametrize(
    "kind",
    [
        "date-time",
        "date",
        "time",
        "email",
        "ipv4",
        "ipv6",
        "uuid",
        "regex",
        "duration",
        "json-pointer",
        "hostname",
        "uri",
    ],
)
def test_formats_are_met(kind: str) -> None:
    schema = {"type": "string", "format": kind}
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(
        fitting_value(schema, {})
    )


def test_facts_fill_the_properties_that_are_named_like_them() -> None:
    schema = {
        "type": "object",
        "properties": {
            "totalRevenue": {"type": "string"},
            "growth_rate": {"type": "number"},
            "region": {"enum": ["EMEA", "North America"]},
        },
    }
    facts = {"total_revenue": "$2.5M", "Growth rate": "18%", "region": "north america"}
    assert fitting_value(schema, facts) == {
        "totalRevenue": "$2.5M",
        "growth_rate": 18,
        "region": "North America",
    }


def test_a_fact_that_does_not_fit_is_left_out() -> None:
    schema = {
        "type": "object",
        "properties": {"rate": {"type": "integer", "maximum": 10}},
        "required": ["rate"],
    }
    assert fitting_value(schema, {"rate": "1800"})["rate"] <= 10


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(_json)
@settings(deadline=None)
def test_a_schema_made_from_an_example_is_met(example: Any) -> None:
    schema = schema_like(example)
    Draft202012Validator(schema).validate(fitting_value(schema, {}))


_leaf = st.one_of(
    st.fixed_dictionaries({"type": st.just("integer")}, optional={"minimum": st.integers(-50, 50)}),
    st.fixed_dictionaries({"type": st.just("string")}, optional={"minLength": st.integers(0, 30)}),
    st.fixed_dictionaries({"enum": st.lists(st.integers(), min_size=1, max_size=4, unique=True)}),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
)
_names = st.sampled_from(["name", "region", "total", "id"])
_schema = st.recursive(
    _leaf,
    lambda inner: st.one_of(
        st.builds(lambda item, n: {"type": "array", "items": item, "minItems": n}, inner, st.integers(0, 3)),
        st.builds(
            lambda properties: {
                "type": "object",
                "properties": properties,
                "required": sorted(properties),
                "additionalProperties": False,
            },
            st.dictionaries(_names, inner, max_size=3),
        ),
        st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=8,
)


@given(_schema)
@settings(deadline=None)
def test_any_ordinary_schema_is_met(schema: dict[str, Any]) -> None:
    value = fitting_value(schema, {"name": "Ada", "total": "12"})
    Draft202012Validator(schema).validate(value)
