"""Lucide icons as inline SVG, from the archive inside the installed package: no network, no inline style."""

from __future__ import annotations

from functools import cache

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from lucide.templatetags.lucide import lucide  # type: ignore[import-untyped,unused-ignore]

register = template.Library()


@cache
def _drawn(name: str, size: int, label: str) -> SafeString:
    spoken = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    return format_html("{}", lucide(name, size=size, focusable="false", **{"class": "icon"}, **spoken))


@register.simple_tag
def icon(name: str, label: str = "", size: int = 16) -> SafeString:
    """Draw one icon. Without a label it is decoration and hidden from screen readers.

    Raises `lucide.IconDoesNotExist` for a name the set does not have, so a typing error shows at once.
    """
    return _drawn(str(name), size, str(label))
