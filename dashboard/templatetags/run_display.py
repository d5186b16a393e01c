"""What only the pages of runs show: JSON answers told from prose, and events in one line."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.templatetags.display import aspect, duration

register = template.Library()

BRIEF = 140
_STAMPS = frozenset({"type", "executionId", "seq"})
_TAB = {"partial": "completed", "queued": "", "skipped": ""}


@register.filter
def tab_state(state: object) -> str:
    """The state as the browser's tab shows it, empty where the tab shows none."""
    name = aspect(state).name
    return _TAB.get(name, name)


@register.filter
def ticking(value: datetime | str | None) -> str | SafeString:
    """How long ago a moment (or its ISO text) was, as a <time> element that js/time.js keeps counting."""
    moment = parse_datetime(value) if isinstance(value, str) else value
    if moment is None:
        return ""
    text = duration(timezone.now() - moment)
    return format_html('<time data-elapsed datetime="{}">{}</time>', moment.isoformat(), text)


@register.filter
def json_or_none(text: str) -> Any:
    """The value, if the text is a JSON object or list with something in it; else None."""
    body = text.strip()
    if not body.startswith(("{", "[")):
        return None
    try:
        return json.loads(body) or None
    except (ValueError, RecursionError):
        return None


@register.filter
def as_json(value: Any) -> str:
    """A value as JSON text, so that a string keeps its quotes."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


@register.filter
def event_brief(data: str) -> str:
    """What an event says besides its stamp, in one short line."""
    try:
        event = json.loads(data)
    except ValueError:
        return ""
    said = {name: value for name, value in event.items() if name not in _STAMPS}
    text = json.dumps(said, ensure_ascii=False, separators=(", ", ": "))[1:-1]
    return text if len(text) <= BRIEF else text[:BRIEF] + "…"
