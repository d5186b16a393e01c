"""The scanner refuses hostile JSON early, and never what a parser with the same limits would take."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.api.json_scan import JsonScan, TooMuch

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='ab\\"[]{},:\n\N{SNOWMAN}', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(alphabet='k"\\[', max_size=4), inner, max_size=5)
    ),
    max_leaves=40,
)


def _nodes(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(_nodes(item) for item in value.values())
    return 1 + sum(_nodes(item) for item in value) if isinstance(value, list) else 1


def _depth(value: Any) -> int:
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if items is None else 1 + max((_depth(item) for item in items), default=0)


def _verdict(text: bytes, size: int, **limits: int) -> str:
    scan = JsonScan(**limits)
    try:
        for at in range(0, len(text), size):
            scan.feed(text[at : at + size])
    except TooMuch as problem:
        return problem.code
    return "fine"


@given(value=_values, size=st.integers(1, 9), spaced=st.booleans())
def test_what_is_within_the_limits_passes_however_it_is_cut(value: Any, size: int, spaced: bool) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1 if spaced else None).encode()
    assert _verdict(text, size, max_depth=max(1, _depth(value)), max_nodes=_nodes(value)) == "fine"


@given(value=_values, size=st.integers(1, 9))
def test_one_level_too_many_is_seen_however_it_is_cut(value: Any, size: int) -> None:
    text = json.dumps([value]).encode()
    assert _verdict(text, size, max_depth=_depth(value), max_nodes=10_000) == "too_deep"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"[" * 65, "too_deep"),
        (b'{"a":' * 65, "too_deep"),
        (b"[" * 64 + b"]" * 64, "fine"),
        (b"[" + b"[]," * 10_001, "too_many_nodes"),
        (b"[" + b"0," * 10_000, "too_many_nodes"),
        (b"[" + b"0," * 9_998 + b"0]", "fine"),
        (b'["' + b"[" * 100_000 + b'"]', "fine"),
        (b'["' + b'\\"[' * 100_000 + b'"]', "fine"),
        (b'""' * 20_002, "too_many_nodes"),
        (b"]" * 100_000, "fine"),
        (b'"never closed ' + b"," * 100_000, "fine"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 65_536])
def test_the_limits_hold_at_their_edges(text: bytes, code: str, size: int) -> None:
    assert _verdict(text, size) == code


@pytest.mark.parametrize(
    "text", [b'"' + b"\\\\" * 500_000, b'"' + b"a" * 1_000_000, b" " * 1_000_000, b"]" * 1_000_000]
)
def test_a_megabyte_of_anything_takes_less_than_a_second(text: bytes) -> None:
    began = time.perf_counter()
    _verdict(text, 65_536)
    assert time.perf_counter() - began < 1.0
