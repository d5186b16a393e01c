"""Reading a flow's payload: its steps as they run, their keys, and digests by which a form says what it was made from.

Steps are addressed by key: the step's id, numbered where ids repeat (`id#2`) or are missing (`step_3`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Payload = dict[str, Any]
RawStep = dict[str, Any]


class Unset:
    """The mark of a field that the payload does not have; as a change: take the field out."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()


class StepGone(Exception):
    """The payload has no step with this key (any more)."""


def flow_of(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload's flow object; empty when it has none."""
    flow = payload.get("flow")
    return flow if isinstance(flow, dict) else {}


def steps_field(payload: Mapping[str, Any]) -> str:
    """Under which name the payload lists its steps."""
    flow = flow_of(payload)
    return "flowSteps" if flow.get("steps") is None and isinstance(flow.get("flowSteps"), list) else "steps"


def listed(payload: Mapping[str, Any]) -> list[RawStep]:
    steps = flow_of(payload).get(steps_field(payload))
    return steps if isinstance(steps, list) else []


def order_of(step: RawStep) -> float | None:
    order = step.get("order")
    return order if isinstance(order, int | float) and not isinstance(order, bool) else None


def places_of(steps: Sequence[RawStep]) -> list[int]:
    """Indexes of the listed steps as they run: by `order` when every step has one."""
    orders = [order_of(step) for step in steps]
    places = list(range(len(steps)))
    if any(order is None for order in orders):
        return places
    return sorted(places, key=lambda place: orders[place] or 0)


def steps_of(payload: Mapping[str, Any]) -> list[RawStep]:
    """The steps as they run, disabled ones included."""
    steps = listed(payload)
    return [steps[place] for place in places_of(steps)]


def keys_of(steps: Iterable[RawStep]) -> list[str]:
    """The key of each step, in the same order."""
    seen: dict[str, int] = {}
    keys = []
    for index, step in enumerate(steps):
        step_id = step.get("id")
        base = step_id if isinstance(step_id, str) and step_id else f"step_{index + 1}"
        seen[base] = seen.get(base, 0) + 1
        keys.append(base if seen[base] == 1 else f"{base}#{seen[base]}")
    return keys


def index_of(payload: Mapping[str, Any], key: str) -> int:
    """Where the step runs, from 0. Raises StepGone."""
    keys = keys_of(steps_of(payload))
    if key not in keys:
        raise StepGone(key)
    return keys.index(key)


def step_at(payload: Mapping[str, Any], key: str) -> RawStep:
    """The step with this key. Raises StepGone."""
    return steps_of(payload)[index_of(payload, key)]


def is_enabled(step: Mapping[str, Any]) -> bool:
    """Whether the step runs: it does unless it says `enabled: false`."""
    return step.get("enabled") is not False


def digest(value: Any) -> str:
    """A short digest of a JSON value, by which a form says what it was made from."""
    return hashlib.sha256(json.dumps(value).encode("utf-8", "surrogatepass")).hexdigest()[:20]
