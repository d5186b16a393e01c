"""What is wrong with a draft, said beside the field. Pure; nothing here stops a save.

Errors will make a run fail, warnings probably are not meant, notes explain. The rules come from the fields' types and marks,
so a new step kind brings its own.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import ValidationError

from dashboard.editor.envelope import Envelope
from dashboard.editor.fields import Spec, specs_of
from dashboard.editor.names import Names, kind_of, names_of
from dashboard.editor.payload import is_enabled, keys_of, listed, places_of, steps_field, steps_of
from dashboard.engine.fieldtypes import MayHoldSecrets, Needed
from dashboard.engine.templating import Reference, references
from dashboard.wire.errors import Detail, from_validation
from dashboard.wire.requests import DispatchRequest

Severity = Literal["error", "warning", "note"]
FLOW = ""
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`")
_PAIRS = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to look at. `step_key` is empty for the flow itself; `field` is a Python field name, or empty."""

    step_key: str
    field: str
    severity: Severity
    message: str


def problems(payload: Mapping[str, Any]) -> list[Problem]:
    """Everything there is to say about a draft, in the order of its steps."""
    found: list[Problem] = []
    steps = steps_of(payload)
    keys = keys_of(steps)
    if not steps:
        found.append(Problem(FLOW, "steps", "note", "This flow has no steps yet. Add one to run it."))
    names = names_of(payload)
    for at, (key, step) in enumerate(zip(keys, steps, strict=True)):
        found += _of_step(step, key, names.at_step(at))
    told = {(problem.step_key, problem.field) for problem in found}
    found += [
        problem for problem in _of_shape(payload, keys) if (problem.step_key, problem.field) not in told
    ]
    return found


def _of_step(step: Mapping[str, Any], key: str, names: Names) -> Iterator[Problem]:
    kind = kind_of(step)
    yield from _of_fields(Envelope, step, key, names, skip_types=True)
    if kind is None:
        text = (
            f"Steps of the kind “{step.get('type')}” have no form here. The step is kept and shown as JSON."
        )
        yield Problem(key, "type", "note", text)
        return
    if is_enabled(step):
        yield from _of_fields(kind.Config, step.get("config") or {}, key, names)


def _of_fields(
    config: Any, values: Mapping[str, Any], key: str, names: Names, *, skip_types: bool = False
) -> Iterator[Problem]:
    specs = specs_of(config)
    typed = {} if skip_types else _type_problems(config, values, specs)
    for spec in specs:
        value = values.get(spec.place_in(values))
        found = list(_of_value(spec, value, specs, values, names))
        if spec.name in typed and not found:
            found.append(("error", typed[spec.name]))
        yield from (Problem(key, spec.name, severity, message) for severity, message in found)


def _of_value(
    spec: Spec, value: Any, specs: Iterable[Spec], values: Mapping[str, Any], names: Names
) -> Iterator[tuple[Severity, str]]:
    needed = next((note for note in spec.info.metadata if isinstance(note, Needed)), None)
    if needed and _is_empty(value) and not _is_filled(needed.unless, specs, values):
        yield "error", needed.message
    if spec.kind in ("template", "long-template", "json", "model") or (spec.kind == "expression" and value):
        may_hold_secrets = any(isinstance(note, MayHoldSecrets) for note in spec.info.metadata)
        for text in _texts(value):
            for reference in references(text):
                yield from _of_reference(reference, names, may_hold_secrets)
    if spec.kind == "variable-ref" and isinstance(value, str) and value.strip():
        path = value.strip().removeprefix("{{").removesuffix("}}").strip()
        yield from _of_reference(Reference(path, 0, 0), names, may_hold_secrets=False)
    if spec.kind == "expression" and isinstance(value, str) and not _is_balanced(value):
        yield "error", "A bracket or a quote of this condition is not closed."
    if spec.kind == "json-schema" and isinstance(value, dict):
        yield from _of_schema(value)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _is_filled(name: str, specs: Iterable[Spec], values: Mapping[str, Any]) -> bool:
    other = next((spec for spec in specs if spec.name == name), None)
    return other is not None and not _is_empty(values.get(other.place_in(values)))


def _texts(value: Any) -> Iterator[str]:
    """Every text inside a JSON value."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _of_reference(
    reference: Reference, names: Names, may_hold_secrets: bool
) -> Iterator[tuple[Severity, str]]:
    path = reference.path
    if reference.is_misspelt_secret:
        yield (
            "error",
            f"“{path}” is not how a secret is written: use {{{{secret:NAME}}}} or {{{{secrets.name}}}}.",
        )
    elif reference.is_secret:
        if not may_hold_secrets:
            yield (
                "error",
                f"A secret may not stand here, where a model or a reader would see it: take “{path}” out.",
            )
    elif not names.knows(reference.root):
        yield _unknown(path, reference.root, names)
    elif path.startswith("_record.metadata.") and names.record_fields is not None:
        name = path.split(".")[2]
        if name not in names.record_fields:
            yield "warning", f"The sample record has no field “{name}”.{_hint(names.nearest(path))}"


def _unknown(path: str, root: str, names: Names) -> tuple[Severity, str]:
    disabled, later = names.set_by_disabled(root), names.set_later(root)
    if disabled:
        return "warning", f"“{root}” is set by “{disabled}”, which is disabled."
    if later:
        return "error", f"“{root}” is set by “{later}”, which runs after this step."
    return "error", f"Nothing before this step sets “{path}”.{_hint(names.nearest(path))}"


def _hint(nearest: list[str]) -> str:
    return f" Did you mean {' or '.join(f'“{name}”' for name in nearest)}?" if nearest else ""


def _is_balanced(expression: str) -> bool:
    rest = _QUOTED.sub("", expression)
    opened: list[str] = []
    for character in rest:
        if character in "([{":
            opened.append(character)
        elif character in _PAIRS and (not opened or opened.pop() != _PAIRS[character]):
            return False
    return not opened and not set(rest) & set("'\"`")


def _of_schema(schema: dict[str, Any]) -> Iterator[tuple[Severity, str]]:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as problem:
        where = ".".join(str(part) for part in problem.path)
        yield "error", f"This is not a JSON Schema: {where + ': ' if where else ''}{problem.message[:200]}."
        return
    if any(text.startswith(("http://", "https://")) for text in _refs(schema)):
        yield "error", "A schema may not refer to another address: put the definition into $defs."


def _refs(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if isinstance(item.get("$ref"), str):
                yield item["$ref"]
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


# --- types and shapes -------------------------------------------------------------------------------------------


def _type_problems(config: Any, values: Mapping[str, Any], specs: Iterable[Spec]) -> dict[str, str]:
    """The first thing that is wrong with the type or size of each field, by Python name."""
    try:
        config.model_validate(values)
    except ValidationError as found:
        places = {place: spec.name for spec in specs for place in (spec.wire, spec.name)}
        told: dict[str, str] = {}
        for error in found.errors(include_url=False, include_input=False):
            name = places.get(str(error["loc"][0])) if error["loc"] else None
            if name:
                told.setdefault(name, _in_words(error["type"], error.get("ctx") or {}, error["msg"]))
        return told
    return {}


def _in_words(sort: str, context: Mapping[str, Any], otherwise: str) -> str:
    for start, word in (("greater_than", "ge"), ("less_than", "le")):
        if sort.startswith(start):
            limit = context.get(word, context.get("gt", context.get("lt")))
            return f"The value must be {'at least' if word == 'ge' else 'at most'} {limit:g}."
    if sort.startswith("int"):
        return "A whole number is needed here."
    if sort.startswith("float"):
        return "A number is needed here."
    if sort == "string_type":
        return "Text is needed here."
    if sort == "string_too_long":
        return f"At most {context.get('max_length')} characters."
    if sort in ("literal_error", "dict_type", "bool_type", "bool_parsing"):
        return "This value is not one that the step understands."
    return f"{otherwise}."


def _of_shape(payload: Mapping[str, Any], keys: list[str]) -> Iterator[Problem]:
    """What the contract says against the payload: the same answer that a dispatch would get."""
    if not listed(payload):
        return
    try:
        DispatchRequest.model_validate(payload)
    except ValidationError as found:
        for detail in from_validation(found).details:
            yield _placed(detail, payload, keys)


def _placed(detail: Detail, payload: Mapping[str, Any], keys: list[str]) -> Problem:
    """A problem of the contract, at the step and field it is about."""
    parts = detail["path"].split(".")
    if parts[:2] == ["flow", steps_field(payload)] and len(parts) > 2 and parts[2].isdecimal():
        key = keys[places_of(listed(payload)).index(int(parts[2]))]
        field = parts[4] if parts[3:4] == ["config"] and len(parts) > 4 else ".".join(parts[3:])
        return Problem(key, field, "error", detail["message"])
    return Problem(FLOW, parts[0] if parts[0] != "flow" else ".".join(parts[1:]), "error", detail["message"])
