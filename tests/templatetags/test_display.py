"""How numbers, times, states and ids are written."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template
from django.template.loader import render_to_string
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from dashboard.models.run import RunState
from dashboard.templatetags import display


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.0004, "1 ms"),
        (0.048, "48 ms"),
        (0.0994, "99 ms"),
        (0.0999, "0.1 s"),
        (4.1, "4.1 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min"),
        (125, "2 min 5 s"),
        (3599.6, "1 h"),
        (11_520, "3 h 12 min"),
        (86_399.7, "1 d"),
        (270_000, "3 d 3 h"),
        (259_200, "3 d"),
        (timedelta(minutes=2, seconds=5), "2 min 5 s"),
        (Decimal("4.1"), "4.1 s"),
        (-3, "0 s"),
        (None, "–"),
        ("", "–"),
        ("soon", "–"),
        (True, "–"),
        (float("nan"), "–"),
        (float("inf"), "–"),
    ],
)
def test_a_duration_is_written_in_the_two_units_that_matter(seconds: object, text: str) -> None:
    assert display.duration(seconds) == text


@given(st.floats(min_value=0, max_value=1e9))
def test_a_duration_never_shows_sixty_of_a_unit(seconds: float) -> None:
    assert not re.search(r"\b(?:60 s|60 min|24 h|1000 ms)\b", display.duration(seconds))


def test_milliseconds_are_written_like_seconds() -> None:
    assert display.duration_ms(4100) == "4.1 s"
    assert display.duration_ms(None) == "–"


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (0, "just now"),
        (4.9, "just now"),
        (40, "40 s ago"),
        (120, "2 min ago"),
        (3 * 3600 + 59, "3 h ago"),
        (5 * 86_400, "5 d ago"),
        (90 * 86_400, "15 Aug 2026"),
        (-7200, "in 2 h"),
        (-60 * 86_400, "12 Jan 2027"),
    ],
)
def test_a_moment_is_told_from_now(ago: float, text: str) -> None:
    now = datetime(2026, 11, 13, 12, 0, tzinfo=UTC)
    assert display.relative(now - timedelta(seconds=ago), now) == text


def test_when_carries_the_exact_time_for_hover_and_for_machines() -> None:
    moment = timezone.now() - timedelta(minutes=2, seconds=1)
    html = str(display.when(moment))
    assert f'datetime="{moment.isoformat()}"' in html
    assert f'title="{moment:%Y-%m-%d %H:%M:%S} UTC"' in html
    assert html.endswith("data-when>2 min ago</time>")


def test_when_of_nothing_is_a_dash() -> None:
    assert display.when(None) == "–"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal("0.0123"), "$0.0123"),
        (0.00012, "$0.0001"),
        (Decimal("0.00001"), "< $0.0001"),
        (0, "$0.00"),
        (Decimal("0.99996"), "$1.00"),
        ("12.3", "$12.30"),
        (1204.5, "$1,204.50"),
        (None, "unknown"),
        ("", "unknown"),
        ("free", "unknown"),
        (float("nan"), "unknown"),
    ],
)
def test_money_shows_cents_of_cents_and_never_zero_for_unknown(amount: object, text: str) -> None:
    assert display.money(amount) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (1204, "1,204"), (1_204_000, "1,204,000"), (None, "–"), ("?", "–"), (float("inf"), "–")],
)
def test_tokens_have_thousands_separators(count: object, text: str) -> None:
    assert display.tokens(count) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (812, "812 B"),
        (1229, "1.2 KB"),
        (1_048_575, "1.0 MB"),
        (3_565_158, "3.4 MB"),
        (9e12, "8381.9 GB"),
        (None, "–"),
    ],
)
def test_sizes_climb_to_the_next_unit_in_time(size: object, text: str) -> None:
    assert display.byte_size(size) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("exec_01JQ8Z4N6T3V9XK2C5W7HYB0MD", "exec_…HYB0MD"),
        ("step_1", "step_1"),
        ("0123456789abcdef01234567", "012345…234567"),
        ("a_name_without_kind_prefix_x", "a_…efix_x"),
        (None, ""),
    ],
)
def test_a_short_id_keeps_its_kind_and_its_end(value: object, text: str) -> None:
    assert display.short_id(value) == text


def test_json_keeps_its_characters_and_text_that_is_not_json_stays() -> None:
    assert display.pretty_json({"name": "Zoë", "at": datetime(2026, 1, 2, tzinfo=UTC)}) == (
        '{\n  "name": "Zoë",\n  "at": "2026-01-02 00:00:00+00:00"\n}'
    )
    assert display.pretty_json('{"a":[1]}') == json.dumps({"a": [1]}, indent=2)
    assert display.pretty_json("not { json") == "not { json"


@pytest.mark.parametrize(
    "state", [*RunState.values, "waiting", "sleeping", "partial", "skipped", "interrupted"]
)
def test_every_state_of_a_run_has_an_aspect_of_its_own(state: str) -> None:
    assert state == "queued" or display.aspect(state).name != "queued"


def test_an_unknown_state_keeps_its_word_and_none_is_queued() -> None:
    assert display.aspect("rate_limited") == display.Aspect("queued", "Rate limited")
    assert display.aspect(None).word == "Queued"


@pytest.mark.parametrize("aspect", display.ASPECTS.values(), ids=lambda aspect: aspect.name)
def test_every_aspect_is_a_shape_a_colour_and_a_word(aspect: display.Aspect) -> None:
    html = render_to_string("_shared/_state.html", {"state": aspect.name})
    css = (Path(settings.BASE_DIR) / "static" / "css" / "state.css").read_text()
    assert f"state--{aspect.name}" in html
    assert aspect.word in html
    assert "<path" in html or "<circle" in html
    assert f".state--{aspect.name}" in css


def test_shapes_differ_where_colours_may_not_be_seen() -> None:
    drawn = {
        name: render_to_string("_shared/_state.html", {"state": name})
        .partition("<svg")[2]
        .partition("</svg>")[0]
        for name in display.ASPECTS
    }
    assert len(set(drawn.values())) == len(drawn)


def test_a_mark_alone_still_says_its_word_to_screen_readers() -> None:
    html = render_to_string("_shared/_state.html", {"state": "failed", "mark_only": True})
    assert '<span class="vh">Failed</span>' in html


def test_the_filters_are_found_by_their_names_in_templates() -> None:
    template = Template("{% load display %}{{ s|duration }} {{ n|bytes }} {{ n|tokens }} {{ c|money }}")
    assert template.render(Context({"s": 4.1, "n": 1204, "c": None})) == "4.1 s 1.2 KB 1,204 unknown"
