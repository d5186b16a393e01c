"""Form fields that edit one JSON value and leave it alone unless it was changed.

A control knows the value it was made from (`begin`), what the browser shows for it, and how to read back what was
posted. Cleaning gives KEEP for a field that came back as it was shown, UNSET for one that was emptied, else the new value.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from dashboard.editor.payload import UNSET
from dashboard.editor.reading import Unreadable, read_json, same, write_json

OTHER = "other"


class Keep:
    """The mark of a field that nobody changed."""

    def __repr__(self) -> str:
        return "KEEP"


KEEP = Keep()


def _plain(text: Any) -> str:
    """Text as browsers send it back: with one kind of line end."""
    return str(text).replace("\r\n", "\n").replace("\r", "\n")


class Control(forms.Field):
    """Edits text. The base of the other controls."""

    widget: Any = forms.TextInput

    def __init__(self, *, empty: Any = UNSET, **options: Any) -> None:
        super().__init__(required=False, **options)
        self.empty = empty
        self.shown: Any = None

    def fits(self, raw: Any) -> bool:
        """Whether this control can show the value and give it back unharmed."""
        one_line = isinstance(self.widget, forms.TextInput)
        return isinstance(raw, str) and not (one_line and ("\n" in raw or "\r" in raw))

    def show(self, raw: Any) -> Any:
        """What the widget is given for a value (UNSET: the payload has none)."""
        return "" if raw is UNSET or raw is None else raw

    def read(self, posted: Any) -> Any:
        """The value of what was posted. Raises ValidationError with a sentence."""
        return posted

    def begin(self, raw: Any) -> Any:
        """Take on the value to edit; returns what to show."""
        self.shown = self.show(raw)
        return self.shown

    def differs(self, posted: Any) -> bool:
        """Whether what came back is not what was shown. A field that did not come back was not changed."""
        return posted is not None and _plain(posted) != _plain(self.shown)

    def clean(self, value: Any) -> Any:
        if not self.differs(value):
            return KEEP
        if isinstance(value, str):
            value = _plain(value)
            if not value.strip():
                return self.empty
            if "\0" in value:
                raise ValidationError("This text holds a NUL character, which cannot be stored.")
        return self.read(value)


class NumberControl(Control):
    """Edits a number, kept as it is written: 1 stays whole, 0.5 does not."""

    def __init__(self, *, whole: bool, **options: Any) -> None:
        super().__init__(**options)
        self.whole = whole

    def fits(self, raw: Any) -> bool:
        return raw is None or (
            isinstance(raw, int | float) and not isinstance(raw, bool) and math.isfinite(raw)
        )

    def show(self, raw: Any) -> Any:
        return "" if raw is UNSET or raw is None else json.dumps(raw)

    def read(self, posted: Any) -> Any:
        text = posted.strip().replace(",", ".") if not self.whole else posted.strip()
        try:
            number = json.loads(text) if self.whole or not text.startswith(".") else float(text)
        except ValueError:
            number = None
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise ValidationError(
                "Write a number, such as 20." if self.whole else "Write a number, such as 0.7."
            )
        if self.whole and not isinstance(number, int):
            raise ValidationError("Write a whole number, such as 20.")
        return number


class JsonControl(Control):
    """Edits any value as JSON text. With `text_too`, what is not JSON is a text, written without quotes."""

    widget: Any = forms.Textarea

    def __init__(self, *, text_too: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.text_too = text_too

    def fits(self, raw: Any) -> bool:
        return True

    def show(self, raw: Any) -> Any:
        if raw is UNSET:
            return ""
        if self.text_too and isinstance(raw, str) and self._reads_as_itself(raw):
            return raw
        return write_json(raw)

    def _reads_as_itself(self, text: str) -> bool:
        try:
            return bool(text.strip()) and same(self.read(text), text)
        except ValidationError:
            return False

    def read(self, posted: Any) -> Any:
        try:
            return read_json(posted)
        except Unreadable as problem:
            if self.text_too and not _looks_like_json(posted):
                return posted
            raise ValidationError(problem.message) from None


def _looks_like_json(text: str) -> bool:
    start = text.lstrip()
    return start.startswith(("{", "[", '"')) and not start.startswith("{{")


@dataclass(frozen=True, slots=True)
class Option:
    """One value to choose, and its word. UNSET is the absence of the field."""

    value: Any
    word: str

    @property
    def key(self) -> str:
        """How the option is named in the form."""
        if self.value is UNSET:
            return ""
        return self.value if isinstance(self.value, str) else json.dumps(self.value)


def _option_of(options: Sequence[Option], raw: Any) -> Option | None:
    if raw is None and not any(option.value is None for option in options):
        raw = UNSET
    return next(
        (o for o in options if o.value is raw or (UNSET not in (o.value, raw) and same(o.value, raw))), None
    )


class ChoiceControl(Control):
    """Chooses one of a few values. `default` is what an absent field counts as."""

    widget: Any = forms.Select

    def __init__(self, *, options: Sequence[Option], default: Any = UNSET, **rest: Any) -> None:
        super().__init__(**rest)
        self.options, self.default = options, default
        self.widget.choices = [(option.key, option.word) for option in options]

    def fits(self, raw: Any) -> bool:
        return _option_of(self.options, raw) is not None

    def show(self, raw: Any) -> Any:
        found = _option_of(self.options, self.default if raw is UNSET else raw)
        return found.key if found else ""

    def clean(self, value: Any) -> Any:
        if not self.differs(value):
            return KEEP
        found = next((option for option in self.options if option.key == value), None)
        if found is None:
            raise ValidationError("Choose one of the values of the list.")
        return found.value


class FlagControl(Control):
    """A tick."""

    widget: Any = forms.CheckboxInput

    def __init__(self, *, default: bool = False, **rest: Any) -> None:
        super().__init__(**rest)
        self.default = default

    def fits(self, raw: Any) -> bool:
        return isinstance(raw, bool)

    def show(self, raw: Any) -> Any:
        return self.default if raw is UNSET else raw

    def differs(self, posted: Any) -> bool:
        return bool(posted) != bool(self.shown)

    def clean(self, value: Any) -> Any:
        return bool(value) if self.differs(value) else KEEP


class ChoiceOrJsonWidget(forms.MultiWidget):
    """A list of values whose last entry opens a JSON field."""

    template_name = "steps/_choice_or_json.html"

    def decompress(self, value: Any) -> list[Any]:
        return list(value) if value else ["", ""]


class ChoiceOrJsonControl(Control):
    """Chooses one of a few values, or writes another one as JSON."""

    def __init__(self, *, options: Sequence[Option], default: Any = UNSET, **rest: Any) -> None:
        self.choice = ChoiceControl(options=options, default=default)
        self.json = JsonControl()
        choices = [*((option.key, option.word) for option in options), (OTHER, "Custom (JSON)")]
        label = str(rest.get("label", ""))
        named = {"aria-label": f"{label}: custom value"}
        code = forms.Textarea(attrs={"data-code": "json", "rows": 3, "spellcheck": "false", **named})
        select = forms.Select(choices=choices, attrs={"aria-label": label})
        super().__init__(widget=ChoiceOrJsonWidget([select, code]), **rest)

    def fits(self, raw: Any) -> bool:
        return True

    def show(self, raw: Any) -> Any:
        if raw is UNSET or self.choice.fits(raw):
            return [self.choice.show(raw), ""]
        return [OTHER, write_json(raw)]

    def differs(self, posted: Any) -> bool:
        key, text = posted or [None, None]
        if key is None:
            return False
        return key != self.shown[0] or (key == OTHER and _plain(text or "") != _plain(self.shown[1]))

    def clean(self, value: Any) -> Any:
        if not self.differs(value):
            return KEEP
        key, text = value
        if key != OTHER:
            self.choice.shown = None
            return self.choice.clean(key)
        if not (text or "").strip():
            raise ValidationError("Write the custom value as JSON.")
        return self.json.read(_plain(text))
