"""Operations on a flow's payload. Pure: each takes a payload and returns another; what it was given is never changed.

Everything the payload holds beside the thing changed stays as it was: unknown fields, key order, explicit nulls.
"""

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.editor.payload import (
    UNSET,
    Payload,
    RawStep,
    flow_of,
    index_of,
    is_enabled,
    keys_of,
    listed,
    order_of,
    places_of,
    step_at,
    steps_field,
    steps_of,
)


@dataclass(frozen=True, slots=True)
class Removed:
    """A deleted step and where it was (0 is first): what `restore_step` needs."""

    step: RawStep
    at: int


def _changed(mapping: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping with some fields set and some (UNSET) taken out; the others stay where they are."""
    result = dict(mapping)
    for name, value in changes.items():
        if value is UNSET:
            result.pop(name, None)
        else:
            result[name] = value
    return result


def set_top(payload: Payload, **changes: Any) -> Payload:
    """Set (or with UNSET take out) top-level fields: record, inputs, messages, options."""
    return _changed(payload, changes)


def set_meta(payload: Payload, **changes: Any) -> Payload:
    """Set (or with UNSET take out) fields of the flow object: name, description."""
    return _changed(payload, {"flow": _changed(flow_of(payload), changes)})


def _with_listed(payload: Payload, steps: list[RawStep]) -> Payload:
    return set_meta(payload, **{steps_field(payload): steps})


def _with_run_order(payload: Payload, steps: list[RawStep]) -> Payload:
    """The payload with these steps, listed as they run; `order` numbers follow where the steps have them."""
    ordered = [step for step in steps if order_of(step) is not None]
    if ordered and len(ordered) >= len(steps) - 1:
        steps = _numbered(steps)
    return _with_listed(payload, steps)


def _numbered(steps: list[RawStep]) -> list[RawStep]:
    """Steps whose `order` grows; a number that already does stays as it is."""
    result: list[RawStep] = []
    last: float = 0
    for step in steps:
        order = order_of(step)
        grows = order is not None and (not result or order > last)
        last = order if grows and order is not None else last + 1
        result.append(step if grows else {**step, "order": last})
    return result


def _free(taken: Iterable[Any], wanted: str, joint: str) -> str:
    names = {name for name in taken if isinstance(name, str)}
    if wanted not in names:
        return wanted
    number = 2
    while f"{wanted}{joint}{number}" in names:
        number += 1
    return f"{wanted}{joint}{number}"


def _without_number(text: str) -> str:
    return re.sub(r"[- ]\d+$", "", text)


def add_step(payload: Payload, step: RawStep, after: str | None = None) -> tuple[Payload, str]:
    """Add a step (with its `type`, and the `name` it would like) after another, or last; returns its key too.

    It gets a readable id, and a name, that no other step has.
    """
    steps = steps_of(payload)
    at = len(steps) if after is None else index_of(payload, after) + 1
    name = _free((other.get("name") for other in steps), str(step.get("name") or step.get("type")), " ")
    base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "step"
    made = {"id": _free(_all_ids(steps), base, "-"), **step, "name": name}
    steps.insert(at, made)
    return _with_run_order(payload, steps), made["id"]


def _all_ids(steps: Iterable[RawStep]) -> list[Any]:
    """Ids in use, those inside branches included."""
    found: list[Any] = []
    for step in steps:
        found.append(step.get("id"))
        config = step.get("config")
        for branch in config.values() if isinstance(config, dict) else ():
            if isinstance(branch, list):
                found.extend(_all_ids(item for item in branch if isinstance(item, dict)))
    return found


def duplicate_step(payload: Payload, key: str) -> tuple[Payload, str]:
    """Put a copy right after a step; returns the key of the copy."""
    original = copy.deepcopy(step_at(payload, key))
    name = _without_number(str(original.get("name") or original.get("type") or "Step"))
    config = original.get("config")
    original = {field: value for field, value in original.items() if field not in ("id", "order")}
    if isinstance(config, dict) and any(isinstance(item, list) for item in config.values()):
        original["config"] = _without_ids(config)
    return add_step(payload, {**original, "name": name}, after=key)


def _without_ids(config: dict[str, Any]) -> dict[str, Any]:
    """A copied branch brings no ids: they would be there twice."""
    result = dict(config)
    for branch in ("trueSteps", "falseSteps"):
        if isinstance(config.get(branch), list):
            result[branch] = [_bare(step) for step in config[branch]]
    return result


def _bare(step: Any) -> Any:
    if not isinstance(step, dict):
        return step
    bare = {field: value for field, value in step.items() if field != "id"}
    return {**bare, "config": _without_ids(bare["config"])} if isinstance(bare.get("config"), dict) else bare


def delete_step(payload: Payload, key: str) -> tuple[Payload, Removed]:
    """Take a step out; returns what is needed to put it back."""
    at = index_of(payload, key)
    steps = steps_of(payload)
    removed = steps.pop(at)
    return _with_listed(payload, steps), Removed(removed, at)


def restore_step(payload: Payload, removed: Removed) -> tuple[Payload, str]:
    """Put a deleted step back where it was, as far as that place still exists; returns its key."""
    steps = steps_of(payload)
    at = min(max(removed.at, 0), len(steps))
    steps.insert(at, removed.step)
    restored = _with_run_order(payload, steps)
    return restored, keys_of(steps_of(restored))[at]


def move_step(payload: Payload, key: str, after: str | None) -> Payload:
    """Move a step behind another one, or to the front."""
    if key == after:
        return payload
    steps = steps_of(payload)
    moved = steps[index_of(payload, key)]
    rest = [step for step in steps if step is not moved]
    at = 0 if after is None else rest.index(step_at(payload, after)) + 1
    return _rearranged(payload, steps, [*rest[:at], moved, *rest[at:]])


def move_step_by(payload: Payload, key: str, by: int) -> Payload:
    """Move a step up (-1) or down (+1); at the end of the list it stays."""
    steps = steps_of(payload)
    at = index_of(payload, key)
    to = min(max(at + by, 0), len(steps) - 1)
    arranged = list(steps)
    arranged.insert(to, arranged.pop(at))
    return _rearranged(payload, steps, arranged)


def _rearranged(payload: Payload, before: list[RawStep], after: list[RawStep]) -> Payload:
    """The same steps in another sequence: they hand their `order` numbers on, so that the set of numbers stays."""
    if all(one is other for one, other in zip(before, after, strict=True)):
        return payload
    orders = [order_of(step) for step in before]
    if None not in orders:
        after = [
            step if order_of(step) == order else {**step, "order": order}
            for step, order in zip(after, orders, strict=True)
        ]
        return _with_listed(payload, _numbered(after))
    return _with_listed(payload, after)


def put_step(payload: Payload, key: str, step: RawStep) -> Payload:
    """Put another step in the place of one."""
    place = places_of(listed(payload))[index_of(payload, key)]
    steps = list(listed(payload))
    steps[place] = step
    return _with_listed(payload, steps)


def set_step_fields(
    payload: Payload, key: str, config: Mapping[str, Any] | None = None, **envelope: Any
) -> Payload:
    """Set (or with UNSET take out) fields of a step's config, and of the step itself."""
    step = step_at(payload, key)
    changed = _changed(step, envelope)
    if config:
        before = step.get("config")
        inner = _changed(before if isinstance(before, dict) else {}, config)
        if inner or isinstance(before, dict):
            changed["config"] = inner
    return put_step(payload, key, changed)


def set_enabled(payload: Payload, key: str, enabled: bool) -> Payload:
    """Let a step run or pass it over."""
    if is_enabled(step_at(payload, key)) == enabled:
        return payload
    return set_step_fields(payload, key, enabled=enabled)


def rename_step(payload: Payload, key: str, name: str) -> Payload:
    """Give a step another name; an empty one takes the name out."""
    if (step_at(payload, key).get("name") or "") == name:
        return payload
    return set_step_fields(payload, key, name=name or UNSET)


def rename_flow(payload: Payload, name: str) -> Payload:
    """Give the flow another name."""
    return payload if flow_of(payload).get("name") == name else set_meta(payload, name=name)


def new_payload(name: str) -> Payload:
    """The payload of a new, empty flow."""
    return {"flow": {"name": name, "steps": []}, "options": {"streamResponse": True}}
