"""The pattern page in a real browser: what it looks like, and how its components behave."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from dashboard.templatetags.display import duration
from tests.browser.conftest import PHONE, WIDE, OpenPage, axe, overflow

SIZES = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1280", "390"])
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
COPIED = (
    "window.copied = []; navigator.clipboard.writeText = async (text) => { window.copied.push(text); }; 0"
)


@pytest.fixture(autouse=True)
def _shown(settings: Any) -> None:
    settings.PATTERNS_PAGE = True


@pytest.fixture
def patterns(open_page: OpenPage) -> Page:
    page = open_page("/patterns")
    expect(page.locator(".editor")).to_have_count(4)
    return page


@SIZES
@SCHEMES
def test_the_page_is_quiet_fits_and_is_accessible(
    open_page: OpenPage, size: tuple[int, int], scheme: str
) -> None:
    page = open_page("/patterns", size=size, scheme=scheme)
    expect(page.locator(".editor")).to_have_count(4)
    page.wait_for_load_state("networkidle")
    assert page.watch.complaints == []
    assert overflow(page) == 0
    assert axe(page) == []


@SIZES
def test_open_dialogs_and_menus_are_accessible_too(open_page: OpenPage, size: tuple[int, int]) -> None:
    page = open_page("/patterns", size=size)
    page.locator("summary[aria-label='More actions']").click()
    assert axe(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Open dialog").click()
    expect(page.locator("#pattern-dialog")).to_be_visible()
    assert axe(page) == []


def test_without_javascript_every_field_and_menu_still_works(open_page: OpenPage) -> None:
    page = open_page("/patterns", java_script_enabled=False)
    expect(page.locator("#code-prompt")).to_be_visible()
    expect(page.locator("#json-payload")).to_be_visible()
    expect(page.get_by_role("button", name="Copy run id")).to_have_count(0)
    page.locator("summary[aria-label='More actions']").click()
    expect(page.get_by_role("link", name="Rename")).to_be_visible()


def test_larger_text_and_a_narrow_window_break_nothing(open_page: OpenPage) -> None:
    page = open_page("/patterns", size=(320, 700))
    assert overflow(page) == 0


@SCHEMES
def test_the_theme_can_be_chosen_and_is_kept(open_page: OpenPage, scheme: str) -> None:
    page = open_page("/patterns", scheme=scheme)
    other = "dark" if scheme == "light" else "light"
    background = "getComputedStyle(document.documentElement).backgroundColor"
    before = page.evaluate(background)
    page.locator(".rail__person > summary").click()
    page.locator(f"[data-theme-choice={other}]").click()
    after = page.evaluate(background)
    assert after != before
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == other
    assert page.evaluate(background) == after


def test_nothing_moves_when_reduced_motion_is_asked_for(open_page: OpenPage) -> None:
    page = open_page("/patterns", reduced_motion="reduce")
    assert page.evaluate("document.getAnimations().length") == 0


def test_the_code_editor_writes_back_and_announces_its_changes(patterns: Page) -> None:
    patterns.evaluate(
        "document.getElementById('code-prompt').addEventListener('input', () => window.heard = true)"
    )
    patterns.locator(".field:has(#code-prompt) .cm-content").click()
    patterns.keyboard.press("Control+End")
    patterns.keyboard.type(" Be short.")
    assert patterns.locator("#code-prompt").input_value().endswith(" Be short.")
    assert patterns.evaluate("window.heard")
    assert patterns.watch.complaints == []


def test_the_code_editor_marks_variables_and_the_unknown_one(patterns: Page) -> None:
    field = patterns.locator(".field:has(#code-prompt)")
    expect(field.locator(".cm-var")).to_have_count(3)
    expect(field.locator(".cm-var--unknown")).to_have_text("{{_record.metadata.regoin}}")


def test_the_code_editor_offers_variables_after_two_braces(patterns: Page) -> None:
    patterns.locator(".field:has(#code-prompt) .cm-content").click()
    patterns.keyboard.press("Control+End")
    patterns.keyboard.type(" {{inp")
    expect(patterns.locator(".cm-tooltip-autocomplete")).to_contain_text("inputs.tone")
    patterns.wait_for_timeout(150)
    patterns.keyboard.press("Enter")
    assert patterns.locator("#code-prompt").input_value().endswith(" {{inputs.tone}}")
    assert patterns.watch.complaints == []


def test_the_code_editor_says_where_json_is_wrong_under_the_policy(patterns: Page) -> None:
    patterns.locator(".field:has(#f-schema) .cm-content").click()
    patterns.keyboard.press("Control+End")
    patterns.keyboard.type(",,")
    expect(patterns.locator(".cm-lintRange-error, .cm-lintPoint-error")).to_have_count(1)
    patterns.keyboard.press("Control+f")
    expect(patterns.locator(".cm-search")).to_be_visible()
    assert patterns.watch.complaints == []


def test_an_editor_that_a_morph_took_away_comes_back_with_the_new_text(patterns: Page) -> None:
    text = (
        "<label for='code-prompt'>Prompt</label>"
        "<textarea id='code-prompt' name='prompt' data-code='markdown'>New text</textarea>"
    )
    patterns.evaluate(
        """(text) => {
          const target = document.querySelector('.field:has(#code-prompt)');
          return htmx.swap({text, target, sourceElement: target, swap: 'innerMorph'});
        }""",
        text,
    )
    editor = patterns.locator(".field:has(#code-prompt) .cm-content")
    expect(editor).to_have_count(1)
    expect(editor).to_have_text("New text")
    editor.click()
    patterns.keyboard.press("Control+End")
    patterns.keyboard.type("!")
    assert patterns.locator("#code-prompt").input_value() == "New text!"


def test_a_required_code_field_does_not_stop_the_form_without_a_word(patterns: Page) -> None:
    patterns.evaluate(
        """() => {
          const form = document.createElement('form');
          const field = Object.assign(document.createElement('textarea'), { required: true, name: 'x' });
          field.dataset.code = 'json';
          form.append(field);
          form.addEventListener('submit', (event) => { event.preventDefault(); window.sent = true; });
          document.querySelector('#forms').append(form);
          document.dispatchEvent(new Event('htmx:after:settle'));
        }"""
    )
    expect(patterns.locator(".editor")).to_have_count(5)
    patterns.evaluate("document.querySelector('#forms > form').requestSubmit()")
    assert patterns.evaluate("window.sent")


def test_a_variable_chip_inserts_at_the_cursor(patterns: Page) -> None:
    patterns.locator(".field:has(#code-prompt) [data-insert]").last.click()
    assert "{{inputs.tone}}" in patterns.locator("#code-prompt").input_value()


def test_a_menu_moves_with_arrows_and_closes_with_escape(patterns: Page) -> None:
    summary = patterns.locator("summary[aria-label='More actions']")
    summary.focus()
    patterns.keyboard.press("ArrowDown")
    expect(patterns.locator(".page-head .menu__item").first).to_be_focused()
    patterns.keyboard.press("End")
    expect(patterns.get_by_role("button", name="Delete flow")).to_be_focused()
    patterns.keyboard.press("Escape")
    expect(summary).to_be_focused()
    expect(patterns.locator(".page-head .menu__list")).to_be_hidden()


def test_a_menu_closes_on_a_click_elsewhere(patterns: Page) -> None:
    patterns.locator("summary[aria-label='More actions']").click()
    expect(patterns.locator(".page-head .menu__list")).to_be_visible()
    patterns.locator("h1").click()
    expect(patterns.locator(".page-head .menu__list")).to_be_hidden()


def test_copying_gives_the_whole_id_and_the_json_as_it_is(patterns: Page) -> None:
    patterns.evaluate(COPIED)
    patterns.get_by_role("button", name="Copy run id").first.click()
    patterns.get_by_role("button", name="Copy Dispatch payload").click()
    copied = patterns.evaluate("window.copied")
    assert copied[0] == "exec_01JQ8Z4N6T3V9XK2C5W7HYB0MD"
    assert json.loads(copied[1])["record"]["metadata"]["closed"] is True


def test_json_folds_and_search_unfolds_what_it_finds(patterns: Page) -> None:
    figure = patterns.locator("figure:has(#json-many)")
    expect(figure.locator("details").nth(1)).not_to_have_attribute("open", "")
    figure.locator(".code__search").fill("row 17")
    expect(figure.locator("mark.is-current")).to_be_visible()
    expect(figure.locator(".code__count")).to_have_text("1/11")
    figure.locator(".code__search").press("Enter")
    expect(figure.locator(".code__count")).to_have_text("2/11")
    figure.locator(".code__search").fill("no such thing")
    expect(figure.locator(".code__count")).to_have_text("none")
    expect(figure.locator("mark")).to_have_count(0)


def test_the_palette_finds_pages_and_commands(patterns: Page) -> None:
    patterns.evaluate("document.querySelector('[data-command]').onclick = () => window.ran = true")
    patterns.keyboard.press("Control+k")
    field = patterns.get_by_role("combobox", name="Go to, run, create")
    expect(field).to_be_focused()
    assert axe(patterns) == []
    field.fill("run flow")
    expect(patterns.locator("#palette").get_by_role("option")).to_have_count(1)
    patterns.keyboard.press("Enter")
    assert patterns.evaluate("window.ran")
    expect(patterns.locator("#palette")).to_have_count(0)


def test_the_palette_says_when_nothing_fits_and_closes_with_escape(patterns: Page) -> None:
    patterns.keyboard.press("Control+k")
    patterns.locator("#palette").get_by_role("combobox").fill("xyzzy")
    expect(patterns.locator("#palette")).to_contain_text("Nothing has that name.")
    patterns.keyboard.press("Enter")
    expect(patterns.locator("#palette")).to_have_count(0)


def test_keys_move_in_lists_select_and_show_themselves(patterns: Page) -> None:
    rows = patterns.locator(".table [data-row]")
    patterns.keyboard.press("j")
    patterns.keyboard.press("j")
    expect(rows.nth(1)).to_have_class("is-current")
    patterns.keyboard.press("x")
    expect(rows.nth(1).locator("input")).to_be_checked()
    patterns.keyboard.press("k")
    expect(rows.nth(0)).to_have_class("is-current")
    patterns.keyboard.press("?")
    expect(patterns.locator("#keys")).to_contain_text("Next row")
    assert axe(patterns) == []


def test_single_keys_are_text_while_one_writes(patterns: Page) -> None:
    patterns.locator("#blank_name").click()
    patterns.keyboard.type("jo?")
    assert patterns.locator("#blank_name").input_value() == "jo?"
    expect(patterns.locator("dialog[open]")).to_have_count(0)


def test_a_declared_key_presses_its_button_and_focuses_its_field(patterns: Page) -> None:
    patterns.keyboard.press("/")
    expect(patterns.get_by_placeholder("Search runs")).to_be_focused()
    patterns.locator("h1").click()
    patterns.keyboard.press("o")
    expect(patterns.locator("#pattern-dialog")).to_be_visible()


def test_a_dialog_returns_focus_to_what_opened_it(patterns: Page) -> None:
    button = patterns.get_by_role("button", name="Open dialog")
    button.click()
    patterns.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_the_end_is_followed_until_one_scrolls_up(patterns: Page) -> None:
    log = patterns.locator("#follow-log")
    log.scroll_into_view_if_needed()
    add = "for (let i = 0; i < 30; i++) document.getElementById('follow-text').append('line\\n')"
    left = "(e => e.scrollHeight - e.scrollTop - e.clientHeight)(document.getElementById('follow-log'))"
    patterns.evaluate(add)
    patterns.wait_for_function(f"{left} < 2")
    patterns.evaluate("document.getElementById('follow-log').scrollTop = 0")
    expect(log.get_by_role("button", name="Jump to live")).to_be_visible()
    patterns.evaluate(add)
    patterns.wait_for_timeout(100)
    assert patterns.evaluate(left) > 200
    log.get_by_role("button", name="Jump to live").click()
    patterns.wait_for_function(f"{left} < 2")
    expect(log.get_by_role("button", name="Jump to live")).to_be_hidden()


def test_the_tab_shows_the_state_of_the_page(patterns: Page) -> None:
    patterns.evaluate("document.getElementById('main').dataset.pageState = 'waiting'")
    expect(patterns).to_have_title("◆ Patterns – Signalbox")
    assert patterns.locator("link[rel=icon]").get_attribute("href").startswith("data:image/svg+xml")
    patterns.evaluate("delete document.getElementById('main').dataset.pageState")
    expect(patterns).to_have_title("Patterns – Signalbox")
    assert patterns.watch.complaints == []


def test_times_written_by_the_browser_read_like_those_of_the_server(patterns: Page) -> None:
    values = [0.0, 0.0004, 0.048, 0.0999, 4.1, 59.94, 59.96, 125, 3599.6, 11_520, 86_399.7, 270_000]
    script = """async (values) => {
      const { duration } = await import(document.querySelector('script[type=module]').src.replace('app.js', 'time.js'));
      return values.map(duration);
    }"""
    assert patterns.evaluate(script, values) == [duration(value) for value in values]


def test_htmx_evaluates_no_attribute_and_runs_no_script_of_a_fragment(patterns: Page) -> None:
    patterns.evaluate(
        """() => {
          const box = document.createElement('div');
          box.setAttribute('hx-on:click', 'window.evil = 1');
          box.setAttribute('hx-get', '/patterns');
          box.setAttribute('hx-vals', 'js:{a: (window.evil = 2)}');
          box.setAttribute('hx-trigger', 'never');
          document.body.append(box);
          htmx.process(box);
          box.click();
          const text = '<p>new</p><script>window.evil = 3</script>';
          return htmx.swap({text, target: box, sourceElement: box, swap: 'innerHTML'});
        }"""
    )
    assert patterns.evaluate("window.evil") is None
    assert patterns.evaluate("htmx.config.mode") == "same-origin"


@pytest.mark.parametrize(
    ("status", "words"), [(500, "could not do this"), (403, "was refused"), (404, "no longer exists")]
)
def test_a_failed_request_is_told_in_words_and_replaces_nothing(
    patterns: Page, status: int, words: str
) -> None:
    patterns.route("**/broken", lambda route: route.fulfill(status=status, body="<h1>traceback</h1>"))
    patterns.evaluate("htmx.ajax('GET', '/broken', {target: '#states', swap: 'innerHTML'})")
    expect(patterns.locator("#notices")).to_contain_text(words)
    expect(patterns.locator("#states h2")).to_have_text("States")


def test_an_unreachable_server_is_told_in_words(patterns: Page) -> None:
    patterns.route("**/away", lambda route: route.abort())
    patterns.evaluate("htmx.ajax('GET', '/away', {target: '#states', swap: 'innerHTML'})")
    expect(patterns.locator("#notices")).to_contain_text("cannot be reached")


def test_the_page_is_hidden_unless_the_setting_shows_it(open_page: OpenPage, settings: Any) -> None:
    settings.PATTERNS_PAGE = False
    page = open_page("/patterns")
    assert "Every component" not in page.content()
