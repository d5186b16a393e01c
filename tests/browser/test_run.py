"""The live page of a run, its list and home, in a real browser against the real server and worker."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, Route, expect

from dashboard.models import Flow, Member, Record, Run, Source, Worker
from dashboard.relay import follow
from dashboard.runs import control
from dashboard.runs.log import hints
from dashboard.wire.events import StepComplete, StepStart, TextComplete, TextDelta
from tests.browser.conftest import PHONE, WIDE, OpenPage, axe, overflow
from tests.views.run_rows import answer, append, make_run, opening, whole_log

SIZES = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1280", "390"])
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
RECORD = {
    "type": "report",
    "name": "Q4 Sales Report",
    "metadata": {"quarter": "Q4 2024", "region": "North America", "growth_rate": "18%"},
}
ASK = "Analyze the sales performance for {{_record.metadata.quarter}} in {{_record.metadata.region}}."
LONG = " ".join(f"Consider point {number} and explain it in three sentences." for number in range(40))
AT_THE_END = """() => {
  const box = document.getElementById('run-main');
  return box.scrollHeight - box.scrollTop - box.clientHeight < 48;
}"""
LIVE_TEXT = ".block--live .block__text"


@pytest.fixture(autouse=True)
def _demo(settings: Any) -> None:
    settings.MODEL_FALLBACK = "demo"


@pytest.fixture
def ana(transactional_db: None, member: Callable[..., Member]) -> Member:
    return member("author", email="ana@example.org")


def prompt(text: str = ASK, step_id: str = "analyze-sales", **more: Any) -> dict[str, Any]:
    config = {
        "model": "demo",
        "userPrompt": text,
        "outputVariable": f"out_{step_id}",
        "responseFormat": "markdown",
    }
    return {
        "id": step_id,
        "type": "prompt",
        "name": step_id.replace("-", " ").title(),
        "config": config | more,
    }


def make_flow(member: Member, *steps: dict[str, Any], name: str = "Sales Analysis") -> Flow:
    draft = {"flow": {"name": name, "steps": list(steps) or [prompt()]}, "record": RECORD}
    fields = {"workspace_id": member.workspace_id, "created_by": member.user, "step_count": len(steps) or 1}
    return Flow.objects.create(name=name, draft=draft, **fields)


def start(member: Member, *steps: dict[str, Any], name: str = "Sales Analysis") -> Run:
    """A run that the server's own worker takes."""
    order = control.Order(
        definition={"name": name, "steps": list(steps) or [prompt()]}, flow_name=name, record_snapshot=RECORD
    )
    return control.start(member, order, Source.DASHBOARD)


def paced(member: Member, *words: str) -> Run:
    """A run that belongs to a living worker, the test, and moves only when that says so."""
    Worker.objects.get_or_create(id="the-test", defaults={"lease_until": timezone.now() + timedelta(hours=1)})
    return make_run(member, "running", [*opening(), *answer(*words)], owner="the-test")


def tell(run: Run, *events: Any) -> None:
    append(run, list(events))
    hints.publish([(run.pk, run.last_seq)])


def say(run: Run, *words: str) -> None:
    tell(run, *(TextDelta(id="text_1", delta=word) for word in words))


def finish(run: Run) -> None:
    end = whole_log()[-1]
    Run.objects.filter(pk=run.pk).update(state="completed")
    tell(run, TextComplete(id="text_1"), StepComplete(id="greet", success=True, duration_ms=5), end)


def complaints(page: Page) -> list[str]:
    """What the page complained of. A stream that the page itself closed counts as a failed request for the browser."""
    heard: list[str] = vars(page)["watch"].complaints
    own = re.compile(r"^request: .*(/events\?after=|/live$|/parts\?|/rows\?|/inspector)")
    return [said for said in heard if not own.match(said)]


def another(context: BrowserContext, path: str) -> Page:
    page = context.new_page()
    page.goto(path)
    return page


def shown_text(page: Page) -> str:
    return page.locator("#transcript").inner_text()


def test_the_example_is_run_from_home_and_its_text_arrives_live(open_page: OpenPage, ana: Member) -> None:
    make_flow(ana)
    page = open_page("/", member=ana)
    page.get_by_role("button", name="Run Sales Analysis").first.click()
    expect(page).to_have_url(re.compile("/runs/exec_"))
    expect(page.locator(LIVE_TEXT)).not_to_be_empty()
    length = len(page.locator(".block__text").inner_text())
    page.wait_for_function(
        "(n) => document.querySelector('.block__text')?.textContent.length > n", arg=length
    )
    expect(page.locator("#run-end")).to_contain_text("Completed in")
    expect(page.locator("#transcript .prose")).to_contain_text("Q4 2024")
    expect(page.locator("#transcript")).to_contain_text("answered by the demo model")
    expect(page.locator("#run-actions")).not_to_contain_text("Cancel run")
    expect(page.locator("#inspector")).to_contain_text("Final output")
    assert page.title().startswith("● ")
    assert complaints(page) == []


def test_a_second_tab_and_a_refresh_in_the_middle_show_the_same_transcript(
    open_page: OpenPage, ana: Member
) -> None:
    run = start(ana, prompt(), prompt(LONG, "second-opinion"))
    first = open_page(f"/runs/{run.public_id}", member=ana)
    second = another(first.context, f"/runs/{run.public_id}")
    expect(first.locator(f"#step-second-opinion {LIVE_TEXT}")).not_to_be_empty(timeout=20_000)
    third = another(first.context, f"/runs/{run.public_id}")
    first.reload()
    for page in (first, second, third):
        expect(page.locator("#run-end")).to_contain_text("Completed in", timeout=30_000)
    finished = another(first.context, f"/runs/{run.public_id}")
    assert shown_text(first) == shown_text(second) == shown_text(third) == shown_text(finished)


def test_a_run_is_cancelled_with_a_reason_that_live_news_does_not_wipe(
    open_page: OpenPage, ana: Member
) -> None:
    run = start(ana, *(prompt(LONG, f"step-{number}") for number in range(6)))
    page = open_page(f"/runs/{run.public_id}", member=ana)
    expect(page.locator(LIVE_TEXT)).not_to_be_empty()
    page.get_by_text("Cancel run").click()
    page.get_by_label("Reason").fill("Wrong quarter")
    expect(page.locator("#step-step-1")).to_be_visible(timeout=30_000)
    expect(page.get_by_label("Reason")).to_have_value("Wrong quarter")
    page.get_by_role("button", name="Cancel this run").click()
    expect(page.locator("#run-end")).to_contain_text("Cancelled by ana@example.org (“Wrong quarter”).")
    assert page.title().startswith("■ ")
    assert complaints(page) == []


def test_a_flow_that_fails_says_so_in_words(open_page: OpenPage, ana: Member) -> None:
    run = start(ana, prompt(model=""), name="Broken")
    page = open_page(f"/runs/{run.public_id}", member=ana)
    expect(page.locator("#step-analyze-sales")).to_contain_text("This step names no model.")
    expect(page.locator("#run-head")).to_contain_text("Completed with failed steps")
    assert complaints(page) == []


def test_what_a_model_writes_is_text_while_it_comes_and_inert_afterwards(
    open_page: OpenPage, ana: Member
) -> None:
    page = open_page("/", member=ana)
    run = paced(ana, "<img src=x onerror=window.evil=1>", "<script>window.evil=2</script>")
    page.goto(f"/runs/{run.public_id}")
    say(run, " <b hx-get='/live' hx-trigger='load'>bold</b>")
    expect(page.locator(LIVE_TEXT)).to_contain_text("<b hx-get='/live' hx-trigger='load'>bold</b>")
    finish(run)
    expect(page.locator("#run-end")).to_contain_text("Completed")
    assert page.evaluate("window.evil") is None
    assert page.locator("#transcript :is(img, script, b)").count() == 0
    assert complaints(page) == []


def test_a_hidden_tab_holds_no_stream_and_catches_up_when_it_is_looked_at(
    open_page: OpenPage, ana: Member
) -> None:
    page = open_page("/", member=ana)
    run = paced(ana, "one ")
    page.goto(f"/runs/{run.public_id}")
    say(run, "two ")
    expect(page.locator(LIVE_TEXT)).to_have_text("one two")
    _hide(page, True)
    assert _held(page) == 0
    say(run, "three ")
    page.wait_for_timeout(400)
    expect(page.locator(LIVE_TEXT)).to_have_text("one two")
    _hide(page, False)
    say(run, "four ")
    expect(page.locator(LIVE_TEXT)).to_have_text("one two three four")


def _hide(page: Page, hidden: bool) -> None:
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
          document.dispatchEvent(new Event('visibilitychange'));
        }""",
        hidden,
    )


HELD = "async () => (await navigator.locks.query()).held.filter(l => l.name.startsWith('signalbox-stream')).length"


def _held(page: Page) -> int:
    """How many of the browser's places for streams are taken."""
    held: int = page.evaluate(HELD)
    return held


def test_eight_tabs_on_one_connection_pool_all_advance_and_leave_room_for_a_ninth(
    open_page: OpenPage, ana: Member
) -> None:
    page = open_page("/", member=ana)
    runs = [start(ana, *(prompt(LONG, f"step-{n}") for n in range(12)), name=f"Flow {i}") for i in range(8)]
    tabs = [another(page.context, f"/runs/{run.public_id}") for run in runs]
    expect(tabs[-1].locator(".block__text").last).not_to_be_empty(timeout=20_000)
    # A tab takes its place a moment after it was opened, and one that found none asks again every two seconds.
    page.wait_for_function(f"async () => (await ({HELD})()) === 3", timeout=10_000)
    before = [_seq(tab) for tab in tabs]
    deadline = time.monotonic() + 20
    while any(_seq(tab) <= was for tab, was in zip(tabs, before, strict=True)):
        assert time.monotonic() < deadline, (before, [_seq(tab) for tab in tabs])
        page.wait_for_timeout(200)
    assert _held(page) <= 3
    began = time.monotonic()
    another(page.context, "/records")
    assert time.monotonic() - began < 3
    for run in runs:
        control.cancel(Run.objects.get(pk=run.pk), "the test")
    for tab in tabs:
        expect(tab.locator("#run-end")).to_contain_text("Cancelled by the test", timeout=20_000)


def _seq(page: Page) -> int:
    """How much of the transcript the page shows."""
    length: int = page.evaluate("document.getElementById('transcript').textContent.length")
    return length


def test_a_lost_connection_is_said_after_a_while_and_heals_by_itself(
    open_page: OpenPage, ana: Member
) -> None:
    page = open_page("/", member=ana)
    run = paced(ana, "one ")
    page.route("**/events?*", lambda route: route.abort("connectionrefused"))
    page.goto(f"/runs/{run.public_id}")
    expect(page.locator("#run-connection")).to_have_text("Reconnecting", timeout=6_000)
    say(run, "two ")
    page.unroute("**/events?*")
    expect(page.locator(LIVE_TEXT)).to_have_text("one two", timeout=15_000)
    expect(page.locator("#run-connection")).to_have_text("")


def test_somebody_who_was_signed_out_is_told_so(
    open_page: OpenPage, ana: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "RECHECK_S", 0.1)
    page = open_page("/", member=ana)
    run = paced(ana, "one ")
    page.goto(f"/runs/{run.public_id}")
    say(run, "two ")
    expect(page.locator(LIVE_TEXT)).to_have_text("one two")
    Session.objects.all().delete()
    expect(page.locator("#run-connection")).to_contain_text("You are signed out", timeout=15_000)


def test_live_news_keeps_folds_open_focus_where_it_was_and_the_page_where_it_was_scrolled(
    open_page: OpenPage, ana: Member
) -> None:
    page = open_page("/", member=ana)
    run = paced(ana, *(f"line {number}\n\n" for number in range(80)))
    page.goto(f"/runs/{run.public_id}?tab=prompt")
    page.locator("#tree-greet").focus()
    scroller = page.locator("#run-main")
    scroller.evaluate("(box) => { box.scrollTop = 0; }")
    say(run, *(f"more {number}\n\n" for number in range(30)))
    expect(page.locator(LIVE_TEXT)).to_contain_text("more 29")
    tell(run, TextComplete(id="text_1", text="# Done\n\n" + "text " * 400))
    expect(page.locator("#step-greet .prose")).to_contain_text("Done")
    assert scroller.evaluate("(box) => box.scrollTop") == 0
    assert page.evaluate("document.activeElement.id") == "tree-greet"


def test_the_page_follows_the_end_until_the_person_scrolls_up_and_offers_to_jump_back(
    open_page: OpenPage, ana: Member
) -> None:
    page = open_page("/", member=ana)
    run = paced(ana, *(f"line {number}\n\n" for number in range(80)))
    page.goto(f"/runs/{run.public_id}")
    say(run, "end 1\n\n")
    page.wait_for_function(AT_THE_END)
    page.locator("#run-main").hover()
    page.mouse.wheel(0, -600)
    jump = page.get_by_role("button", name="Jump to live")
    page.wait_for_timeout(200)
    say(run, "end 2\n\n")
    expect(jump).to_be_visible()
    jump.click()
    page.wait_for_function(AT_THE_END)


def test_a_long_log_arrives_whole_and_in_order_while_the_page_stays_quick(
    open_page: OpenPage, ana: Member
) -> None:
    page = open_page("/", member=ana)
    run = paced(ana, *(f"w{number} " for number in range(2000)))
    page.goto(f"/runs/{run.public_id}")
    for batch in range(10):
        say(run, *(f"w{2000 + batch * 100 + number} " for number in range(100)))
    expect(page.locator(LIVE_TEXT)).to_contain_text("w2999", timeout=15_000)
    assert page.locator(LIVE_TEXT).inner_text().split() == [f"w{number}" for number in range(3000)]
    began = time.monotonic()
    page.get_by_role("link", name="Variables").click()
    expect(page.locator("#inspector")).to_contain_text("No step has set a variable yet.")
    assert time.monotonic() - began < 2


def test_many_steps_at_once_are_all_drawn(open_page: OpenPage, ana: Member) -> None:
    page = open_page("/", member=ana)
    run = paced(ana, "one ")
    page.goto(f"/runs/{run.public_id}")
    say(run, "two ")
    expect(page.locator(LIVE_TEXT)).to_have_text("one two")
    told: list[Any] = [StepComplete(id="greet", success=True)]
    for number in range(1, 121):
        told.append(StepStart(id=f"s{number}", name=f"Step {number}", step_type="set-variable", index=number))
        told.append(StepComplete(id=f"s{number}", success=True, result={"value": number}, duration_ms=1))
    tell(run, *told)
    finish(run)
    expect(page.locator("#run-end")).to_contain_text("Completed", timeout=15_000)
    expect(page.locator(".run__step [data-state=completed]")).to_have_count(121, timeout=15_000)
    assert complaints(page) == []


def test_a_server_that_is_away_for_a_moment_is_not_asked_over_and_over(
    open_page: OpenPage, ana: Member
) -> None:
    page = open_page("/", member=ana)
    run = paced(ana, "one ")
    page.goto(f"/runs/{run.public_id}")
    say(run, "two ")
    expect(page.locator(LIVE_TEXT)).to_have_text("one two")
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.abort("connectionrefused")

    page.route("**/parts?*", refuse)
    finish(run)
    page.wait_for_timeout(3000)
    assert 1 <= len(asked) <= 3
    page.unroute("**/parts?*")
    expect(page.locator("#run-end")).to_contain_text("Completed", timeout=10_000)
    expect(page.locator("#step-greet .prose")).to_contain_text("one two")


def test_the_inspector_opens_beside_the_transcript_and_the_address_says_what_is_open(
    open_page: OpenPage, ana: Member
) -> None:
    page = open_page("/", member=ana)
    run = make_run(ana, events=whole_log())
    page.goto(f"/runs/{run.public_id}")
    page.locator("#tree-greet").click()
    expect(page.locator("#inspector h2")).to_have_text("Greet")
    page.get_by_role("link", name="Raw events").click()
    expect(page.locator("#inspector details")).to_have_count(run.last_seq + 1)
    expect(page).to_have_url(re.compile(r"\?step=greet&tab=events$"))
    page.reload()
    expect(page.locator("#inspector h2")).to_have_text("Greet")
    page.get_by_role("link", name="Whole run").click()
    expect(page.locator("#inspector h2")).to_have_text("Whole run")
    page.get_by_role("link", name="Variables").click()
    expect(page.locator("#inspector")).to_have_attribute("data-tab", "variables")
    page.locator("#tree-greet").click()
    expect(page.locator("#inspector h2")).to_have_text("Greet")
    expect(page.locator("#inspector")).to_have_attribute("data-tab", "variables")
    assert complaints(page) == []


def test_raw_events_come_in_live_and_an_open_one_stays_open(open_page: OpenPage, ana: Member) -> None:
    page = open_page("/", member=ana)
    run = paced(ana, "one ")
    page.goto(f"/runs/{run.public_id}?tab=events")
    page.locator("#event-1 summary").click()
    say(run, "two ")
    expect(page.locator("#event-4")).to_contain_text("two")
    expect(page.locator("#event-1 pre")).to_be_visible()


def test_rows_of_the_list_are_live_and_new_runs_are_announced_not_pushed_in(
    open_page: OpenPage, ana: Member
) -> None:
    page = open_page("/", member=ana)
    run = paced(ana, "one ")
    page.goto("/runs")
    row = page.locator(f"#row-{run.public_id}")
    expect(row).to_have_attribute("data-state", "running")
    page.wait_for_timeout(500)
    finish(run)
    expect(row).to_have_attribute("data-state", "completed")
    newer = start(ana)
    expect(page.locator("#runs-news a")).to_have_text("1 new run")
    assert page.locator(f"#row-{newer.public_id}").count() == 0
    page.locator("#runs-news a").click()
    expect(page.locator(f"#row-{newer.public_id}")).to_be_visible()
    assert complaints(page) == []


def test_one_tab_hears_for_all_and_home_shows_what_runs(open_page: OpenPage, ana: Member) -> None:
    make_flow(ana)
    home = open_page("/", member=ana)
    other = another(home.context, "/")
    home.wait_for_timeout(500)
    run = paced(ana, "one ")
    hints.publish([(run.pk, run.last_seq)])
    for page in (home, other):
        expect(page.locator("#home-moving")).to_be_visible()
    finish(run)
    for page in (home, other):
        expect(page.locator("#home-recent")).to_be_visible()
        expect(page.locator("#home-moving")).to_have_count(0)


def test_the_list_is_walked_by_keyboard(open_page: OpenPage, ana: Member) -> None:
    page = open_page("/", member=ana)
    runs = [make_run(ana, events=whole_log()) for _ in range(3)]
    page.goto("/runs")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(runs[1].public_id))


def test_without_javascript_a_run_can_be_read_cancelled_and_filtered(
    open_page: OpenPage, ana: Member
) -> None:
    page = open_page("/", member=ana, java_script_enabled=False)
    run = paced(ana, "Half an answer")
    page.goto("/runs?state=active")
    page.locator(".table__link").click()
    expect(page.locator("#transcript")).to_contain_text("Half an answer")
    page.locator("#tree-greet").click()
    expect(page.locator("#inspector h2")).to_have_text("Greet")
    page.locator("#run-cancel > summary").click()
    page.get_by_role("button", name="Cancel this run").click()
    assert Run.objects.get(pk=run.pk).cancel_requested_at is not None


@SIZES
@SCHEMES
def test_the_pages_are_quiet_fit_and_are_accessible(
    open_page: OpenPage, ana: Member, size: tuple[int, int], scheme: str
) -> None:
    page = open_page("/", member=ana, size=size, scheme=scheme)
    make_flow(ana)
    record = Record.objects.create(
        workspace=ana.workspace, type="report", name="Q4", metadata=RECORD["metadata"]
    )
    done = make_run(
        ana,
        events=whole_log("## Sum\n\n| a | b |\n|---|---|\n| 1 | 2 |"),
        record=record,
        record_snapshot=RECORD,
    )
    failed = make_run(
        ana, "failed", opening(), error="The vendor refused the key. Check it in Settings, Models."
    )
    live = paced(ana, "coming ")
    one = f"/runs/{done.public_id}"
    addresses = [
        "/",
        "/runs",
        "/runs?state=failed",
        "/runs?q=none",
        one,
        f"{one}?tab=events",
        f"{one}?step=greet&tab=prompt",
    ]
    addresses += [
        f"/runs/{failed.public_id}",
        f"/runs/{live.public_id}",
        "/records",
        "/records/new",
        f"/records/{record.pk}",
    ]
    for address in addresses:
        page.goto(address)
        expect(page.locator(".editor")).to_have_count(page.locator("textarea[data-code]").count())
        assert complaints(page) == [], address
        assert overflow(page) == 0, address
    for address in addresses:
        page.goto(address)
        assert axe(page) == [], address
