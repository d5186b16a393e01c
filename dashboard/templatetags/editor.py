"""What the templates of the flow editor need beside the plain display filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse

register = template.Library()


@register.filter
def at(found: Mapping[str, Any] | str | None, key: str) -> Any:
    """The value at a key, nothing where there is none."""
    return found.get(key, ()) if isinstance(found, Mapping) else ()


@register.filter
def tail(name: str) -> str:
    """A variable's name as short as a chip can say it: fields of the record without the way to them."""
    return name.removeprefix("_record.metadata.")


@register.simple_tag
def address_of_run(public_id: str) -> str:
    """The address of a run's page; empty where the product has none."""
    try:
        return reverse("run", args=[public_id])
    except NoReverseMatch:
        return ""
