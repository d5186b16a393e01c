"""Operations on payloads: what they change, and that they change nothing else."""

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.editor import draft
from dashboard.editor.payload import UNSET, StepGone, digest, index_of, keys_of, step_at, steps_of
from tests.editor.payloads import flow, payloads, prompt, sales


def keys(payload):
    return keys_of(steps_of(payload))


def test_steps_run_by_order_when_every_step_has_one():
    payload = flow({**prompt("late"), "order": 2}, {**prompt("early"), "order": 1})
    assert keys(payload) == ["early", "late"]


def test_steps_run_as_listed_when_one_has_no_order():
    payload = flow({**prompt("first"), "order": 2}, prompt("second"))
    assert keys(payload) == ["first", "second"]


def test_steps_are_found_under_flow_steps_too():
    payload = {"flow": {"name": "x", "flowSteps": [prompt("a")]}}
    assert keys(payload) == ["a"]
    changed, key = draft.add_step(payload, {"type": "prompt"})
    assert list(changed["flow"]) == ["name", "flowSteps"]
    assert keys(changed) == ["a", key]


def test_missing_and_repeated_ids_get_keys_that_tell_steps_apart():
    payload = flow(prompt(), prompt("a"), prompt("a"), prompt())
    assert keys(payload) == ["step_1", "a", "a#2", "step_4"]
    assert step_at(payload, "a#2") is payload["flow"]["steps"][2]


def test_a_key_that_is_gone_is_said():
    with pytest.raises(StepGone):
        index_of(sales(), "nowhere")


def test_a_new_step_gets_a_readable_id_and_a_name_of_its_own():
    payload, first = draft.add_step(flow(), {"type": "prompt", "name": "Prompt", "config": {}})
    payload, second = draft.add_step(payload, {"type": "prompt", "name": "Prompt", "config": {}})
    assert (first, second) == ("prompt", "prompt-2")
    assert [step["name"] for step in steps_of(payload)] == ["Prompt", "Prompt 2"]


def test_an_id_inside_a_branch_is_taken_too():
    inner = {"id": "prompt", "type": "prompt", "config": {}}
    payload = flow({"id": "if", "type": "conditional", "config": {"trueSteps": [inner]}})
    assert draft.add_step(payload, {"type": "prompt", "name": "Prompt"})[1] == "prompt-2"


def test_a_step_can_be_added_after_another():
    payload, key = draft.add_step(
        flow(prompt("a"), prompt("b")), {"type": "prompt", "name": "New"}, after="a"
    )
    assert keys(payload) == ["a", key, "b"]


def test_order_numbers_follow_an_added_step():
    payload = flow({**prompt("a"), "order": 1}, {**prompt("b"), "order": 2})
    changed, key = draft.add_step(payload, {"type": "prompt", "name": "New"}, after="a")
    assert keys(changed) == ["a", key, "b"]
    assert [step["order"] for step in steps_of(changed)] == [1, 2, 3]


def test_order_numbers_with_gaps_stay_where_they_can():
    payload = flow({**prompt("a"), "order": 10}, {**prompt("b"), "order": 20})
    changed, _ = draft.add_step(payload, {"type": "prompt", "name": "New"}, after="a")
    assert [step["order"] for step in steps_of(changed)] == [10, 11, 20]


@pytest.mark.parametrize(("by", "expected"), [(-1, ["b", "a", "c"]), (1, ["a", "c", "b"])])
def test_a_step_moves_one_place(by, expected):
    assert keys(draft.move_step_by(flow(prompt("a"), prompt("b"), prompt("c")), "b", by)) == expected


@pytest.mark.parametrize(("key", "by"), [("a", -1), ("c", 1)])
def test_at_the_end_of_the_list_a_step_stays(key, by):
    payload = flow(prompt("a"), prompt("b"), prompt("c"))
    assert draft.move_step_by(payload, key, by) is payload


def test_a_step_moves_behind_another_or_to_the_front():
    payload = flow(prompt("a"), prompt("b"), prompt("c"))
    assert keys(draft.move_step(payload, "a", "c")) == ["b", "c", "a"]
    assert keys(draft.move_step(payload, "c", None)) == ["c", "a", "b"]
    assert draft.move_step(payload, "b", "b") is payload


def test_a_move_hands_the_order_numbers_on():
    payload = flow({**prompt("a"), "order": 10}, {**prompt("b"), "order": 20})
    changed = draft.move_step_by(payload, "a", 1)
    assert [(step["id"], step["order"]) for step in steps_of(changed)] == [("b", 10), ("a", 20)]


def test_a_copy_stands_behind_its_original_with_an_id_of_its_own():
    changed, key = draft.duplicate_step(sales(), "analyze-sales")
    original, copy = steps_of(changed)
    assert copy["id"] == key != original["id"]
    assert copy["config"] == original["config"]
    assert copy["order"] == 2


def test_a_copied_branch_repeats_no_id():
    inner = {"id": "inner", "type": "prompt", "config": {}}
    payload = flow({"id": "if", "type": "conditional", "config": {"trueSteps": [inner], "keep": 1}})
    copied = steps_of(draft.duplicate_step(payload, "if")[0])[1]
    assert copied["config"] == {"trueSteps": [{"type": "prompt", "config": {}}], "keep": 1}


def test_a_deleted_step_can_be_put_back_as_it_was():
    payload = flow(prompt("a"), prompt("b"), prompt("c"))
    without, removed = draft.delete_step(payload, "b")
    assert keys(without) == ["a", "c"]
    back, key = draft.restore_step(without, removed)
    assert back == payload
    assert key == "b"


def test_a_step_is_put_back_at_the_end_when_its_place_is_gone():
    _, removed = draft.delete_step(flow(prompt("a"), prompt("b"), prompt("c")), "c")
    back, _ = draft.restore_step(flow(prompt("x")), removed)
    assert keys(back) == ["x", "c"]


def test_only_the_named_fields_of_a_step_change():
    payload = sales()
    changed = draft.set_step_fields(
        payload, "analyze-sales", {"temperature": 0.5, "outputVariable": UNSET}, when="a"
    )
    step = steps_of(changed)[0]
    assert step["config"]["temperature"] == 0.5
    assert "outputVariable" not in step["config"]
    assert step["when"] == "a"
    assert {n: v for n, v in step["config"].items() if n != "temperature"} == {
        n: v for n, v in steps_of(payload)[0]["config"].items() if n != "outputVariable"
    }
    assert changed["record"] is payload["record"]


def test_a_step_without_config_gets_one_only_when_there_is_something_in_it():
    payload = flow({"id": "a", "type": "prompt"})
    assert draft.set_step_fields(payload, "a", {"model": UNSET}) == payload
    assert steps_of(draft.set_step_fields(payload, "a", {"model": "demo"}))[0]["config"] == {"model": "demo"}


def test_a_change_keeps_the_list_as_it_was_written():
    payload = flow({**prompt("late"), "order": 2}, {**prompt("early"), "order": 1})
    changed = draft.rename_step(payload, "early", "First")
    assert [step["id"] for step in changed["flow"]["steps"]] == ["late", "early"]


def test_enabling_writes_nothing_when_nothing_changes():
    payload = flow(prompt("a"))
    assert draft.set_enabled(payload, "a", True) is payload
    off = draft.set_enabled(payload, "a", False)
    assert steps_of(off)[0]["enabled"] is False
    assert steps_of(draft.set_enabled(off, "a", True))[0]["enabled"] is True


def test_an_emptied_name_is_taken_out():
    assert "name" not in steps_of(draft.rename_step(sales(), "analyze-sales", ""))[0]
    same = sales()
    assert draft.rename_step(same, "analyze-sales", "Analyze Sales Performance") is same


def test_the_name_of_the_flow_changes_in_its_place():
    changed = draft.rename_flow(sales(), "Revenue")
    assert list(changed) == list(sales())
    assert list(changed["flow"]) == list(sales()["flow"])
    assert changed["flow"]["name"] == "Revenue"


@given(payloads, st.data())
def test_no_operation_changes_what_it_was_given_or_loses_a_step(payload, data):
    before = deepcopy(payload)
    key = data.draw(st.sampled_from(keys(payload)))
    other = data.draw(st.sampled_from([*keys(payload), None]))
    moved = draft.move_step(payload, key, other)
    nudged = draft.move_step_by(payload, key, data.draw(st.sampled_from([-1, 1])))
    copied, _ = draft.duplicate_step(payload, key)
    added, new_key = draft.add_step(payload, {"type": "prompt", "name": "New"}, other)
    without, removed = draft.delete_step(payload, key)
    draft.set_step_fields(payload, key, {"model": "m"}, when=UNSET)
    draft.set_enabled(payload, key, False)
    assert payload == before
    count = len(steps_of(payload))
    assert [len(steps_of(p)) for p in (moved, nudged, copied, added, without)] == [
        count,
        count,
        count + 1,
        count + 1,
        count - 1,
    ]
    assert new_key in keys(added)
    configs = sorted(digest(step.get("config")) for step in steps_of(payload))
    assert sorted(digest(step.get("config")) for step in steps_of(moved)) == configs
    assert len(steps_of(draft.restore_step(without, removed)[0])) == count


@given(payloads, st.data())
def test_a_deleted_step_comes_back_to_its_place(payload, data):
    key = data.draw(st.sampled_from(keys(payload)))
    at = index_of(payload, key)
    back, _ = draft.restore_step(*draft.delete_step(payload, key))
    restored = steps_of(back)[at]
    expected = steps_of(payload)[at]
    drop = ("order",)
    assert {n: v for n, v in restored.items() if n not in drop} == {
        n: v for n, v in expected.items() if n not in drop
    }
