"""Drafts in the database: compare-and-set, conflicts, examples, and what two versions differ in."""

import pytest

from dashboard.editor import draft, examples
from dashboard.editor.compare import differences, merged
from dashboard.editor.kinds import menu, new_step
from dashboard.editor.payload import digest, step_at, steps_of
from dashboard.editor.saving import Busy, Conflict, change, unless_changed, unless_step_changed
from dashboard.models import Flow, Record
from tests.editor.payloads import flow, prompt, sales


@pytest.fixture
def ana(member):
    return member("author")


@pytest.fixture
def ben(member):
    return member("author")


@pytest.fixture
def stored(workspace):
    payload = flow(prompt("a"), prompt("b"))
    return Flow.objects.create(workspace=workspace, name="Test", draft=payload, step_count=2)


def again(stored):
    return Flow.objects.get(pk=stored.pk)


def test_a_change_is_stored_with_who_and_what_lists_need(stored, ana):
    saved = change(
        stored, ana, lambda p: draft.add_step(draft.rename_flow(p, "Other"), {"type": "prompt"})[0]
    )
    found = again(stored)
    assert saved.stored
    assert (found.name, found.step_count, found.updated_by, found.revision) == ("Other", 3, ana.user, 2)


def test_steps_are_counted_under_either_name(workspace, ana):
    payload = {"flow": {"name": "x", "flowSteps": [prompt("a")]}}
    other = Flow.objects.create(workspace=workspace, name="x", draft=payload)
    change(other, ana, lambda p: draft.duplicate_step(p, "a")[0])
    assert again(other).step_count == 2


def test_a_change_that_changes_nothing_is_not_stored(stored, ana):
    assert not change(stored, ana, dict).stored
    assert again(stored).revision == 1


def test_a_change_that_only_turns_true_into_one_is_stored(stored, ana):
    change(stored, ana, lambda p: draft.set_step_fields(p, "a", {"x": True}))
    assert change(stored, ana, lambda p: draft.set_step_fields(p, "a", {"x": 1})).stored


def test_changes_of_different_steps_are_merged(stored, ana, ben):
    mine, theirs = again(stored), again(stored)
    change(theirs, ben, lambda p: draft.rename_step(p, "b", "Ben was here"))
    seen = digest(step_at(mine.draft, "a"))
    change(mine, ana, unless_step_changed("a", seen, lambda p: draft.rename_step(p, "a", "Ana was here")))
    assert [step["name"] for step in steps_of(again(stored).draft)] == ["Ana was here", "Ben was here"]


def test_a_change_of_the_same_step_is_a_conflict_and_stores_nothing(stored, ana, ben):
    mine, theirs = again(stored), again(stored)
    change(theirs, ben, lambda p: draft.rename_step(p, "a", "Ben was here"))
    seen = digest(step_at(mine.draft, "a"))
    with pytest.raises(Conflict) as conflict:
        change(mine, ana, unless_step_changed("a", seen, lambda p: draft.rename_step(p, "a", "Ana was here")))
    assert conflict.value.theirs["name"] == "Ben was here"
    assert step_at(again(stored).draft, "a")["name"] == "Ben was here"
    assert mine.updated_by == ben.user


def test_a_deleted_step_is_a_conflict_with_nothing_on_the_other_side(stored, ana, ben):
    mine = again(stored)
    change(again(stored), ben, lambda p: draft.delete_step(p, "a")[0])
    with pytest.raises(Conflict) as conflict:
        change(
            mine,
            ana,
            unless_step_changed(
                "a", digest(step_at(mine.draft, "a")), lambda p: draft.rename_step(p, "a", "X")
            ),
        )
    assert conflict.value.theirs is None


def test_a_part_of_the_payload_can_be_guarded(stored, ana):
    guard = digest(None)
    change(
        stored,
        ana,
        unless_changed(guard, lambda p: p.get("inputs"), lambda p: draft.set_top(p, inputs={"a": 1})),
    )
    with pytest.raises(Conflict):
        change(
            stored,
            ana,
            unless_changed(guard, lambda p: p.get("inputs"), lambda p: draft.set_top(p, inputs={})),
        )


def test_somebody_who_finds_no_gap_is_told(stored, ana, monkeypatch):
    monkeypatch.setattr(type(Flow.objects.all()), "save_draft", lambda *args: False)
    with pytest.raises(Busy):
        change(stored, ana, lambda p: draft.rename_flow(p, "Never"))


def test_differences_name_the_fields_of_the_config_one_by_one():
    mine = {"id": "a", "name": "Mine", "config": {"x": 1, "y": "same"}}
    theirs = {"id": "a", "name": "Theirs", "config": {"x": True, "y": "same", "z": None}}
    assert [(row.name, row.mine, row.theirs) for row in differences(mine, theirs)] == [
        ("name", "Mine", "Theirs"),
        ("config.x", "1", "true"),
        ("config.z", "", "null"),
    ]


def test_my_changes_are_laid_over_theirs_field_by_field():
    base = {"id": "a", "name": "Old", "when": "x", "config": {"one": 1, "two": 2, "gone": 3}}
    mine = {"id": "a", "name": "Mine", "when": "x", "config": {"one": 10, "two": 2}}
    theirs = {
        "id": "a",
        "name": "Old",
        "when": "theirs",
        "config": {"one": 1, "two": 20, "gone": 3, "new": 4},
    }
    assert merged(base, mine, theirs) == {
        "id": "a",
        "name": "Mine",
        "when": "theirs",
        "config": {"one": 10, "two": 20, "new": 4},
    }
    assert merged(base, mine, None) == mine


def test_examples_are_loaded_once_whatever_becomes_of_them(workspace, other_workspace):
    count = len(examples.payloads())
    assert examples.load(workspace) == count
    Flow.objects.filter(workspace=workspace).update(name="Renamed")
    assert examples.load(workspace) == 0
    assert examples.load(other_workspace) == count
    assert Flow.objects.filter(workspace=workspace).count() == count


def test_the_first_example_is_the_documented_one(workspace):
    examples.load(workspace)
    first = Flow.objects.filter(workspace=workspace).order_by("-updated_at").first()
    assert (first.name, first.step_count) == ("Sales Analysis", 1)
    assert first.draft == sales()
    record = Record.objects.get(workspace=workspace, type="report")
    assert record.name == "Q4 Sales Report"
    assert set(record.metadata) == {
        "quarter",
        "region",
        "growth_rate",
        "sales_team",
        "total_revenue",
        "top_products",
    }


def test_the_menu_has_every_kind_with_its_help():
    kinds = [kind for group in menu() for kind in group.kinds]
    assert {"prompt", "set-variable", "send-stream"} <= {kind.kind for kind in kinds}
    assert all(kind.help.endswith(".") for kind in kinds)
    assert all(kind.group == group.title for group in menu() for kind in group.kinds)


def test_a_new_step_takes_the_model_in_use_and_a_variable_of_its_own():
    payload = flow(prompt("a", model="claude-x", outputVariable="answer"))
    assert new_step(payload, "prompt") == {
        "type": "prompt",
        "name": "Prompt",
        "config": {"model": "claude-x", "outputVariable": "answer_2"},
    }
    assert new_step(flow(), "prompt")["config"]["model"] == "demo"
    with pytest.raises(LookupError):
        new_step(flow(), "no-such-kind")
