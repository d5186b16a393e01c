"""The frame around every page: the rail's entries, the theme, the menu."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString

register = template.Library()

# URL name, word, icon, key after "g". An entry shows only where its page exists.
ENTRIES = (
    ("home", "Home", "house", "h"),
    ("flows", "Flows", "workflow", "f"),
    ("agents", "Agents", "bot", "a"),
    ("runs", "Runs", "activity", "r"),
    ("approvals", "Approvals", "diamond", "i"),
    ("records", "Records", "database", "d"),
    ("settings", "Settings", "settings", "s"),
)
THEMES = ("light", "dark")


@dataclass(frozen=True)
class Entry:
    """One link of the rail; `count` (if any) is what waits behind it."""

    name: str
    word: str
    icon: str
    key: str
    url: str
    current: bool
    count: int | None


def _address(name: str) -> str | None:
    try:
        return reverse(name)
    except NoReverseMatch:
        return None


def _is_under(path: str, url: str) -> bool:
    return path == url or (url != "/" and path.startswith(url.rstrip("/") + "/"))


@register.simple_tag(takes_context=True)
def rail_entries(context: template.Context) -> list[Entry]:
    """The rail's links to pages that exist, the one being looked at marked. A view may pass `rail_counts` {name: number}."""
    request = context.get("request")
    path = request.path if request else ""
    counts = context.get("rail_counts") or {}
    found = ((entry, _address(entry[0])) for entry in ENTRIES)
    return [
        Entry(name, word, icon, key, url, _is_under(path, url), counts.get(name))
        for (name, word, icon, key), url in found
        if url is not None
    ]


@register.simple_tag
def address(name: str) -> str:
    """The address of a page that may not exist: empty instead of an error."""
    return _address(name) or ""


@register.simple_tag(takes_context=True)
def theme(context: template.Context) -> str:
    """The theme a person chose (a cookie that js/theme.js writes): light, dark, or empty for the system's."""
    request = context.get("request")
    chosen = request.COOKIES.get("theme", "") if request else ""
    return chosen if chosen in THEMES else ""


@register.simple_block_tag
def menu(content: str, label: str, **look: Any) -> SafeString:
    """A menu behind a button: {% menu "More actions" %} links and forms of class menu__item {% endmenu %}.

    Looks: icon= (a name, default "ellipsis"), text= (a word beside it), start=True (aligned left), up=True, small=True.
    """
    return render_to_string("_shared/_menu.html", {"content": content, "label": label, **look})
