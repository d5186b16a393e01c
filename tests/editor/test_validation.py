"""What is said about a draft, and beside which field."""

import pytest
from hypothesis import HealthCheck, given, settings

from dashboard.editor.examples import payloads as examples
from dashboard.editor.names import names_for
from dashboard.editor.validation import problems
from tests.editor.payloads import flow, payloads, prompt, sales


def said(payload, key="a", field=None):
    """(severity, message) of the problems of one step, of one field if it is named."""
    found = [p for p in problems(payload) if p.step_key == key and field in (None, p.field)]
    return [(p.severity, p.message) for p in found]


def one(payload, key="a", field=None):
    found = said(payload, key, field)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(("name", "payload"), examples())
def test_the_examples_have_no_problems(name, payload):
    assert problems(payload) == []


def test_an_empty_flow_is_a_note():
    (found,) = problems(flow())
    assert (found.severity, found.field) == ("note", "steps")


def test_a_missing_model_and_an_empty_prompt_are_said_beside_their_fields():
    payload = flow(prompt("a", model=" ", userPrompt=""))
    assert one(payload, field="model") == ("error", "Choose the model that answers.")
    assert "empty prompt" in one(payload, field="user_prompt")[1]


def test_a_message_is_not_needed_where_a_variable_is_named():
    step = {"id": "a", "type": "send-stream", "config": {"sourceVariable": "messages"}}
    assert said(flow(step)) == []
    assert one(flow({**step, "config": {}}), field="message")[0] == "error"


def test_an_unknown_variable_comes_with_the_nearest_known_names():
    payload = flow(prompt("a", userPrompt="{{ticket_txt}}"), inputs={"ticket_text": "…"})
    severity, message = one(payload, field="user_prompt")
    assert severity == "error"
    assert "“ticket_txt”" in message
    assert "Did you mean “ticket_text”?" in message


def test_a_field_that_the_sample_record_lacks_is_a_warning():
    payload = sales()
    payload["flow"]["steps"][0]["config"]["userPrompt"] = "{{_record.metadata.quater}}"
    severity, message = one(payload, "analyze-sales")
    assert severity == "warning"
    assert "“_record.metadata.quarter”" in message


def test_without_a_sample_record_any_field_may_be_read():
    assert said(flow(prompt("a", userPrompt="{{_record.metadata.anything}}"))) == []


def test_a_variable_set_later_names_the_step_that_sets_it():
    payload = flow(
        prompt("a", userPrompt="{{answer}}"), {**prompt("b", outputVariable="answer"), "name": "Second"}
    )
    assert one(payload)[1] == "“answer” is set by “Second”, which runs after this step."


def test_a_step_does_not_know_its_own_output():
    assert (
        "Nothing before this step"
        in one(flow(prompt("a", userPrompt="{{answer}}", outputVariable="answer")))[1]
    )


def test_a_variable_of_a_disabled_step_is_a_warning():
    off = {**prompt("off", outputVariable="answer"), "enabled": False, "name": "Asleep"}
    assert one(flow(off, prompt("a", userPrompt="{{answer}}"))) == (
        "warning",
        "“answer” is set by “Asleep”, which is disabled.",
    )


def test_a_disabled_step_is_not_checked():
    assert said(flow({**prompt("a", userPrompt="{{nowhere}}"), "enabled": False})) == []


@pytest.mark.parametrize(
    "reference",
    ["Sum up", "sum_up", "sum_up.response", "total", "user_message", "messages", "_record.name", "_error"],
)
def test_names_steps_and_given_values_are_known(reference):
    steps = [
        {**prompt("first"), "name": "Sum up"},
        {"id": "set", "type": "set-variable", "config": {"variableName": "total", "value": 1}},
    ]
    assert said(flow(*steps, prompt("a", userPrompt="{{" + reference + "}}"))) == []


def test_variables_of_branches_are_known_behind_them():
    inner = prompt("in", outputVariable="found")
    branch = {"id": "if", "type": "conditional", "config": {"condition": "true", "trueSteps": [inner]}}
    assert said(flow(branch, prompt("a", userPrompt="{{found}}"))) == []


@pytest.mark.parametrize("text", ["{{secrets:API_KEY}}", "{{secret:lower}}", "{{secret.KEY}}"])
def test_a_misspelt_secret_says_how_it_is_written(text):
    assert "{{secret:NAME}}" in one(flow(prompt("a", userPrompt=text)))[1]


@pytest.mark.parametrize("text", ["{{secret:API_KEY}}", "{{secrets.token}}"])
@pytest.mark.parametrize("field", ["userPrompt", "systemPrompt", "previousMessages"])
def test_a_secret_may_not_stand_where_a_model_sees_it(text, field):
    (found,) = said(flow(prompt("a", **{field: text})))
    assert "secret may not stand here" in found[1]


def test_values_inside_json_are_looked_into():
    step = {
        "id": "a",
        "type": "set-variable",
        "config": {"variableName": "x", "value": {"a": ["{{nowhere}}"]}},
    }
    assert "“nowhere”" in one(flow(step), field="value")[1]


def test_a_bad_schema_is_said():
    payload = flow(prompt("a", responseFormat="json", responseSchema={"type": "strin"}))
    assert "not a JSON Schema: type" in one(payload, field="response_schema")[1]
    remote = flow(prompt("a", responseFormat="json", responseSchema={"$ref": "https://example.org/x.json"}))
    assert "another address" in one(remote, field="response_schema")[1]


@pytest.mark.parametrize(
    ("field", "wire", "value", "says"),
    [
        ("temperature", "temperature", 3, "at most 2"),
        ("temperature", "temperature", -1, "at least 0"),
        ("temperature", "temperature", "{{t}}", "number"),
        ("max_tokens", "maxTokens", 1.5, "whole number"),
        ("model", "model", 5, "Text is needed"),
        ("response_format", "responseFormat", "xml", "not one that the step understands"),
    ],
)
def test_a_value_of_the_wrong_type_or_size_is_said_beside_its_field(field, wire, value, says):
    assert says in one(flow(prompt("a", **{wire: value})), field=field)[1]


@pytest.mark.parametrize("condition", ["(a > 1", "a]", "name === 'x", "`x"])
def test_a_condition_with_an_open_bracket_or_quote_is_said(condition):
    assert one(flow({**prompt("a"), "when": condition}), field="when")[0] == "error"


@pytest.mark.parametrize(
    "condition", ["a > 1 && b['x)'] === \"]\"", "list.some((x) => x.ok)", "it === 'don\\'t'"]
)
def test_a_sound_condition_is_left_alone(condition):
    assert said(flow({**prompt("a"), "when": condition})) == []


def test_a_kind_without_a_form_is_a_note_and_nothing_more():
    payload = flow({"id": "a", "type": "fetch-url", "config": {"http": {"url": "{{nowhere}}"}}})
    assert one(payload, field="type")[0] == "note"


def test_what_the_contract_refuses_stands_at_its_step():
    payload = flow(prompt("a"), prompt("a"))
    assert "Another step has the id a" in one(payload, "a#2", "id")[1]
    found = problems({**flow(prompt("a")), "options": {"flowMode": "sideways"}})
    assert [(p.step_key, p.field.split(".")[0]) for p in found] == [("", "options")]


def test_names_are_offered_nearest_first():
    payload = flow(prompt("one", outputVariable="first"), prompt("two", outputVariable="second"), prompt("a"))
    payload |= {"inputs": {"city": "Oslo"}, "record": {"name": "R", "type": "t", "metadata": {"k": 1}}}
    assert names_for(payload, "a").offered == [
        "second",
        "first",
        "city",
        "_record.metadata.k",
        "_record.name",
        "_record.type",
    ]
    assert names_for(payload, "one").offered[0] == "city"


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(payloads)
def test_any_payload_can_be_checked(payload):
    for found in problems(payload):
        assert found.message
        assert found.severity in ("error", "warning", "note")


def test_a_misspelt_step_name_before_a_path_is_found():
    payload = flow(prompt("one", outputVariable="verdict"), prompt("a", userPrompt="{{verdct.summary}}"))
    assert "Did you mean “verdict.summary”?" in one(payload)[1]
