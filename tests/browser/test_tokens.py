"""The contrast of every pair of colours that the components use, as the browser computes them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import OpenPage

GROUNDS = ("bg", "surface", "sunken", "hover", "selected")
INKS = ("muted", "accent", "green", "amber", "red", "grey")
WASHES = ("accent-wash", "green-wash", "amber-wash", "red-wash")
FILLS = ("accent-fill", "green-fill", "red-fill")
LEAST = {
    **{("text", ground): 7.0 for ground in (*GROUNDS, *WASHES)},
    **{(ink, ground): 4.5 for ink in INKS for ground in GROUNDS},
    **{(wash.removesuffix("-wash"), wash): 4.5 for wash in WASHES},
    **{("muted", wash): 4.5 for wash in ("amber-wash", "red-wash")},
    **{("on-fill", fill + hover): 4.5 for fill in FILLS for hover in ("", "-hover")},
    **{("line-field", ground): 3.0 for ground in ("bg", "surface")},
}
PAINTED = """(names) => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const probe = document.body.appendChild(document.createElement('i'));
  return Object.fromEntries(names.map((name) => {
    probe.style.color = `var(--${name})`;
    canvas.fillStyle = getComputedStyle(probe).color;
    canvas.fillRect(0, 0, 1, 1);
    return [name, [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)];
  }));
}"""


def _luminance(colour: list[int]) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: list[int], other: list[int]) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_on_every_ground_it_stands_on(
    open_page: OpenPage, settings: Any, scheme: str
) -> None:
    settings.PATTERNS_PAGE = True
    page = open_page("/patterns", scheme=scheme)
    painted = page.evaluate(PAINTED, sorted({name for pair in LEAST for name in pair}))
    weak = {
        pair: round(_contrast(painted[pair[0]], painted[pair[1]]), 2)
        for pair, least in LEAST.items()
        if _contrast(painted[pair[0]], painted[pair[1]]) < least
    }
    assert weak == {}
