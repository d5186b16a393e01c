"""Numbers, times, states and ids as people read them. What is unknown is said to be unknown, never shown as 0."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

NONE = "–"
MINUTE, HOUR, DAY = 60, 3600, 86400
UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s"))


@dataclass(frozen=True)
class Aspect:
    """How a state is shown: `name` picks shape and colour, `word` is what it is called."""

    name: str
    word: str


ASPECTS = {
    aspect.name: aspect
    for aspect in (
        Aspect("queued", "Queued"),
        Aspect("running", "Running"),
        Aspect("waiting", "Waiting for a person"),
        Aspect("sleeping", "Waiting"),
        Aspect("completed", "Completed"),
        Aspect("partial", "Completed with failed steps"),
        Aspect("failed", "Failed"),
        Aspect("cancelled", "Cancelled"),
        Aspect("attention", "Needs attention"),
        Aspect("skipped", "Skipped"),
    )
}
SAME_ASPECT = {
    "paused": "sleeping",
    "pending": "queued",
    "success": "completed",
    "error": "failed",
    "interrupted": "attention",
}


@register.filter
def aspect(state: object) -> Aspect:
    """The aspect of a state name. A name nobody taught us is shown under its own word with the queued mark."""
    name = str(state or "queued").lower().replace("_", "-")
    known = ASPECTS.get(SAME_ASPECT.get(name, name))
    return known or Aspect("queued", name.replace("-", " ").capitalize())


def _seconds(value: object) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bool) or value is None or value == "":
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _two_units(whole: int, big: int, big_name: str, small: int, small_name: str) -> str:
    rest = whole % big // small
    return f"{whole // big} {big_name}" + (f" {rest} {small_name}" if rest else "")


@register.filter
def duration(value: object) -> str:
    """Seconds (a number or a timedelta) as 48 ms, 4.1 s, 2 min 5 s, 3 h 12 min or 3 d; nothing as a dash."""
    seconds = _seconds(value)
    if seconds is None or not isfinite(seconds):
        return NONE
    seconds = max(seconds, 0.0)
    if seconds == 0:
        return "0 s"
    if seconds < 0.0995:
        return f"{max(round(seconds * 1000), 1)} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < HOUR:
        return _two_units(whole, MINUTE, "min", 1, "s")
    if whole < DAY:
        return _two_units(whole, HOUR, "h", MINUTE, "min")
    return _two_units(whole, DAY, "d", HOUR, "h")


@register.filter
def duration_ms(value: object) -> str:
    """Milliseconds, as the wire carries them, written like `duration`."""
    milliseconds = _seconds(value)
    return NONE if milliseconds is None else duration(milliseconds / 1000)


def relative(moment: datetime, now: datetime) -> str:
    """How long ago (or ahead) a moment is: just now, 40 s ago, in 2 h, 5 d ago; from a month on, the date."""
    seconds = (now - moment).total_seconds()
    size = abs(seconds)
    if size < 5:
        return "just now"
    if size >= 30 * DAY:
        return f"{moment.day} {moment:%b %Y}"
    unit, name = next(pair for pair in UNITS if size >= pair[0])
    text = f"{int(size // unit)} {name}"
    return f"{text} ago" if seconds > 0 else f"in {text}"


@register.filter
def when(value: datetime | None) -> str | SafeString:
    """A moment as a <time> element: relative text, the exact time in UTC on hover. js/time.js keeps the text fresh."""
    if not isinstance(value, datetime):
        return NONE
    moment = timezone.localtime(value) if timezone.is_aware(value) else timezone.make_aware(value)
    exact = f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname()}"
    text = relative(moment, timezone.now())
    return format_html('<time datetime="{}" title="{}" data-when>{}</time>', moment.isoformat(), exact, text)


@register.filter
def money(value: object) -> str:
    """US dollars: $0.0123 below one dollar, $1,204.50 above, and "unknown" where no price is known."""
    if value is None or value == "":
        return "unknown"
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return "unknown"
    if not amount.is_finite():
        return "unknown"
    if amount == 0:
        return "$0.00"
    if 0 < amount < Decimal("0.0001"):
        return "< $0.0001"
    return f"${amount:,.4f}" if abs(amount) < Decimal("0.99995") else f"${amount:,.2f}"


@register.filter
def tokens(value: object) -> str:
    """A count with thousands separators: 1,204; nothing as a dash."""
    number = _seconds(value)
    return NONE if number is None or not isfinite(number) else f"{int(number):,}"


@register.filter(name="bytes")
def byte_size(value: object) -> str:
    """A size in bytes as 812 B, 1.2 KB, 3.4 MB (1 KB is 1024 B)."""
    size = _seconds(value)
    if size is None or not isfinite(size):
        return NONE
    if size < 1024:
        return f"{int(size)} B"
    for unit in ("KB", "MB", "GB"):
        size /= 1024
        if size < 1023.95 or unit == "GB":
            break
    return f"{size:.1f} {unit}"


@register.filter
def short_id(value: object) -> str:
    """An id cut to its kind and its last six characters: exec_…9F3K2Q. Short ids stay whole."""
    text = str(value or "")
    if len(text) <= 16:
        return text
    kind, mark, _ = text.partition("_")
    return f"{kind}_…{text[-6:]}" if mark and len(kind) <= 8 else f"{text[:6]}…{text[-6:]}"


@register.filter
def pretty_json(value: Any) -> str:
    """A value as indented JSON, characters kept. A string is taken to be JSON already; other text stays as it is."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
