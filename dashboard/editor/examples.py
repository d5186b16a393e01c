"""The example flows that come with the product: plain payload files under `dashboard/examples`."""

import hashlib
import json
from pathlib import Path
from typing import Any

from dashboard.editor.payload import Payload, flow_of, steps_of
from dashboard.models import Flow, Record, Workspace
from dashboard.wire.ids import FLOW

FOLDER = Path(__file__).resolve().parent.parent / "examples"
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def payloads() -> list[tuple[str, Payload]]:
    """The name of each file and its payload, in order."""
    return [(path.stem, json.loads(path.read_text("utf-8"))) for path in sorted(FOLDER.glob("*.json"))]


def _flow_id(workspace: Workspace, name: str) -> str:
    """The id that an example has in a workspace, always the same, so that it is never loaded twice."""
    digest = hashlib.sha256(f"{workspace.pk}:{name}".encode()).digest()
    number = int.from_bytes(digest[:16], "big")
    return f"{FLOW}_" + "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def load(workspace: Workspace) -> int:
    """Give a workspace the examples it was never given; returns how many. Renamed or archived ones stay as they are.

    The first example is loaded last, so that it stands on top of the list.
    """
    return sum(_load_one(workspace, name, payload) for name, payload in reversed(payloads()))


def _load_one(workspace: Workspace, name: str, payload: Payload) -> bool:
    definition = flow_of(payload)
    fields: dict[str, Any] = {
        "workspace": workspace,
        "name": definition["name"],
        "description": definition.get("description", ""),
        "draft": payload,
        "step_count": len(steps_of(payload)),
    }
    _, created = Flow.objects.get_or_create(pk=_flow_id(workspace, name), defaults=fields)
    record = payload.get("record")
    if created and record:
        Record.objects.get_or_create(
            workspace=workspace,
            type=record["type"],
            name=record["name"],
            defaults={"metadata": record["metadata"]},
        )
    return created
