"""Fields that several pages share: names of things, new passwords, and the mark that makes a form count once."""

import re
import unicodedata
from typing import Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.utils.crypto import get_random_string

from dashboard.models import User

DIRECTION_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
MARKS_IN_A_ROW = 6


def visible_text(value: str) -> str:
    """`value` if people can read it in a list; raises ValidationError with what is wrong with it.

    Refused: line breaks and other control characters, marks that turn the direction of writing for what follows,
    text of which nothing is visible, and towers of combining marks.
    """
    if CONTROL.search(value):
        raise ValidationError("Use one line of text, without control characters.", code="invalid_name")
    if DIRECTION_MARKS.search(value):
        raise ValidationError("Leave out the marks that turn the writing direction.", code="invalid_name")
    kinds = [unicodedata.category(char) for char in value]
    if not any(kind[0] in "LNPS" for kind in kinds):
        raise ValidationError("Use at least one character that can be seen.", code="invalid_name")
    run = 0
    for kind in kinds:
        run = run + 1 if kind in {"Mn", "Me"} else 0
        if run > MARKS_IN_A_ROW:
            raise ValidationError("There are too many accents on one letter.", code="invalid_name")
    return value


class NameField(forms.CharField):
    """What somebody calls a thing: one visible line of at most 120 characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 120, **options})

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return visible_text(text) if text else text


class NewPasswordField(forms.CharField):
    """A password somebody chooses; `check_password` judges it once it is known whose it is."""

    def __init__(self, **options: Any) -> None:
        said = " ".join(password_validators_help_texts())
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
        super().__init__(
            **{"strip": False, "max_length": 1000, "widget": widget, "help_text": said, **options}
        )


def check_password(form: forms.BaseForm, name: str, user: User) -> None:
    """Put what is wrong with the new password in field `name` beside it."""
    try:
        validate_password(form.cleaned_data.get(name, ""), user)
    except ValidationError as problem:
        form.add_error(name, problem)


def new_mark() -> str:
    """A mark for one rendering of a form, sent along with it."""
    return get_random_string(24)


def first_with(mark: str) -> bool:
    """True for the first form that brings this mark; a second click on the same button gets False. Kept for an hour."""
    return not mark or cache.add(f"form:{mark[:64]}", 1, 3600)
