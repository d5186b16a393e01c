"""The flow editor without a browser: the page, the list of steps, plain form posts and what htmx gets."""

import json
import re
from html import unescape
from urllib.parse import urlencode

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given, settings

from dashboard.editor import draft
from dashboard.editor.payload import keys_of, step_at, steps_of
from dashboard.editor.saving import change
from dashboard.models import Flow
from tests.editor.browser_like import posted
from tests.editor.payloads import flow, payloads, prompt, sales

HTMX = {"HX-Request": "true"}


@pytest.fixture
def client(signed_in_client):
    return signed_in_client("author")


@pytest.fixture
def ben(member):
    return member("author", email="ben@example.org")


@pytest.fixture
def store(workspace):
    def make(*steps, **rest):
        payload = flow(
            *(steps or (prompt("a", outputVariable="one"), prompt("b", userPrompt="{{one}}"))), **rest
        )
        return Flow.objects.create(workspace=workspace, name="Test", draft=payload, step_count=len(steps))

    return make


def again(stored):
    return Flow.objects.get(pk=stored.pk)


def keys(stored):
    return keys_of(steps_of(again(stored).draft))


def shown(client, stored, query="?step=a"):
    answer = client.get(reverse("flow", args=[stored.pk]) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def address(name, stored, query=""):
    return reverse(name, args=[stored.pk]) + query


# --- the page ---------------------------------------------------------------------------------------------------


def test_the_address_says_which_step_is_open(client, store):
    stored = store()
    assert 'value="one"' in shown(client, stored, "?step=a")
    assert "{{one}}" in shown(client, stored, "?step=b")


def test_without_a_step_in_the_address_the_first_is_open(client, store):
    assert 'value="one"' in shown(client, store(), "")


def test_a_step_that_is_gone_is_said(client, store):
    assert "This step is not in the flow" in shown(client, store(), "?step=nowhere")


@pytest.mark.parametrize(
    "query", ["?step=%00", "?tab=<script>", "?pane=../..", "?step=" + "x" * 5000, "?details=1"]
)
def test_a_strange_address_is_a_page_all_the_same(client, store, query):
    html = shown(client, store(), query)
    assert "<script>" not in html.split("<body")[1]


def test_problems_stand_beside_their_field_and_count_in_the_list(client, store):
    html = shown(client, store(prompt("a", userPrompt="{{on}}"), inputs={"one": 1}), "?step=a")
    slot = html.split('id="id_config-user_prompt_problem"')[1].split("</div></div>")[0]
    assert "Did you mean “one”" in slot
    assert 'badge--red" title="1 problem"' in html
    assert re.search(r'<textarea name="config-user_prompt"[^>]*aria-invalid="true"', html)


def test_the_page_offers_the_names_before_the_step(client, store):
    html = shown(client, store(), "?step=b")
    assert 'aria-label="Insert one"' in html
    assert "[&quot;one&quot;]" in html
    assert 'aria-label="Insert one"' not in shown(client, store(), "?step=a")


def test_help_texts_and_advanced_groups_are_there(client, store):
    html = shown(client, store())
    assert "Which model answers, such as gpt-4" in html
    for title in ("Sampling", "Reasoning", "Conversation", "Limits", "When and how it runs"):
        assert f"<legend>{title}</legend>" in html


def test_a_step_of_a_kind_without_a_form_is_json(client, store):
    html = shown(client, store({"id": "a", "type": "fetch-url", "config": {"http": {"url": "https://x"}}}))
    assert 'name="raw"' in html
    assert "have no form here" in html


def test_names_and_values_are_escaped(client, store):
    evil = '"><img src=x onerror=alert(1)>'
    step = {**prompt("a", userPrompt=evil, model=evil), "name": evil, "when": evil}
    assert "<img src=x" not in shown(client, store(step, inputs={evil: 1}, record={"name": evil}))


def test_a_reader_sees_everything_and_can_change_nothing(signed_in_client, store):
    stored = store()
    html = shown(signed_in_client("viewer"), stored)
    assert "hx-post" not in html
    assert "Add step" not in html
    assert posted(html, "step-form").keys() <= {"csrfmiddlewaretoken", "base", "name"}


def test_the_number_of_queries_does_not_grow_with_the_steps(client, store, django_assert_max_num_queries):
    stored = store(*(prompt(f"s{number}") for number in range(60)))
    shown(client, stored, "?tab=sample")
    with django_assert_max_num_queries(9):
        shown(client, stored, "?tab=sample")


# --- the list of steps ------------------------------------------------------------------------------------------


def test_a_step_is_added_last_and_opened(client, store):
    stored = store()
    answer = client.post(address("flow_step_add", stored), {"kind": "set-variable"})
    assert keys(stored) == ["a", "b", "set-variable"]
    assert answer.url == address("flow", stored, "?step=set-variable&pane=form")


def test_an_unknown_kind_is_refused_in_words(client, store):
    stored = store()
    answer = client.post(address("flow_step_add", stored), {"kind": "../evil"})
    assert answer.status_code == 422
    assert "There is no kind of step" in answer.content.decode()
    assert keys(stored) == ["a", "b"]


def test_moving_keeps_the_open_step_open(client, store):
    stored = store()
    answer = client.post(address("flow_step_move", stored, "?step=a&tab=curl"), {"key": "b", "by": "-1"})
    assert keys(stored) == ["b", "a"]
    assert answer.url == address("flow", stored, "?step=a&tab=curl")
    client.post(address("flow_step_move", stored), {"key": "b", "after": "a"})
    assert keys(stored) == ["a", "b"]


def test_the_open_step_without_an_id_is_followed_when_its_number_changes(client, store):
    stored = store(prompt(userPrompt="first"), prompt(userPrompt="second"))
    answer = client.post(address("flow_step_move", stored, "?step=step_1"), {"key": "step_1", "by": "1"})
    assert answer.url == address("flow", stored, "?step=step_2")


def test_duplicate_disable_and_delete(client, store):
    stored = store()
    client.post(address("flow_step_copy", stored), {"key": "a"})
    assert len(keys(stored)) == 3
    client.post(address("flow_step_enable", stored), {"key": "a", "enabled": "0"})
    assert step_at(again(stored).draft, "a")["enabled"] is False
    client.post(address("flow_step_enable", stored), {"key": "a", "enabled": "1"})
    assert step_at(again(stored).draft, "a")["enabled"] is True
    client.post(address("flow_step_delete", stored), {"key": "a"})
    assert "a" not in keys(stored)


def test_a_deleted_step_can_be_undone_until_the_next_change(client, store):
    stored = store()
    before = again(stored).draft
    client.post(address("flow_step_delete", stored, "?step=a"), {"key": "a"})
    assert "Undo" in shown(client, stored, "")
    client.post(address("flow_step_restore", stored))
    assert again(stored).draft == before
    assert "Undo" not in shown(client, stored, "")
    client.post(address("flow_step_delete", stored), {"key": "a"})
    client.post(address("flow_step_add", stored), {"kind": "prompt"})
    client.post(address("flow_step_restore", stored))
    assert "a" not in keys(stored)


def test_the_last_step_can_be_deleted(client, store):
    stored = store(prompt("a"))
    answer = client.post(address("flow_step_delete", stored, "?step=a"), {"key": "a"}, follow=True)
    assert keys(stored) == []
    assert "No steps yet" in answer.content.decode()


@pytest.mark.parametrize("name", ["flow_step_move", "flow_step_copy", "flow_step_enable", "flow_step_delete"])
def test_a_step_that_somebody_deleted_is_said_and_nothing_changes(client, store, name):
    stored = store()
    answer = client.post(address(name, stored), {"key": "gone", "by": "1"})
    assert answer.status_code == 409
    assert "not in the flow any more" in answer.content.decode()
    assert keys(stored) == ["a", "b"]


# --- saving a step ----------------------------------------------------------------------------------------------


def form_of(client, stored, query="?step=a", form="step-form"):
    return posted(shown(client, stored, query), form)


def save(client, stored, data, key="a", **headers):
    return client.post(address("flow_step", stored, f"?step={key}"), data, headers=headers)


def test_a_plain_form_post_saves_and_leads_back(client, store):
    stored = store()
    data = form_of(client, stored) | {"config-user_prompt": "Ask this", "name": "Ask"}
    answer = save(client, stored, data)
    assert answer.url == address("flow", stored, "?step=a")
    assert step_at(again(stored).draft, "a") == {
        **prompt("a", outputVariable="one", userPrompt="Ask this"),
        "name": "Ask",
    }


def test_unknown_fields_and_unset_defaults_stay_as_they_are(client, store):
    step = {**prompt("a", future={"x": [1.0]}), "x-extra": None}
    stored = store(step, **{"y-extra": 1})
    save(client, stored, form_of(client, stored) | {"config-temperature": "0.2"})
    assert json.dumps(again(stored).draft) == json.dumps(
        {
            "flow": {"name": "Test", "steps": [{**step, "config": {**step["config"], "temperature": 0.2}}]},
            "y-extra": 1,
        }
    )


def test_extra_fields_of_a_post_change_nothing(client, store):
    stored = store()
    data = form_of(client, stored) | {"workspace": "9", "archived_at": "x", "config-nope": "1", "owner": "me"}
    save(client, stored, data)
    assert again(stored).revision == 1


def test_htmx_gets_the_pieces_that_follow_from_a_save(client, store):
    stored = store()
    data = form_of(client, stored) | {"config-user_prompt": "{{nowhere}}"}
    answer = save(client, stored, data, **HTMX)
    html = answer.content.decode()
    assert answer.status_code == 200
    assert "<html" not in html
    for target in ("#saved", "#step-list", "#step-base", "#payload-source", "#id_config-user_prompt_problem"):
        assert f'<hx-partial hx-target="{target}"' in html
    assert "Nothing before this step sets" in html
    base = unescape(html.split('id="step-base" value="')[1].split('"')[0])
    assert json.loads(base) == step_at(again(stored).draft, "a")


def test_what_cannot_be_read_is_marked_and_the_rest_is_saved(client, store):
    stored = store()
    data = form_of(client, stored) | {"config-temperature": "warm", "config-model": "gpt-4"}
    answer = save(client, stored, data)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "Write a number" in html
    assert 'value="warm"' in html
    assert step_at(again(stored).draft, "a")["config"]["model"] == "gpt-4"
    assert "temperature" not in step_at(again(stored).draft, "a")["config"]
    partial = save(client, stored, form_of(client, stored) | {"config-temperature": "warm"}, **HTMX)
    assert partial.status_code == 422
    assert "Saved, except" in partial.content.decode()


def test_two_people_on_different_steps_do_not_notice_each_other(client, store, ben):
    stored = store()
    data = form_of(client, stored) | {"config-user_prompt": "Mine"}
    change(again(stored), ben, lambda p: draft.rename_step(p, "b", "Ben's"))
    assert save(client, stored, data, **HTMX).status_code == 200
    assert step_at(again(stored).draft, "a")["config"]["userPrompt"] == "Mine"
    assert step_at(again(stored).draft, "b")["name"] == "Ben's"


@pytest.fixture
def clash(client, store, ben):
    """Ana has the form of step a open; Ben has changed its model meanwhile."""
    stored = store()
    data = form_of(client, stored) | {"config-user_prompt": "Mine"}
    change(again(stored), ben, lambda p: draft.set_step_fields(p, "a", {"model": "bens-model"}))
    return stored, data


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_the_same_step_is_a_conflict_with_both_versions_and_nothing_stored(client, clash, headers):
    stored, data = clash
    answer = save(client, stored, data, **headers)
    html = answer.content.decode()
    assert answer.status_code == 409
    for text in (
        "ben@example.org",
        "changed this step",
        "Keep mine",
        "Take theirs",
        "<pre>Mine</pre>",
        "<pre>Hello</pre>",
    ):
        assert text in html
    assert "They also changed <code>config.model</code>" in html
    assert step_at(again(stored).draft, "a")["config"] == {
        "model": "bens-model",
        "userPrompt": "Hello",
        "outputVariable": "one",
    }


def keep_mine(client, stored, html):
    form = html.split("step/mine")[1].split("</form>")[0]
    data = posted(f'<form id="f"><i {form}</form>', "f")
    return client.post(address("flow_step_mine", stored, "?step=a"), data)


def test_keeping_mine_lays_my_changes_over_theirs(client, clash):
    stored, data = clash
    html = save(client, stored, data).content.decode()
    keep_mine(client, stored, html)
    assert step_at(again(stored).draft, "a")["config"] == {
        "model": "bens-model",
        "userPrompt": "Mine",
        "outputVariable": "one",
    }


def test_keeping_mine_is_a_conflict_again_when_theirs_changed_once_more(client, clash, ben):
    stored, data = clash
    html = save(client, stored, data).content.decode()
    change(again(stored), ben, lambda p: draft.rename_step(p, "a", "And again"))
    assert keep_mine(client, stored, html).status_code == 409
    assert step_at(again(stored).draft, "a")["name"] == "And again"


def test_a_step_that_was_deleted_meanwhile_can_be_kept(client, store, ben):
    stored = store()
    data = form_of(client, stored) | {"config-user_prompt": "Mine"}
    change(again(stored), ben, lambda p: draft.delete_step(p, "a")[0])
    answer = save(client, stored, data)
    assert answer.status_code == 409
    assert "deleted this step" in answer.content.decode()
    keep_mine(client, stored, answer.content.decode())
    assert step_at(again(stored).draft, "a")["config"]["userPrompt"] == "Mine"


def test_a_form_without_changes_shows_what_somebody_else_saved(client, clash):
    stored, data = clash
    data.pop("config-user_prompt")
    answer = save(client, stored, data, **HTMX)
    assert answer.status_code == 200
    assert 'hx-target="#form-pane"' in answer.content.decode()
    assert "bens-model" in answer.content.decode()


def test_an_unreadable_field_beside_somebody_elses_change_loses_neither(client, clash):
    stored, data = clash
    data = data | {"config-user_prompt": "Hello", "config-temperature": "warm"}
    answer = save(client, stored, data, **HTMX)
    assert answer.status_code == 422
    base = unescape(answer.content.decode().split('id="step-base" value="')[1].split('"')[0])
    assert json.loads(base) == json.loads(data["base"])
    assert save(client, stored, data | {"config-temperature": "0.5"}).status_code == 409


def test_a_form_with_a_broken_base_is_compared_with_the_step_as_it_is(client, store):
    stored = store()
    for base in ("", "{", "[]", "5"):
        save(client, stored, form_of(client, stored) | {"base": base, "config-user_prompt": f"Now {base}"})
        assert step_at(again(stored).draft, "a")["config"]["userPrompt"] == f"Now {base}"


def test_a_step_without_a_form_is_saved_as_json(client, store):
    stored = store({"id": "a", "type": "fetch-url", "config": {"http": {"url": "https://x"}}})
    data = form_of(client, stored)
    assert save(client, stored, data).status_code == 302
    assert again(stored).revision == 1
    answer = save(client, stored, data | {"raw": '{"id": "renamed", "type": "fetch-url", "config": {}}'})
    assert answer.url == address("flow", stored, "?step=renamed")
    broken = save(client, stored, form_of(client, stored, "?step=renamed") | {"raw": "{nope"}, key="renamed")
    assert broken.status_code == 422
    assert "{nope" in broken.content.decode()
    assert save(client, stored, data | {"raw": '{"id": 1}'}, key="renamed").status_code == 422


@settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
@given(payloads)
def test_import_open_save_unchanged_export_is_the_same_payload(client, payload):
    Flow.objects.all().delete()
    client.post(reverse("flow_import"), {"text": json.dumps(payload, ensure_ascii=False)})
    stored = Flow.objects.get()
    for key in keys(stored):
        page = client.get(reverse("flow", args=[stored.pk]), {"step": key}).content.decode()
        data = posted(page, "step-form")
        assert "base" in data
        answer = client.post(reverse("flow_step", args=[stored.pk]) + "?" + urlencode({"step": key}), data)
        assert answer.status_code == 302, answer.content.decode()
    for query, form, name in (
        ("tab=sample", "sample-form", "flow_sample"),
        ("", "payload-form", "flow_payload"),
    ):
        page = client.get(reverse("flow", args=[stored.pk]) + f"?{query}").content.decode()
        client.post(reverse(name, args=[stored.pk]) + f"?{query}", posted(page, form))
    exported = client.get(reverse("flow_export", args=[stored.pk])).content
    assert json.dumps(json.loads(exported)) == json.dumps(payload)


# --- details, sample, payload -----------------------------------------------------------------------------------


def test_the_flow_is_renamed_and_described(client, store):
    stored = store()
    data = form_of(client, stored, "?details=1", "details-form")
    client.post(address("flow_details", stored), data | {"name": "Better", "description": "Why\r\nand how"})
    found = again(stored)
    assert (found.name, found.description) == ("Better", "Why\nand how")
    assert found.draft["flow"]["description"] == "Why\nand how"
    refused = client.post(address("flow_details", stored), data | {"name": " "})
    assert refused.status_code == 422
    assert again(stored).name == "Better"


def test_a_name_that_somebody_else_changed_is_a_conflict(client, store, ben):
    stored = store()
    data = form_of(client, stored, "?details=1", "details-form")
    change(again(stored), ben, lambda p: draft.rename_flow(p, "Ben's"))
    answer = client.post(address("flow_details", stored), data | {"name": "Mine"})
    assert answer.status_code == 409
    assert 'value="Mine"' in answer.content.decode()
    assert again(stored).name == "Ben's"


def test_the_sample_is_saved_part_by_part(client, store):
    stored = store(record={"name": "R", "type": "t", "metadata": {"x": 1.0}})
    data = form_of(client, stored, "?tab=sample", "sample-form")
    client.post(address("flow_sample", stored), data | {"sample-inputs": '{"city": "Oslo"}'})
    assert again(stored).draft["inputs"] == {"city": "Oslo"}
    assert json.dumps(again(stored).draft["record"]) == '{"name": "R", "type": "t", "metadata": {"x": 1.0}}'


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_sample_that_is_no_json_comes_back_and_is_not_saved(client, store, headers):
    stored = store()
    data = form_of(client, stored, "?tab=sample", "sample-form") | {"sample-record": '{"broken'}
    answer = client.post(address("flow_sample", stored, "?tab=sample"), data, headers=headers)
    assert answer.status_code == 422
    assert "not valid JSON" in answer.content.decode()
    assert "record" not in again(stored).draft


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_sample_that_somebody_else_changed_is_a_conflict(client, store, ben, headers):
    stored = store(inputs={"a": 1})
    data = form_of(client, stored, "?tab=sample", "sample-form") | {"sample-inputs": '{"a": "mine"}'}
    change(again(stored), ben, lambda p: draft.set_top(p, inputs={"a": "theirs"}))
    answer = client.post(address("flow_sample", stored, "?tab=sample"), data, headers=headers)
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "mine" in html
    assert "theirs" in html
    assert again(stored).draft["inputs"] == {"a": "theirs"}
    assert "hx-trigger" not in html.split('id="sample-form"')[1].split("</form>")[0]


def test_the_forms_follow_an_edited_payload(client, store):
    stored = store()
    data = form_of(client, stored, "", "payload-form")
    answer = client.post(
        address("flow_payload", stored), data | {"payload": json.dumps(sales())}, follow=True
    )
    assert "Analyze Sales Performance" in answer.content.decode()
    assert again(stored).draft == sales()


def test_a_payload_with_a_mistake_says_the_line_and_keeps_the_text(client, store):
    stored = store()
    answer = client.post(address("flow_payload", stored), {"payload": '{\n"flow": oops\n}', "seen": ""})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "line 2" in html
    assert "oops" in html
    assert 'data-line="2"' in html
    assert again(stored).revision == 1


def test_an_edited_payload_over_somebody_elses_change_shows_the_difference(client, store, ben):
    stored = store()
    data = form_of(client, stored, "", "payload-form")
    mine = json.loads(data["payload"])
    mine["flow"]["name"] = "Mine"
    change(again(stored), ben, lambda p: draft.rename_flow(p, "Ben's"))
    answer = client.post(address("flow_payload", stored), data | {"payload": json.dumps(mine)})
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "-    &quot;name&quot;: &quot;Ben&#x27;s&quot;" in html
    assert again(stored).name == "Ben's"
    client.post(address("flow_payload", stored), posted(html, "payload-form"))
    assert again(stored).name == "Mine"


def test_the_curl_of_the_page_names_this_server(client, store, settings):
    stored = store()
    html = shown(client, stored, "?tab=curl")
    assert "http://testserver/v1/dispatch" in html
    assert stored.pk in html
    assert "$SIGNALBOX_KEY" in html
    settings.PUBLIC_URL = "https://signal.example"
    assert "https://signal.example/v1/dispatch" in shown(client, stored, "?tab=curl")
