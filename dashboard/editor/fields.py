"""From a step's Config to its form. The only place that knows both the engine's field types and Django's widgets.

A field's `Kind` decides first, then its Python type. A value that the fitting control could not give back
unharmed (a template where a number is expected, a text with line breaks in a one-line field) is edited as JSON instead.
"""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

from django import forms
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from dashboard.editor.controls import (
    KEEP,
    ChoiceControl,
    ChoiceOrJsonControl,
    Control,
    FlagControl,
    JsonControl,
    NumberControl,
    Option,
)
from dashboard.editor.payload import UNSET
from dashboard.engine.fieldtypes import Advanced, Config, Kind, ShownWhen

MODELS_LIST = "model-suggestions"
TEMPLATE_KINDS = frozenset({"template", "long-template", "json"})
_WORDS = {
    "json": "JSON",
    "html": "HTML",
    "xml": "XML",
    "pdf": "PDF",
    "url": "URL",
    "get": "GET",
    "post": "POST",
}
_VARIABLES: dict[str, Any] = {"data-vars": "variables"}
_TEMPLATE: dict[str, Any] = {"data-template": ""}
_MONO = {"class": "input--mono", "spellcheck": "false", "autocomplete": "off"}
_NOTE = "This value is unusual for the field, so it is shown as JSON."


def word_for(value: object) -> str:
    """How a fixed value reads in a list: `north-east` as North east, `json` as JSON."""
    text = str(value)
    return _WORDS.get(text.lower()) or text.replace("_", " ").replace("-", " ").capitalize()


@dataclass(frozen=True)
class Spec:
    """One field of a Config. `name` is its Python name, `wire` its name in the payload."""

    name: str
    wire: str
    info: FieldInfo

    def _note(self, sort: type) -> Any:
        return next((note for note in self.info.metadata if isinstance(note, sort)), None)

    @property
    def kind(self) -> str:
        note = self._note(Kind)
        return note.name if note else ""

    @property
    def group(self) -> str:
        """The heading under "More options"; empty for a field that is always in sight."""
        note = self._note(Advanced)
        return note.group if note else ""

    @property
    def shown_when(self) -> ShownWhen | None:
        note: ShownWhen | None = self._note(ShownWhen)
        return note

    @property
    def default(self) -> Any:
        default = self.info.get_default(call_default_factory=True, validated_data={})
        return UNSET if default is PydanticUndefined or default is None else default

    @property
    def takes_variables(self) -> bool:
        return self.kind in TEMPLATE_KINDS

    def place_in(self, config: Mapping[str, Any]) -> str:
        """Under which name this config has (or would get) the field: the wire's, or the Python one as some write it."""
        return self.name if self.name in config and self.wire not in config else self.wire

    def control(self) -> Control:
        """A new control that fits the field's type."""
        look = {"label": self.info.title or word_for(self.name), "help_text": self.info.description or ""}
        made = _BY_KIND[self.kind](look) if self.kind in _BY_KIND else _by_type(self, look)
        return made

    def json_control(self) -> Control:
        """The control for a value that does not fit the field's type."""
        label = self.info.title or word_for(self.name)
        return JsonControl(
            label=label, help_text=f"{self.info.description or ''} {_NOTE}".strip(), widget=_code("json")
        )


def specs_of(config: type[Config]) -> tuple[Spec, ...]:
    """The fields of a Config, in order."""
    return tuple(Spec(name, info.alias or name, info) for name, info in config.model_fields.items())


def _code(language: str, *, rows: int = 4, **attrs: Any) -> forms.Textarea:
    return forms.Textarea(attrs={"data-code": language, "rows": rows, "spellcheck": "false", **attrs})


def _line(**attrs: str) -> forms.TextInput:
    return forms.TextInput(attrs=attrs)


_BY_KIND: dict[str, Any] = {
    "template": lambda look: Control(widget=_line(autocomplete="off"), **look),
    "long-template": lambda look: Control(widget=_code("text", rows=6, **_VARIABLES), **look),
    "model": lambda look: Control(widget=_line(list=MODELS_LIST, **_MONO), **look),
    "variable-name": lambda look: Control(widget=_line(**_MONO), **look),
    "variable-ref": lambda look: Control(widget=_line(**_MONO, **{"data-names": "variables"}), **look),
    "expression": lambda look: Control(widget=_line(**_MONO), **look),
    "json": lambda look: JsonControl(text_too=True, widget=_code("json", **_VARIABLES, **_TEMPLATE), **look),
    "json-schema": lambda look: JsonControl(widget=_code("json", rows=6), **look),
}


def _members(annotation: Any) -> list[Any]:
    """The types a value may have, None left out."""
    parts = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    return [part for part in parts if part is not type(None)]


def _options(spec: Spec, members: list[Any]) -> list[Option]:
    """The fixed values among the types: absence (where that is the default), on and off, literals."""
    options = [Option(UNSET, "Not set")] if spec.default is UNSET else []
    for member in members:
        if member is bool:
            options += [Option(True, "On"), Option(False, "Off")]
        elif get_origin(member) is Literal:
            options += [Option(value, word_for(value)) for value in get_args(member)]
    return options


def _by_type(spec: Spec, look: dict[str, Any]) -> Control:
    members = _members(spec.info.annotation)
    fixed = [member for member in members if member is bool or get_origin(member) is Literal]
    if members == [bool] and spec.default is not UNSET:
        return FlagControl(default=bool(spec.default), **look)
    if fixed and len(fixed) == len(members):
        return ChoiceControl(options=_options(spec, members), default=spec.default, **look)
    if fixed:
        return ChoiceOrJsonControl(options=_options(spec, members), default=spec.default, **look)
    if members in ([int], [float], [int, float], [float, int]):
        attrs = {"inputmode": "numeric" if members == [int] else "decimal", "autocomplete": "off"}
        placeholder = "" if spec.default is UNSET else str(spec.default)
        return NumberControl(whole=members == [int], widget=_line(placeholder=placeholder, **attrs), **look)
    if members == [str]:
        return Control(widget=_line(autocomplete="off", placeholder=_text(spec.default)), **look)
    return JsonControl(widget=_code("json"), **look)


def _text(default: Any) -> str:
    return default if isinstance(default, str) else ""


class ConfigForm(forms.Form):
    """The form of one Config, made from the JSON object it edits. `changes()` says what to write back."""

    specs: ClassVar[tuple[Spec, ...]] = ()

    def __init__(self, config: Mapping[str, Any], data: Any = None, *, prefix: str = "config") -> None:
        super().__init__(data, prefix=prefix)
        self.config = config
        for spec in self.specs:
            raw = config.get(spec.place_in(config), UNSET)
            control = self.fields[spec.name]
            assert isinstance(control, Control)
            if raw is not UNSET and not (raw is None and spec.default is UNSET) and not control.fits(raw):
                control = self.fields[spec.name] = spec.json_control()
            self.initial[spec.name] = control.begin(raw)
            control.widget.attrs["aria-describedby"] = (
                f"{self[spec.name].auto_id}_problem {self[spec.name].auto_id}_help"
            )

    def changes(self) -> dict[str, Any]:
        """What the person changed, by payload name: the new value, or UNSET for a field that was emptied.

        Fields that could not be read are in `errors` and left out.
        """
        self.full_clean()
        cleaned = getattr(self, "cleaned_data", {})
        return {
            spec.place_in(self.config): cleaned[spec.name]
            for spec in self.specs
            if cleaned.get(spec.name, KEEP) is not KEEP
        }

    def parts(self) -> "Iterator[Part]":
        """The fields to lay out, in order."""
        for spec in self.specs:
            yield Part(self[spec.name], spec, self)

    def main(self) -> "list[Part]":
        """The fields that are always in sight."""
        return [part for part in self.parts() if not part.spec.group]

    def groups(self) -> "list[Group]":
        """The fields under "More options", by heading."""
        found: dict[str, list[Part]] = {}
        for part in self.parts():
            if part.spec.group:
                found.setdefault(part.spec.group, []).append(part)
        return [Group(title, parts) for title, parts in found.items()]


@dataclass(frozen=True)
class Part:
    """One field on the page."""

    bound: forms.BoundField
    spec: Spec
    form: ConfigForm

    @property
    def is_set(self) -> bool:
        """Whether the payload says anything about this field that is not its default."""
        raw = self.form.config.get(self.spec.place_in(self.form.config), UNSET)
        return raw is not UNSET and raw is not None and raw != self.spec.default

    @property
    def shown_when(self) -> dict[str, str] | None:
        """On which control of the page the sight of this one hangs, and on which values."""
        rule = self.spec.shown_when
        if rule is None:
            return None
        return {
            "name": self.form.add_prefix(rule.field),
            "values": " ".join(str(value) for value in rule.values),
        }

    @property
    def is_flag(self) -> bool:
        return isinstance(self.bound.field, FlagControl)


@dataclass(frozen=True)
class Group:
    """The fields under one heading of "More options"."""

    title: str
    parts: list[Part]

    @property
    def is_set(self) -> bool:
        return any(part.is_set or part.bound.errors for part in self.parts)


@cache
def form_for(config: type[Config]) -> type[ConfigForm]:
    """The form class of a Config."""
    specs = specs_of(config)
    fields: dict[str, Any] = {spec.name: spec.control() for spec in specs}
    return type(f"{config.__name__}Form", (ConfigForm,), {"specs": specs, **fields})
