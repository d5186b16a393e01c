"""Forms made from Configs: what they show, what they read back, and that untouched values stay untouched."""

from typing import Annotated, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field

import dashboard.steps
from dashboard.editor.fields import form_for
from dashboard.editor.payload import UNSET
from dashboard.engine.fieldtypes import (
    Advanced,
    Config,
    Json,
    JsonSchema,
    LongTemplate,
    ModelName,
    OptionalCount,
    OptionalNumber,
    ShownWhen,
    VariableName,
)
from dashboard.engine.registry import registry_of
from dashboard.steps.prompt import PromptConfig
from tests.editor.browser_like import post_of
from tests.editor.payloads import payloads


class Everything(Config):
    """One field of each sort, as a step kind of tomorrow might have them."""

    model: ModelName = Field(default="", title="Model", description="Who answers.")
    body: LongTemplate = ""
    name: VariableName = ""
    plain: str = "as it is"
    size: Literal["small", "north-east", "json"] = "small"
    maybe: Literal["a", "b"] | None = None
    wanted: bool = True
    switch: bool | None = None
    score: Annotated[OptionalNumber, Advanced("Numbers")] = Field(default=None, ge=0)
    count: Annotated[OptionalCount, Advanced("Numbers")] = None
    value: Json = None
    schema_of: Annotated[JsonSchema, ShownWhen("size", ("json",))] = None
    headers: dict[str, str] = Field(default_factory=dict)
    tags: list[str] | None = None
    effort: bool | int | Literal["low", "high"] | dict[str, Any] | None = None


def everything(config: dict[str, Any] | None = None, **changes: str) -> Any:
    empty = form_for(Everything)(config or {})
    return form_for(Everything)(config or {}, post_of(empty, **changes))


def test_an_untouched_form_changes_nothing():
    assert everything().changes() == {}


@pytest.mark.parametrize(
    ("field", "typed", "expected"),
    [
        ("model", "gpt-4", {"model": "gpt-4"}),
        ("body", "Hi {{name}}\r\nthere", {"body": "Hi {{name}}\nthere"}),
        ("plain", "other", {"plain": "other"}),
        ("size", "north-east", {"size": "north-east"}),
        ("maybe", "b", {"maybe": "b"}),
        ("switch", "false", {"switch": False}),
        ("score", "0.5", {"score": 0.5}),
        ("score", "1", {"score": 1}),
        ("score", "0,5", {"score": 0.5}),
        ("score", ".5", {"score": 0.5}),
        ("count", " 20 ", {"count": 20}),
        ("value", "just text", {"value": "just text"}),
        ("value", "{{messages}}", {"value": "{{messages}}"}),
        ("value", '{"a": [1, 1.0, true]}', {"value": {"a": [1, 1.0, True]}}),
        ("value", "5", {"value": 5}),
        ("value", '"5"', {"value": "5"}),
        ("schema_of", '{"type": "object"}', {"schemaOf": {"type": "object"}}),
        ("headers", '{"X-A": "1"}', {"headers": {"X-A": "1"}}),
        ("tags", '["a"]', {"tags": ["a"]}),
        ("effort_0", "high", {"effort": "high"}),
        ("effort_0", "true", {"effort": True}),
    ],
)
def test_a_changed_field_is_written_under_its_wire_name(field, typed, expected):
    form = everything(None, **{field: typed})
    assert form.changes() == expected
    assert not form.errors


def test_a_tick_that_is_taken_away_is_written():
    form = form_for(Everything)({})
    data = post_of(form)
    del data["config-wanted"]
    assert form_for(Everything)({}, data).changes() == {"wanted": False}


def test_a_custom_value_is_chosen_and_written_as_json():
    assert everything(None, effort_0="other", effort_1='{"budget": 5}').changes() == {"effort": {"budget": 5}}
    assert everything(None, effort_0="other", effort_1="1024").changes() == {"effort": 1024}


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("score", "warm", "Write a number"),
        ("score", "1e999", "Write a number"),
        ("score", "true", "Write a number"),
        ("count", "1.5", "Write a whole number"),
        ("value", '{"a": ', "not valid JSON"),
        ("headers", "X-A: 1", "not valid JSON"),
        ("schema_of", "[", "line 1"),
        ("maybe", "c", "of the list"),
        ("effort_0", "other", "as JSON"),
        ("body", "a\0b", "NUL"),
    ],
)
def test_what_cannot_be_read_is_said_beside_the_field_and_not_written(field, typed, says):
    form = everything(None, **{field: typed, "model": "kept"})
    assert form.changes() == {"model": "kept"}
    assert says in str(form.errors[field.removesuffix("_0")])


@pytest.mark.parametrize("raw", ["x", 5])
def test_an_emptied_field_is_taken_out(raw):
    config = {"value": raw, "score": 1, "body": "text", "keep": 1}
    changes = everything(config, value="", score="", body="").changes()
    assert changes == {"value": UNSET, "score": UNSET, "body": UNSET}


def test_a_field_spelled_the_python_way_stays_spelled_that_way():
    assert everything({"schema_of": {"type": "string"}}, schema_of='{"type": "number"}').changes() == {
        "schema_of": {"type": "number"}
    }


@pytest.mark.parametrize(
    "config",
    [
        {"score": "{{temperature}}", "count": 1.5, "wanted": "yes", "size": "huge", "maybe": None},
        {"model": "two\nlines", "body": {"not": "text"}, "plain": None, "name": ["a"]},
        {"switch": None, "switch2": 1, "effort": 1.0, "tags": None, "headers": None},
        {"value": "5", "body": "a\r\nb\rc\n", "plain": "  spaces  "},
        {"value": "[1] is a text", "score": 10**20, "effort": False},
        {"value": "", "body": "\n\nstarts with lines", "headers": {"a": {"b": [1, 2.0, None]}}},
    ],
)
def test_unusual_values_survive_an_untouched_form(config):
    assert everything(config).changes() == {}


def test_a_value_of_another_type_is_edited_as_json():
    form = form_for(Everything)({"score": "{{temperature}}"})
    assert form["score"].initial == '"{{temperature}}"'
    assert "unusual" in form["score"].help_text
    assert everything({"score": "{{temperature}}"}, score="0.3").changes() == {"score": 0.3}


def test_labels_help_and_groups_come_from_the_config():
    form = form_for(Everything)({})
    assert (form["model"].label, form["model"].help_text) == ("Model", "Who answers.")
    assert form["schema_of"].label == "Schema of"
    assert [group.title for group in form.groups()] == ["Numbers"]
    assert [part.bound.name for part in form.groups()[0].parts] == ["score", "count"]
    assert "score" not in [part.bound.name for part in form.main()]
    assert dict(form.fields["size"].widget.choices)["north-east"] == "North east"
    assert dict(form.fields["size"].widget.choices)["json"] == "JSON"


def test_a_field_says_on_what_its_sight_depends():
    part = next(part for part in form_for(Everything)({}).parts() if part.bound.name == "schema_of")
    assert part.shown_when == {"name": "config-size", "values": "json"}


def test_a_group_counts_as_used_only_when_something_differs_from_the_defaults():
    assert not form_for(Everything)({"score": None}).groups()[0].is_set
    assert form_for(Everything)({"score": 1}).groups()[0].is_set


def test_the_prompt_form_reads_all_its_options():
    config = {
        "model": "gpt-4",
        "userPrompt": "Hi",
        "responseFormat": {"type": "json_schema"},
        "reasoning": 2048,
    }
    form = form_for(PromptConfig)(config)
    assert form["response_format"].initial[0] == "other"
    changed = form_for(PromptConfig)(
        config, post_of(form, response_format_0="json", reasoning_0="low", top_k="40")
    )
    assert changed.changes() == {"responseFormat": "json", "reasoning": "low", "topK": 40}


@pytest.mark.parametrize("kind", registry_of(dashboard.steps).all(), ids=lambda kind: kind.kind)
def test_every_step_kind_has_a_form_that_reads_its_example(kind):
    form = form_for(kind.Config)(kind.example)
    assert form_for(kind.Config)(kind.example, post_of(form)).changes() == {}
    empty = form_for(kind.Config)({})
    assert all(part.bound.label for part in empty.parts())


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(payloads, st.sampled_from(registry_of(dashboard.steps).all()))
def test_no_config_whatever_changes_by_going_through_its_form(payload, kind):
    for steps in (payload["flow"].get("steps"), payload["flow"].get("flowSteps")):
        for step in steps or []:
            config = step.get("config", {})
            form = form_for(kind.Config)(config)
            back = form_for(kind.Config)(config, post_of(form))
            assert back.changes() == {}
            assert not back.errors
