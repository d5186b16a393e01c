"""Names that people can read."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from dashboard.views.forms import MARKS_IN_A_ROW, NameField, first_with, new_mark, visible_text


@pytest.mark.parametrize(
    "name", ["Ana", "Ñandú", "日本", "عمر", "👩‍👩‍👧", "e\u0301", "a" + "\u0301" * MARKS_IN_A_ROW, "§", "<b>"]
)
def test_a_readable_name_is_kept_as_it_is(name):
    assert NameField().clean(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "\u200b",
        "\u00ad",
        "\ufeff",
        "\u0301",
        "a\nb",
        "a\tb",
        "a\x00b",
        "a\x85b",
        "a\u2028b",
        "\u202eabc",
        "a\u2066b",
        "a" + "\u0301" * (MARKS_IN_A_ROW + 1),
    ],
)
def test_a_name_that_hides_or_breaks_the_line_is_refused(name):
    with pytest.raises(ValidationError):
        visible_text(name)


@given(st.text(max_size=200))
def test_whatever_comes_is_either_kept_whole_or_refused_in_words(text):
    try:
        kept = NameField().clean(text)
    except ValidationError as problem:
        assert all(str(message).endswith(".") for message in problem.messages)
    else:
        assert kept == text.strip()


def test_a_mark_counts_once():
    mark = new_mark()
    assert [first_with(mark), first_with(mark), first_with(new_mark())] == [True, False, True]


def test_a_form_without_a_mark_is_always_new():
    assert first_with("")
    assert first_with("")
