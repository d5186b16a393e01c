"""Patterns that are safe to run, and texts that match them."""

import re

import pytest

from dashboard.models_ai.demo_pattern import is_costly, sample


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|aa)+$",
        "(.*)*x",
        "([a-z]+)*z",
        "a" * 501,
        "(?:x*)*",
        ".*.*.*.*.*x",
        "(unclosed",
        "a{20000}",
    ],
)
def test_patterns_that_may_take_for_ever_are_refused(pattern: str) -> None:
    assert is_costly(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "^[a-z]+$",
        "^\\d{3}-\\d{4}$",
        "^(yes|no)$",
        "^[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$",
        "^#?([a-f0-9]{6}|[a-f0-9]{3})$",
        "^(?P<x>ab)\\1$",
        "^\\S+\\W\\D$",
        "^.{3,8}$",
        "colou?r",
        "^é+$",
    ],
)
@pytest.mark.parametrize("variant", [0, 1, 3])
def test_a_sample_matches_its_pattern(pattern: str, variant: int) -> None:
    assert not is_costly(pattern)
    assert re.search(pattern, sample(pattern, variant))
