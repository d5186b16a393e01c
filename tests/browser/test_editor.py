"""Authoring in a real browser: typing, saving, conflicts, keyboard, and all of it without JavaScript."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from dashboard.editor import draft, examples
from dashboard.editor.payload import keys_of, step_at, steps_of
from dashboard.editor.saving import change
from dashboard.models import Flow, Member, Run, Workspace
from tests.browser.conftest import PHONE, WIDE, axe, overflow
from tests.editor.payloads import flow, prompt, sales

pytestmark = pytest.mark.browser


@pytest.fixture
def stored(workspace: Workspace) -> Flow:
    payload = flow(
        {**prompt("first", outputVariable="one"), "name": "First"},
        {**prompt("second", userPrompt="Use {{one}}"), "name": "Second"},
        inputs={"city": "Oslo"},
    )
    return Flow.objects.create(workspace=workspace, name="Two steps", draft=payload, step_count=2)


@pytest.fixture
def editor(
    open_page: Callable[..., Page], member: Callable[..., Member], stored: Flow
) -> Callable[..., Page]:
    def open_editor(query: str = "", who: Member | None = None, **options: Any) -> Page:
        return open_page(f"/flows/{stored.pk}{query}", member=who or member("author"), **options)

    return open_editor


def saved(page: Page) -> None:
    expect(page.locator("#saved")).to_contain_text("Saved ")


def code(page: Page, label: str) -> Locator:
    """The code editor over a field."""
    return page.locator(f'.cm-content[aria-label="{label}"]')


def type_into(page: Page, label: str, text: str) -> None:
    code(page, label).click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.insert_text(text)


def draft_of(stored: Flow) -> dict[str, Any]:
    return Flow.objects.get(pk=stored.pk).draft


def names(page: Page) -> list[str]:
    return page.locator(".steps__name").all_inner_texts()


def test_a_flow_is_authored_from_nothing(open_page, member):
    page = open_page("/flows", member=member("author"))
    page.get_by_role("link", name="New flow").first.click()
    page.get_by_label("Name").fill("Refund desk")
    page.get_by_role("button", name="Create flow").click()
    page.get_by_role("button", name="Add a prompt").click()
    expect(page.get_by_label("Name of the step")).to_have_value("Prompt")
    type_into(page, "Prompt", "Should we refund {{order}}?")
    page.get_by_label("Name of the step").fill("Decide")
    saved(page)
    expect(page.locator(".steps__name")).to_have_text("Decide")
    expect(page.locator("#form-pane")).to_contain_text("Nothing before this step sets “order”")
    page.reload()
    expect(code(page, "Prompt")).to_contain_text("Should we refund {{order}}?")
    made = Flow.objects.get()
    assert steps_of(made.draft)[0]["name"] == "Decide"
    assert steps_of(made.draft)[0]["config"]["userPrompt"] == "Should we refund {{order}}?"
    assert page.watch.complaints == []


def test_fast_typing_never_conflicts_with_itself(editor, stored):
    page = editor()
    code(page, "Prompt").click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("a long sentence that is typed for a while, longer than one save takes", delay=45)
    page.get_by_label("Name of the step").click()
    page.keyboard.type(" and renamed", delay=45)
    saved(page)
    expect(page.locator("#form-pane")).not_to_contain_text("Changed meanwhile")
    page.wait_for_timeout(900)
    step = step_at(draft_of(stored), "first")
    assert step["config"]["userPrompt"].endswith("longer than one save takes")
    assert step["name"] == "First and renamed"
    assert page.watch.complaints == []


def test_the_payload_follows_the_form_and_the_forms_follow_the_payload(editor, stored):
    page = editor()
    page.get_by_label("Output variable").fill("renamed_output")
    saved(page)
    expect(code(page, "The payload of a dispatch")).to_contain_text("renamed_output")
    changed = draft.set_step_fields(draft_of(stored), "first", {"systemPrompt": "Be brief"}, name="From JSON")
    type_into(page, "The payload of a dispatch", json.dumps(changed))
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.get_by_label("Name of the step")).to_have_value("From JSON")
    expect(code(page, "System prompt")).to_contain_text("Be brief")
    assert draft_of(stored) == changed
    assert page.watch.complaints == []


def test_a_broken_payload_keeps_its_text_and_says_the_line(editor, stored):
    page = editor()
    type_into(page, "The payload of a dispatch", '{\n"flow": oops}')
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.locator("#payload-problem")).to_contain_text("line 2")
    expect(code(page, "The payload of a dispatch")).to_contain_text("oops")
    assert names(page) == ["First", "Second"]


def test_chips_insert_a_variable_at_the_cursor(editor, stored):
    page = editor("?step=second")
    code(page, "Prompt").click()
    page.keyboard.press("ControlOrMeta+End")
    page.get_by_role("button", name="Insert city").first.click()
    expect(code(page, "Prompt")).to_contain_text("Use {{one}}{{city}}")
    saved(page)
    page.wait_for_timeout(900)
    assert step_at(draft_of(stored), "second")["config"]["userPrompt"] == "Use {{one}}{{city}}"


def test_steps_move_by_keyboard_and_keep_the_focus(editor, stored):
    page = editor()
    page.get_by_role("link", name=re.compile("First")).focus()
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator(".steps__name").first).to_have_text("Second")
    expect(page.locator(".steps__link").nth(1)).to_be_focused()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator(".steps__name").first).to_have_text("First")
    assert keys_of(steps_of(draft_of(stored))) == ["first", "second"]
    assert page.watch.complaints == []


def test_steps_move_by_dragging(editor, stored):
    page = editor()
    expect(page.locator(".editor").first).to_be_visible()
    rows = page.locator(".steps__row")
    rows.nth(1).hover()
    rows.nth(1).locator(".handle").hover()
    page.mouse.down()
    box = rows.nth(0).bounding_box()
    assert box
    page.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2, steps=6)
    page.mouse.move(box["x"] + 20, box["y"] + 4, steps=6)
    expect(rows.first).to_contain_text("Second")  # the list makes room while the row is in the air
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.mouse.up()
    expect(page.locator(".steps__name").first).to_have_text("Second")
    page.reload()
    expect(page.locator(".steps__name").first).to_have_text("Second")
    assert keys_of(steps_of(draft_of(stored))) == ["second", "first"]


def test_steps_are_found_added_copied_disabled_deleted_and_brought_back(editor, stored):
    page = editor()
    page.locator("#add-step > summary").click()
    page.get_by_label("Find a kind of step").fill("stream")
    expect(page.locator(".add-step__kind:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name of the step")).to_have_value("Send to stream")
    row = page.locator('[data-key-of="first"]')
    row.locator("summary").click()
    row.get_by_role("button", name="Disable").click()
    expect(row).to_contain_text("disabled")
    row.locator("summary").click()
    row.get_by_role("button", name="Duplicate").click()
    expect(page.locator(".steps__row")).to_have_count(4)
    second = page.locator('[data-key-of="second"]')
    second.locator("summary").click()
    second.get_by_role("button", name="Delete").click()
    expect(page.locator(".steps__row")).to_have_count(3)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".steps__row")).to_have_count(4)
    assert "second" in keys_of(steps_of(draft_of(stored)))
    assert page.watch.complaints == []


def test_what_was_typed_is_saved_before_another_step_opens(editor, stored):
    page = editor()
    code(page, "Prompt").click()
    page.keyboard.insert_text("Typed at the last moment. ")
    page.get_by_role("link", name=re.compile("Second")).click()
    expect(page.get_by_label("Name of the step")).to_have_value("Second")
    assert "Typed at the last moment." in step_at(draft_of(stored), "first")["config"]["userPrompt"]
    page.go_back()
    expect(code(page, "Prompt")).to_contain_text("Typed at the last moment.")
    assert page.watch.complaints == []


def test_two_editors_of_one_step_meet_in_a_conflict(editor, stored, member):
    mine, theirs = editor(), editor(who=member("author", email="ben@example.org"))
    theirs.get_by_label("Output variable").fill("bens")
    saved(theirs)
    theirs.wait_for_timeout(900)
    type_into(mine, "Prompt", "Mine")
    expect(mine.get_by_role("heading", name="Changed meanwhile")).to_be_visible()
    expect(mine.locator("#saved")).to_contain_text("Not saved: ben@example.org changed this step")
    expect(mine.locator(".compare")).to_contain_text("Mine")
    assert step_at(draft_of(stored), "first")["config"]["userPrompt"] == "Hello"
    mine.get_by_role("button", name="Keep mine").click()
    expect(mine.get_by_label("Output variable")).to_have_value("bens")
    expect(code(mine, "Prompt")).to_contain_text("Mine")
    assert step_at(draft_of(stored), "first")["config"] == {
        "model": "demo",
        "userPrompt": "Mine",
        "outputVariable": "bens",
    }


def test_taking_theirs_leaves_the_flow_as_they_saved_it(editor, stored, member):
    page = editor()
    change(stored, member("author"), lambda p: draft.set_step_fields(p, "first", {"userPrompt": "Theirs"}))
    type_into(page, "Prompt", "Mine")
    page.get_by_role("link", name="Take theirs").click()
    expect(code(page, "Prompt")).to_contain_text("Theirs")
    assert step_at(draft_of(stored), "first")["config"]["userPrompt"] == "Theirs"


def test_two_editors_of_different_steps_do_not_notice_each_other(editor, stored, member):
    mine, theirs = editor(), editor("?step=second", who=member("author"))
    theirs.get_by_label("Output variable").fill("two")
    saved(theirs)
    mine.get_by_label("Output variable").fill("uno")
    saved(mine)
    mine.wait_for_timeout(900)
    steps = steps_of(draft_of(stored))
    assert [step["config"]["outputVariable"] for step in steps] == ["uno", "two"]


def test_a_lost_connection_is_said_and_healed(editor, stored):
    page = editor()
    page.context.set_offline(True)
    page.get_by_label("Output variable").fill("offline")
    expect(page.locator("#saved")).to_contain_text("Not saved: the server cannot be reached")
    page.context.set_offline(False)
    expect(page.locator("#saved")).to_contain_text("Saved ", timeout=8000)
    assert step_at(draft_of(stored), "first")["config"]["outputVariable"] == "offline"


def test_fields_show_when_they_matter(editor, stored):
    page = editor()
    schema = page.locator('[data-field="response_schema"]')
    expect(schema).to_be_hidden()
    page.get_by_label("Answer as").first.select_option("json")
    expect(schema).to_be_visible()
    saved(page)
    page.wait_for_timeout(900)
    assert step_at(draft_of(stored), "first")["config"]["responseFormat"] == "json"


def test_the_sample_is_edited_and_run_with(editor, stored, monkeypatch):
    page = editor("?tab=sample")
    type_into(page, "Inputs", '{"city": "Bergen"}')
    saved(page)
    page.wait_for_timeout(900)
    assert draft_of(stored)["inputs"] == {"city": "Bergen"}
    page.get_by_role("button", name="Run with this").click()
    page.wait_for_url(re.compile(r"/runs/exec_"))
    assert Run.objects.get().inputs == {"city": "Bergen"}


def test_run_flow_waits_for_what_is_being_saved(editor, stored):
    page = editor()
    page.get_by_label("Output variable").fill("typed_just_now")
    page.get_by_role("button", name="Run flow").click()
    page.wait_for_url(re.compile(r"/runs/exec_"))
    steps = Run.objects.get().definition.body["steps"]
    assert steps[0]["config"]["outputVariable"] == "typed_just_now"


def test_everything_works_without_javascript(editor, stored):
    page = editor(java_script_enabled=False)
    page.get_by_label("Prompt", exact=True).fill("Plain as a form")
    page.get_by_role("button", name="Save step").click()
    assert step_at(draft_of(stored), "first")["config"]["userPrompt"] == "Plain as a form"
    row = page.locator('[data-key-of="first"]')
    row.locator("summary").click()
    row.get_by_role("button", name="Move down").click()
    assert keys_of(steps_of(draft_of(stored))) == ["second", "first"]
    page.locator("#add-step > summary").click()
    page.get_by_role("button", name=re.compile("Set variable")).click()
    assert len(steps_of(draft_of(stored))) == 3
    page.get_by_role("link", name="Sample").click()
    page.get_by_label("Inputs").fill('{"city": "Bodø"}')
    page.get_by_role("button", name="Save sample").click()
    assert draft_of(stored)["inputs"] == {"city": "Bodø"}
    page.get_by_role("link", name="JSON").click()
    page.get_by_label("The payload of a dispatch").fill(json.dumps(sales()))
    page.get_by_role("button", name="Apply").click()
    assert draft_of(stored) == sales()
    assert page.watch.complaints == []


def test_the_curl_command_is_copied_as_it_is(editor, stored):
    page = editor("?tab=curl")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy With the definition in the request").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#curl-inline").text_content()
    assert copied.startswith("curl -N http://127.0.0.1:")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize(
    "query",
    [
        "",
        "?step=draft-reply&pane=form",
        "?tab=sample&pane=payload",
        "?tab=curl&pane=payload",
        "?details=1&pane=form",
    ],
)
def test_the_editor_is_fit_for_everybody(open_page, member, workspace, query, size, scheme):
    examples.load(workspace)
    triage = Flow.objects.get(name="Ticket triage")
    page = open_page(f"/flows/{triage.pk}{query}", member=member("author"), size=size, scheme=scheme)
    page.wait_for_load_state("networkidle")
    assert page.watch.complaints == []
    assert overflow(page) <= 0
    assert axe(page) == []


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_menus_options_and_conflicts_are_fit_for_everybody(editor, stored, member, size):
    page = editor("?step=first&pane=form", size=size)
    page.locator("summary", has_text="More options").click()
    page.wait_for_load_state("networkidle")
    assert overflow(page) <= 0
    assert axe(page) == []
    change(stored, member("author"), lambda p: draft.set_step_fields(p, "first", {"userPrompt": "Theirs"}))
    page.get_by_label("Output variable").fill("mine")
    expect(page.get_by_role("heading", name="Changed meanwhile")).to_be_visible()
    assert overflow(page) <= 0
    assert axe(page) == []
    steps = editor("?pane=steps", size=size)
    steps.locator("#add-step > summary").click()
    assert overflow(steps) <= 0
    assert axe(steps) == []


@pytest.mark.parametrize("path", ["/flows", "/flows?archived=1", "/flows/new"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_list_is_fit_for_everybody(open_page, member, workspace, path, size):
    examples.load(workspace)
    page = open_page(path, member=member("author"), size=size)
    page.wait_for_load_state("networkidle")
    assert page.watch.complaints == []
    assert overflow(page) <= 0
    assert axe(page) == []
