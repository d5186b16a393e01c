"""Flows as text: imported from a file or a paste, exported as a file, shown as the curl command that runs them."""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.editor.payload import Payload, flow_of
from dashboard.editor.reading import Unreadable, read_object


@dataclass(frozen=True)
class Imported:
    """A payload that was read, and what people must know about it."""

    payload: Payload
    notes: list[str]


def read_payload(text: str) -> Imported:
    """The payload in a text: a dispatch payload or a bare flow object. Raises Unreadable.

    It is kept as it is, wrong values included (they are shown beside their fields); only request secrets are left out,
    because they are never stored.
    """
    value = read_object(text, "A flow")
    notes: list[str] = []
    if "flow" not in value and ("steps" in value or "flowSteps" in value):
        value = {"flow": value}
    if "secrets" in value:
        value = {name: item for name, item in value.items() if name != "secrets"}
        notes.append("The secrets of the payload were left out: they are never stored.")
    _check_shape(value)
    return Imported(value, notes)


def _check_shape(value: Mapping[str, Any]) -> None:
    if "agent" in value:
        raise Unreadable("This payload runs an agent. Only flows can be imported here.")
    flow = value.get("flow")
    if not isinstance(flow, dict):
        raise Unreadable("There is no flow in this: “flow” must be an object with a name and steps.")
    steps = flow.get("steps") if flow.get("steps") is not None else flow.get("flowSteps")
    if steps is None and flow.get("id"):
        raise Unreadable("This payload names a stored flow by its id and brings no steps to import.")
    if not isinstance(steps if steps is not None else [], list):
        raise Unreadable("The steps of a flow are a list.")
    for number, step in enumerate(steps or [], start=1):
        if not isinstance(step, dict) or not isinstance(step.get("type"), str):
            raise Unreadable(f"Step {number} is not a step: it must be an object with a “type”.")
    name = flow.get("name")
    if name is not None and not isinstance(name, str):
        raise Unreadable("The name of a flow is a text.")


def file_name(payload: Mapping[str, Any]) -> str:
    """What the exported file is called."""
    slug = re.sub(r"[^a-z0-9]+", "-", str(flow_of(payload).get("name") or "").lower()).strip("-")
    return f"{slug[:60] or 'flow'}.json"


def by_id(payload: Mapping[str, Any], flow_id: str) -> Payload:
    """The payload that runs the stored flow instead of bringing its definition along."""
    options = payload.get("options")
    rest = {name: item for name, item in payload.items() if name not in ("flow", "options")}
    made: Payload = {"flow": {"id": flow_id}, **rest}
    if isinstance(options, dict):
        made["options"] = {name: item for name, item in options.items() if name != "flowMode"}
    return made


def curl(payload: Mapping[str, Any], server: str) -> str:
    """The shell command that dispatches a payload to a server (`https://host`), with the key in $SIGNALBOX_KEY."""
    body = shlex.quote(json.dumps(payload, indent=2, ensure_ascii=False))
    return "\n".join(
        (
            f"curl -N {shlex.quote(server.rstrip('/') + '/v1/dispatch')} \\",
            '  -H "Authorization: Bearer $SIGNALBOX_KEY" \\',
            "  -H 'Content-Type: application/json' \\",
            f"  --data-binary {body}",
        )
    )
